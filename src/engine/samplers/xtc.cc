// Exclude Top Choices (p-e-w, 2024, text-generation-webui pull request 6335): with some probability, of all
// tokens whose probability reaches the threshold only the least likely stays.

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.xtc_probability > 0.f && o.xtc_threshold <= 0.5f; }

void Apply(SamplerState& s) {
  if (s.random.Uniform() >= static_cast<double>(s.options.xtc_probability)) return;
  SortCandidates(s);
  const float max = s.candidates.front().logit;
  const double least = static_cast<double>(s.options.xtc_threshold) * SoftmaxSum(s.candidates, max);
  size_t top = 0;
  while (top < s.candidates.size() && std::exp(static_cast<double>(s.candidates[top].logit - max)) >= least)
    ++top;
  if (top >= 2)
    s.candidates.erase(s.candidates.begin(), s.candidates.begin() + static_cast<ptrdiff_t>(top - 1));
}

}  // namespace

extern const SamplerDesc k_sampler_xtc;
const SamplerDesc k_sampler_xtc = {
    .name = "xtc", .summary = "sometimes leaves out the top choices (XTC)", .active = Active, .apply = Apply};

}  // namespace tern
