#include "engine/sampler.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return !o.logit_bias.empty(); }

void Apply(SamplerState& s) {
  for (Candidate& c : s.candidates) {
    const auto bias = s.options.logit_bias.find(c.id);
    if (bias != s.options.logit_bias.end()) c.logit += bias->second;
  }
  s.sorted = false;
}

void Touches(const SamplerState& s, std::vector<int32_t>& ids) {
  for (const auto& [id, bias] : s.options.logit_bias) ids.push_back(id);
}

}  // namespace

extern const SamplerDesc k_sampler_logit_bias;
const SamplerDesc k_sampler_logit_bias = {.name = "logit_bias",
                                          .summary = "adds a fixed number to some tokens' logits",
                                          .active = Active,
                                          .apply = Apply,
                                          .touches = Touches};

}  // namespace tern
