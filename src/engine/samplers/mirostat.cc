// Mirostat 2.0 (Basu et al. 2020, arXiv 2007.14966): tokens whose surprise -log2 p exceeds mu are left out;
// after the choice, mu -= eta * (surprise - tau). The update happens in Sampler::Sample, which knows the
// choice.

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.mirostat == 2; }

void Apply(SamplerState& s) {
  const float max = MaxLogit(s.candidates);
  // -log2 p <= mu  <=>  logit >= max + log(sum) - mu * ln 2
  const double log_sum = std::log(SoftmaxSum(s.candidates, max));
  const double least =
      static_cast<double>(max) + log_sum - static_cast<double>(s.mirostat_mu) * std::log(2.0);
  const auto likeliest = std::min_element(s.candidates.begin(), s.candidates.end(), Likelier)->id;
  std::erase_if(s.candidates, [&](const Candidate& c) {
    return static_cast<double>(c.logit) < least && c.id != likeliest;
  });
  SortCandidates(s);
}

}  // namespace

extern const SamplerDesc k_sampler_mirostat;
const SamplerDesc k_sampler_mirostat = {.name = "mirostat",
                                        .summary = "keeps the surprise near a target (Mirostat 2.0)",
                                        .active = Active,
                                        .apply = Apply};

}  // namespace tern
