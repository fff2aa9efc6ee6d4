// CpuPlan::Profile: Run with clock reads. Kept apart, so that Run has none.

#include <algorithm>

#include "backends/cpu/plan.h"

namespace tern {

PlanLayout CpuPlan::layout() const {
  PlanLayout layout{.threads = device_->team.threads(), .stages = stages_.size()};
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    for (size_t i = stages_[stage]->first; i < stages_[stage]->last; ++i) {
      PlanLayout::Item item{.node = i, .stage = stage};
      if (stages_[stage]->phase == 0) {
        const StepCost cost = steps_[i].step->cost();
        item.weight_bytes = cost.stream_bytes;
        item.int8_ops_per_row = cost.int8_ops_per_row;
        item.f32_ops_per_row = cost.f32_ops_per_row;
      }
      layout.items.push_back(item);
    }
  }
  return layout;
}

Status CpuPlan::Profile(const Batch& batch, KvStore* kv, StepProfile* profile) {
  const auto threads = static_cast<size_t>(threads_);
  TERN_CHECK(profile->stages == stages_.size() && profile->visits.size() >= profile->stages * threads);
  PackLater();
  profile->threads = threads;
  profile->rows = batch.rows();
  profile->outputs = batch.outputs();
  profile->spans.clear();
  for (const SequenceSpan& s : batch.sequences) {
    profile->spans.push_back({s.first_position, s.rows, s.source_tokens});
  }
  std::fill(profile->visits.begin(), profile->visits.end(), StepProfile::Visit{});
  std::fill(profile->busy_ns.begin(), profile->busy_ns.end(), 0);

  profile->start = SteadyNs();
  TERN_TRY_STATUS(Bind(batch, kv));
  profile->bound = SteadyNs();
  device_->team.Run(threads_, [&](int thread) { ProfileStages(batch, kv, thread, profile); });
  profile->end = SteadyNs();
  for (StepProfile::Visit& visit : profile->visits) {
    if (visit.begin != 0 && visit.left == 0) visit.left = profile->end;  // of the last stage, which joins
  }
  return {};
}

void CpuPlan::ProfileStages(const Batch& batch, KvStore* kv, int thread, StepProfile* profile) {
  const auto t = static_cast<size_t>(thread);
  const TaskRanges::Place place{thread, threads_};
  size_t first_item = 0;
  int64_t now = SteadyNs();
  for (size_t s = 0; s < stages_.size(); ++s) {
    Stage& stage = *stages_[s];
    const size_t items = first_item;
    first_item += stage.last - stage.first;
    if (stage.tasks.count == 0) continue;
    const StepMemory memory = Memory(thread, stage);
    StepProfile::Visit& visit = profile->visit(s, t);
    visit.begin = now;
    stage.counter.ForEach(place, stage.tasks.count, stage.tasks.chunk, [&](size_t begin, size_t end) {
      for (size_t i = stage.first; i < stage.last; ++i) {
        const Bound& b = steps_[i];
        b.step->Run({b.inputs, b.outputs, b.node->attrs, batch, kv}, begin, end, memory);
        const int64_t after = SteadyNs();
        profile->busy(items + i - stage.first, t) += after - now;
        now = after;
      }
    });
    visit.done = now = SteadyNs();
    if (s + 1 == stages_.size()) return;
    device_->team.Barrier(thread);
    visit.left = now = SteadyNs();
  }
}

}  // namespace tern
