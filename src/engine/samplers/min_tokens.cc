#include <algorithm>
#include <cmath>

#include "engine/sampler.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.min_tokens > 0 && !o.end_tokens.empty(); }

bool IsShort(const SamplerState& s) {
  return s.history.size() - s.answer_from < static_cast<size_t>(s.options.min_tokens);
}

void Apply(SamplerState& s) {
  if (!IsShort(s)) return;
  for (Candidate& c : s.candidates) {
    if (std::ranges::find(s.options.end_tokens, c.id) != s.options.end_tokens.end()) c.logit = -INFINITY;
  }
  s.sorted = false;
}

void Touches(const SamplerState& s, std::vector<int32_t>& ids) {
  if (IsShort(s)) ids.insert(ids.end(), s.options.end_tokens.begin(), s.options.end_tokens.end());
}

}  // namespace

extern const SamplerDesc k_sampler_min_tokens;
const SamplerDesc k_sampler_min_tokens = {.name = "min_tokens",
                                          .summary = "lets no answer end before it has so many tokens",
                                          .active = Active,
                                          .apply = Apply,
                                          .touches = Touches};

}  // namespace tern
