// Min-p: Nguyen et al. 2024, arXiv 2407.01082: p >= min_p * max p, that is logit >= max + log(min_p).

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.min_p > 0.f; }

void Apply(SamplerState& s) {
  const float least = MaxLogit(s.candidates) + std::log(s.options.min_p);
  std::erase_if(s.candidates, [least](const Candidate& c) { return c.logit < least; });
}

}  // namespace

extern const SamplerDesc k_sampler_min_p;
const SamplerDesc k_sampler_min_p = {.name = "min_p",
                                     .summary = "keeps what is at least a share of the likeliest",
                                     .active = Active,
                                     .apply = Apply,
                                     .truncates = true};

}  // namespace tern
