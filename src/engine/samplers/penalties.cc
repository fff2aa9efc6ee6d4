// Repetition: Keskar et al. 2019 (CTRL, arXiv 1909.05858): a positive logit is divided by the penalty, a
// negative one multiplied; prompt and answer count. Presence and frequency: OpenAI's API: logit -= presence *
// [count > 0] + frequency * count, where the answer alone counts.

#include <algorithm>

#include "engine/sampler.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) {
  return o.penalty_last_n != 0 &&
         (o.repetition_penalty != 1.f || o.presence_penalty != 0.f || o.frequency_penalty != 0.f);
}

// Those of the last `penalty_last_n` tokens that stand at `from` or behind.
std::span<const int32_t> Recent(const SamplerState& s, size_t from) {
  const size_t size = s.history.size();
  if (s.options.penalty_last_n >= 0) {
    from = std::max(from, size - std::min(size, static_cast<size_t>(s.options.penalty_last_n)));
  }
  return s.history.subspan(std::min(from, size));
}

// The same in s.scratch, sorted.
std::span<const int64_t> SortRecent(SamplerState& s, size_t from) {
  const auto recent = Recent(s, from);
  s.scratch.assign(recent.begin(), recent.end());
  std::sort(s.scratch.begin(), s.scratch.end());
  return s.scratch;
}

int Count(std::span<const int64_t> sorted, int32_t id) {
  const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), id);
  return static_cast<int>(last - first);
}

void Apply(SamplerState& s) {
  const SamplingOptions& o = s.options;
  const auto all = o.repetition_penalty == 1.f ? std::span<const int64_t>() : SortRecent(s, 0);
  for (Candidate& c : s.candidates) {
    if (Count(all, c.id) == 0) continue;
    c.logit = c.logit > 0 ? c.logit / o.repetition_penalty : c.logit * o.repetition_penalty;
  }
  const bool counts = o.presence_penalty != 0.f || o.frequency_penalty != 0.f;
  const auto answer = counts ? SortRecent(s, s.answer_from) : std::span<const int64_t>();
  for (Candidate& c : s.candidates) {
    const int count = Count(answer, c.id);
    if (count > 0) c.logit -= o.presence_penalty + o.frequency_penalty * static_cast<float>(count);
  }
  s.sorted = false;
}

void Touches(const SamplerState& s, std::vector<int32_t>& ids) {
  const auto recent = Recent(s, s.options.repetition_penalty == 1.f ? s.answer_from : 0);
  ids.insert(ids.end(), recent.begin(), recent.end());
}

}  // namespace

extern const SamplerDesc k_sampler_penalties;
const SamplerDesc k_sampler_penalties = {
    .name = "penalties",
    .summary = "lowers what occurred lately: repetition, presence, frequency",
    .active = Active,
    .apply = Apply,
    .touches = Touches};

}  // namespace tern
