// DRY (p-e-w, 2024, text-generation-webui pull request 5677): a token that would make the text repeat an
// earlier sequence of n tokens loses multiplier * base^(n - allowed_length) where n >= allowed_length. A
// breaker ends a sequence, and loses nothing itself.

#include <algorithm>
#include <cmath>

#include "engine/sampler.h"

namespace tern {
namespace {

// Longer matches change nothing any more: base^50 overflows every difference of logits.
constexpr size_t kLongest = 50;

bool Active(const SamplingOptions& o) { return o.dry_multiplier > 0 && o.dry_last_n != 0; }

std::span<const int32_t> Recent(const SamplerState& s) {
  const auto last = static_cast<size_t>(std::max(s.options.dry_last_n, 0));
  return last > 0 && s.history.size() > last ? s.history.last(last) : s.history;
}

// The tokens that would go on with a repetition, each with the length of one: sorted, token * kLengths +
// length.
constexpr int64_t kLengths = 64;
static_assert(kLongest < kLengths);

std::span<const int64_t> Repetitions(SamplerState& s) {
  const std::span<const int32_t> text = Recent(s);
  const DryBreakers none, &breakers = s.dry_breakers == nullptr ? none : *s.dry_breakers;
  const size_t size = text.size(), least = static_cast<size_t>(s.options.dry_allowed_length);
  size_t longest = 0;
  while (longest < std::min(kLongest, size) && !breakers.EndsAt(text, size - longest)) ++longest;
  s.scratch.clear();
  for (size_t at = 1; at < size && longest >= least; ++at) {
    size_t length = 0;
    while (length < std::min(longest, at) && text[at - 1 - length] == text[size - 1 - length]) ++length;
    if (length >= least && !breakers.Is(text[at]))
      s.scratch.push_back(text[at] * kLengths + static_cast<int64_t>(length));
  }
  std::sort(s.scratch.begin(), s.scratch.end());
  return s.scratch;
}

void Apply(SamplerState& s) {
  const std::span<const int64_t> repetitions = Repetitions(s);
  if (repetitions.empty()) return;
  for (Candidate& c : s.candidates) {
    // Once, for the longest.
    const auto end = std::lower_bound(repetitions.begin(), repetitions.end(), (c.id + int64_t{1}) * kLengths);
    if (end == repetitions.begin() || end[-1] / kLengths != c.id) continue;
    const auto exponent = static_cast<double>(end[-1] % kLengths - s.options.dry_allowed_length);
    const double penalty = std::pow(static_cast<double>(s.options.dry_base), exponent);
    c.logit -= s.options.dry_multiplier * static_cast<float>(penalty);
  }
  s.sorted = false;
}

void Touches(const SamplerState& s, std::vector<int32_t>& ids) {
  const std::span<const int32_t> text = Recent(s);
  ids.insert(ids.end(), text.begin(), text.end());
}

}  // namespace

extern const SamplerDesc k_sampler_dry;
const SamplerDesc k_sampler_dry = {.name = "dry",
                                   .summary = "lowers what would repeat a sequence (DRY)",
                                   .active = Active,
                                   .apply = Apply,
                                   .touches = Touches};

}  // namespace tern
