// DRY (p-e-w, 2024, text-generation-webui pull request 5677): a token that would make the text repeat an
// earlier sequence of n tokens loses multiplier * base^(n - allowed_length) where n >= allowed_length. A
// breaker in the sequence ends it.

#include <algorithm>
#include <cmath>

#include "engine/sampler.h"

namespace tern {
namespace {

// Longer matches change nothing any more: base^50 overflows every difference of logits.
constexpr size_t kLongest = 50;

bool Active(const SamplingOptions& o) { return o.dry_multiplier > 0 && o.dry_last_n != 0; }

// Does some breaker end at text[end - 1]?
bool BreaksAt(std::span<const int32_t> text, size_t end, const SamplingOptions& o) {
  for (const std::vector<int32_t>& breaker : o.dry_breakers) {
    if (breaker.empty() || breaker.size() > end) continue;
    if (std::equal(breaker.begin(), breaker.end(),
                   text.begin() + static_cast<ptrdiff_t>(end - breaker.size())))
      return true;
  }
  return false;
}

void Penalize(SamplerState& s, int32_t token, size_t length) {
  const double exponent = static_cast<double>(length) - s.options.dry_allowed_length;
  const double penalty =
      s.options.dry_multiplier * std::pow(static_cast<double>(s.options.dry_base), exponent);
  for (Candidate& c : s.candidates) {
    if (c.id == token) c.logit -= static_cast<float>(penalty);
  }
}

void Apply(SamplerState& s) {
  std::span<const int32_t> text = s.history;
  if (s.options.dry_last_n > 0 && text.size() > static_cast<size_t>(s.options.dry_last_n)) {
    text = text.last(static_cast<size_t>(s.options.dry_last_n));
  }
  // The longest match per next token; a token is penalized once, for its longest.
  std::vector<int32_t>& seen = s.scratch;
  seen.clear();
  for (size_t longest = std::min(kLongest, text.size());
       longest + 1 > static_cast<size_t>(s.options.dry_allowed_length) && longest > 0; --longest) {
    for (size_t at = longest; at < text.size(); ++at) {
      // Do the `longest` tokens before `at` equal the last `longest` of the text?
      const auto tail = text.last(longest);
      if (!std::equal(tail.begin(), tail.end(), text.begin() + static_cast<ptrdiff_t>(at - longest)))
        continue;
      bool broken = false;
      for (size_t end = at - longest + 1; end <= at && !broken; ++end)
        broken = BreaksAt(text, end, s.options);
      if (broken || std::find(seen.begin(), seen.end(), text[at]) != seen.end()) continue;
      seen.push_back(text[at]);
      Penalize(s, text[at], longest);
    }
  }
  s.sorted = false;
}

}  // namespace

extern const SamplerDesc k_sampler_dry;
const SamplerDesc k_sampler_dry = {
    .name = "dry", .summary = "lowers what would repeat a sequence (DRY)", .active = Active, .apply = Apply};

}  // namespace tern
