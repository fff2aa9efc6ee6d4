// Repetition: Keskar et al. 2019 (CTRL, arXiv 1909.05858): a positive logit is divided by the penalty, a
// negative one multiplied. Presence and frequency: OpenAI's API: logit -= presence * [count > 0] + frequency
// * count.

#include <algorithm>

#include "engine/sampler.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) {
  return o.penalty_last_n != 0 &&
         (o.repetition_penalty != 1.f || o.presence_penalty != 0.f || o.frequency_penalty != 0.f);
}

void Apply(SamplerState& s) {
  const size_t n = s.options.penalty_last_n < 0
                       ? s.history.size()
                       : std::min(s.history.size(), static_cast<size_t>(s.options.penalty_last_n));
  std::vector<int32_t>& recent = s.scratch;
  recent.assign(s.history.end() - static_cast<ptrdiff_t>(n), s.history.end());
  std::sort(recent.begin(), recent.end());
  for (Candidate& c : s.candidates) {
    const auto [first, last] = std::equal_range(recent.begin(), recent.end(), c.id);
    if (first == last) continue;
    c.logit = c.logit > 0 ? c.logit / s.options.repetition_penalty : c.logit * s.options.repetition_penalty;
    c.logit -= s.options.presence_penalty + s.options.frequency_penalty * static_cast<float>(last - first);
  }
  s.sorted = false;
}

}  // namespace

extern const SamplerDesc k_sampler_penalties;
const SamplerDesc k_sampler_penalties = {
    .name = "penalties",
    .summary = "lowers what occurred lately: repetition, presence, frequency",
    .active = Active,
    .apply = Apply};

}  // namespace tern
