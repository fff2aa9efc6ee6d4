#include "engine/step_meter.h"

#include <algorithm>

namespace tern {
namespace {
constexpr int kWarmSteps = 4;
}

StepMeter::StepMeter(Engine* engine, const PerfCounters* counters)
    : engine_(*engine), counters_(counters), layout_(engine->runner().layout()) {}

StepMeter::~StepMeter() { engine_.runner().Observe(nullptr); }

// Any tokens cost the same; these are spread over the vocabulary, and differ by seed from the first on.
std::vector<int32_t> StepMeter::Tokens(int n, int seed) const {
  std::vector<int32_t> tokens;
  const int64_t vocabulary = engine_.runner().model().hparams().vocabulary;
  for (int64_t i = 0; i < n; ++i) {
    tokens.push_back(static_cast<int32_t>((i * 7919 + seed * 31 + 13) % vocabulary));
  }
  return tokens;
}

Request StepMeter::MakeRequest(std::vector<int32_t> prompt, int max_tokens) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling.seed = 1;
  request.ignore_end = true;
  request.on_token = [this](int32_t) {
    ++answered_;
    if (step_ == nullptr) return;
    const int64_t now = SteadyNs();
    step_->sample_ns += now - (mark_ != 0 ? mark_ : step_->profile.end);
    mark_ = now;
  };
  request.on_text = [this](std::string_view) {
    if (step_ == nullptr) return;
    const int64_t now = SteadyNs();
    step_->text_ns += now - mark_;
    mark_ = now;
  };
  request.on_finish = [this](const Outcome& outcome) {
    if (outcome.reason == FinishReason::kFailed) failure_ = outcome.error;
  };
  return request;
}

Status StepMeter::PlainStep(MeteredSteps* metered) {
  const PerfCounts before = counters_ != nullptr ? counters_->Read() : PerfCounts{};
  const int64_t begin = SteadyNs();
  engine_.Step();
  metered->plain_ns.push_back(SteadyNs() - begin);
  if (counters_ != nullptr) {
    const PerfCounts after = counters_->Read();
    if (!metered->counts) metered->counts.emplace();
    metered->counts->cycles += after.cycles - before.cycles;
    metered->counts->instructions += after.instructions - before.instructions;
    metered->counts->cache_misses += after.cache_misses - before.cache_misses;
  }
  return failure_;
}

Status StepMeter::ProfiledStep(MeteredSteps* metered) {
  EngineStep step{.profile = StepProfile(layout_)};
  engine_.runner().Observe(&step.profile);
  step_ = &step;
  mark_ = 0;
  step.begin = SteadyNs();
  engine_.Step();
  step.end = SteadyNs();
  step_ = nullptr;
  engine_.runner().Observe(nullptr);
  TERN_TRY_STATUS(failure_);
  metered->profiled.push_back(std::move(step));
  return {};
}

Status StepMeter::Both(int step, MeteredSteps* metered) {
  return step % 2 == 0 ? PlainStep(metered) : ProfiledStep(metered);
}

Result<MeteredSteps> StepMeter::Decode(int batch, int depth, int steps) {
  MeteredSteps metered;
  std::vector<RequestId> requests;
  answered_ = 0;
  for (int i = 0; i < batch; ++i) {
    TERN_TRY(const RequestId id, engine_.Submit(MakeRequest(Tokens(depth + 1, i), -1)));
    requests.push_back(id);
  }
  Status status;
  while (answered_ < batch && status.ok() && engine_.Step()) status = failure_;
  for (int i = 0; i < kWarmSteps && status.ok() && engine_.Step(); ++i) status = failure_;
  for (int i = 0; i < 2 * steps && status.ok(); ++i) status = Both(i, &metered);
  for (const RequestId id : requests) engine_.Cancel(id);
  if (!status.ok()) return status.error();
  return metered;
}

Status StepMeter::Run(std::vector<int32_t> prompt) {
  TERN_TRY([[maybe_unused]] const RequestId id, engine_.Submit(MakeRequest(std::move(prompt), 1)));
  while (engine_.Step()) {
  }
  return failure_;
}

Result<MeteredSteps> StepMeter::Prefill(int tokens, int depth, int steps) {
  MeteredSteps metered;
  const std::vector<int32_t> before = Tokens(depth / kKvBlockTokens * kKvBlockTokens, 0);
  if (!before.empty()) {
    // One token more, as the last of a prompt is always computed.
    std::vector<int32_t> prompt = before;
    prompt.push_back(0);
    TERN_TRY_STATUS(Run(std::move(prompt)));
  }
  for (int i = -1; i < 2 * steps; ++i) {
    std::vector<int32_t> prompt = before;
    const std::vector<int32_t> chunk = Tokens(tokens, i + 2);
    prompt.insert(prompt.end(), chunk.begin(), chunk.end());
    if (i < 0) {  // warms up
      TERN_TRY_STATUS(Run(std::move(prompt)));
      continue;
    }
    TERN_TRY([[maybe_unused]] const RequestId id, engine_.Submit(MakeRequest(std::move(prompt), 1)));
    TERN_TRY_STATUS(Both(i, &metered));
    while (engine_.Step()) {
    }
  }
  return metered;
}

}  // namespace tern
