// Nucleus sampling: Holtzman et al. 2020, arXiv 1904.09751.

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.top_p < 1.f; }

void Apply(SamplerState& s) {
  const float max = MaxLogit(s.candidates);
  const double wanted = static_cast<double>(s.options.top_p) * SoftmaxSum(s.candidates, max);
  double mass = 0;
  const size_t kept = WalkSorted(s.candidates, s.sorted, Likelier, [&](const Candidate& c) {
    mass += std::exp(static_cast<double>(c.logit - max));
    return mass < wanted;
  });
  s.candidates.resize(kept);
  s.sorted = true;
}

}  // namespace

extern const SamplerDesc k_sampler_top_p;
const SamplerDesc k_sampler_top_p = {.name = "top_p",
                                     .summary = "keeps the likeliest that make up a share (nucleus)",
                                     .active = Active,
                                     .apply = Apply,
                                     .truncates = true};

}  // namespace tern
