// Exclude Top Choices (p-e-w, 2024, text-generation-webui pull request 6335): with some probability, of all
// tokens whose probability reaches the threshold only the least likely stays.

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.xtc_probability > 0.f && o.xtc_threshold <= 0.5f; }

void Apply(SamplerState& s) {
  if (s.random.Uniform() >= static_cast<double>(s.options.xtc_probability)) return;
  const float max = MaxLogit(s.candidates);
  // p >= threshold  <=>  logit >= max + log(threshold * sum)
  const double least = static_cast<double>(max) +
                       std::log(static_cast<double>(s.options.xtc_threshold) * SoftmaxSum(s.candidates, max));
  const auto is_top = [least](const Candidate& c) { return static_cast<double>(c.logit) >= least; };
  const Candidate* stays = nullptr;
  for (const Candidate& c : s.candidates) {
    if (is_top(c) && (stays == nullptr || Likelier(*stays, c))) stays = &c;
  }
  if (stays == nullptr) return;
  const int32_t id = stays->id;
  std::erase_if(s.candidates, [&](const Candidate& c) { return is_top(c) && c.id != id; });
}

}  // namespace

extern const SamplerDesc k_sampler_xtc;
const SamplerDesc k_sampler_xtc = {.name = "xtc",
                                   .summary = "sometimes leaves out the top choices (XTC)",
                                   .active = Active,
                                   .apply = Apply,
                                   .truncates = true};

}  // namespace tern
