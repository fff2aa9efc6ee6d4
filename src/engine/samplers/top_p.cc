// Nucleus sampling: Holtzman et al. 2020, arXiv 1904.09751.

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.top_p < 1.f; }

void Apply(SamplerState& s) {
  SortCandidates(s);
  const float max = s.candidates.front().logit;
  const double wanted = static_cast<double>(s.options.top_p) * SoftmaxSum(s.candidates, max);
  double mass = 0;
  size_t kept = 0;
  while (kept < s.candidates.size() && mass < wanted) {
    mass += std::exp(static_cast<double>(s.candidates[kept++].logit - max));
  }
  s.candidates.resize(std::max<size_t>(1, kept));
}

}  // namespace

extern const SamplerDesc k_sampler_top_p;
const SamplerDesc k_sampler_top_p = {.name = "top_p",
                                     .summary = "keeps the likeliest that make up a share (nucleus)",
                                     .active = Active,
                                     .apply = Apply};

}  // namespace tern
