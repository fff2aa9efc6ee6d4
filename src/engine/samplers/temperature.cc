#include "engine/sampler.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.temperature != 1.f; }

void Apply(SamplerState& s) {
  for (Candidate& c : s.candidates) c.logit /= s.options.temperature;
}

}  // namespace

extern const SamplerDesc k_sampler_temperature;
const SamplerDesc k_sampler_temperature = {
    .name = "temperature", .summary = "divides the logits", .active = Active, .apply = Apply};

}  // namespace tern
