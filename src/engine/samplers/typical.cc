// Locally typical sampling (Meister et al. 2022, arXiv 2202.00666): tokens in the order of |-log p - entropy|
// until they make up typical_p.

#include "engine/samplers/softmax.h"

namespace tern {
namespace {

bool Active(const SamplingOptions& o) { return o.typical_p < 1.f; }

void Apply(SamplerState& s) {
  const float max = MaxLogit(s.candidates);
  const double sum = SoftmaxSum(s.candidates, max), log_sum = std::log(sum);
  auto log_p = [&](const Candidate& c) { return static_cast<double>(c.logit - max) - log_sum; };
  double entropy = 0;
  for (const Candidate& c : s.candidates) {
    if (std::isfinite(c.logit)) entropy -= std::exp(log_p(c)) * log_p(c);
  }
  auto distance = [&](const Candidate& c) { return std::fabs(-log_p(c) - entropy); };
  const auto nearer = [&](const Candidate& a, const Candidate& b) {
    const double da = distance(a), db = distance(b);
    return da < db || (da == db && a.id < b.id);
  };
  double mass = 0;
  const size_t kept = WalkSorted(s.candidates, false, nearer, [&](const Candidate& c) {
    mass += std::exp(log_p(c));
    return mass < static_cast<double>(s.options.typical_p);
  });
  s.candidates.resize(kept);
  s.sorted = false;
}

}  // namespace

extern const SamplerDesc k_sampler_typical;
const SamplerDesc k_sampler_typical = {.name = "typical",
                                       .summary = "keeps tokens of about average surprise",
                                       .active = Active,
                                       .apply = Apply,
                                       .truncates = true};

}  // namespace tern
