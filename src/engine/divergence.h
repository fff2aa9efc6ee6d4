#pragma once
// What a run over a text says of a model beside a reference, from what was seen at each scored position:
// means with 95 % intervals, percentiles, agreement; of the whole text, of each of its domains, by position.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tern {

// One position of a window: how the two next-token distributions there differ. All in nats.
struct ScoredToken {
  int32_t window = 0;    // counts all windows of the text
  int32_t domain = 0;    // of the window: an index
  int32_t position = 0;  // in the window, of the token that is predicted
  bool same_top = false;
  double nll = 0, reference_nll = 0;  // of that token
  double kld = 0;                     // KLD(reference || model) over the whole vocabulary
};

struct Interval {
  double low = 0, high = 0;
};

// What a text, or one domain of it, says. Without a reference: tokens, windows, perplexity alone.
struct Divergence {
  int64_t tokens = 0;  // scored
  int windows = 0;
  double perplexity = 0, reference_perplexity = 0;
  double kld_mean = 0, kld_median = 0, kld_p99 = 0, kld_p999 = 0, kld_max = 0;
  double top1 = 0;          // share of positions where both rank the same token first
  double delta_p_rms = 0;   // of P(model) - P(reference) of the token that stands there
  double ln_ppl_ratio = 0;  // ln(perplexity / reference_perplexity)
  // Of the mean KLD and of ln_ppl_ratio; none where there are fewer than kWindowsForInterval windows.
  std::optional<Interval> kld_interval, ln_ppl_interval;
};

// Tokens of a window depend on each other: windows are what is drawn again, and few of them say nothing of
// how much others would differ.
inline constexpr int kWindowsForInterval = 8;

// The intervals are bootstrapped: 2.5 % and 97.5 % of the means of `kResamples` draws of as many windows,
// with replacement, the same draws each time. Percentiles interpolate between ranks, as NumPy's do. Order
// does not matter but for the last bits. No token: all zero.
Divergence Summarize(std::span<const ScoredToken> tokens, bool has_reference);

// Mean KLD of the tokens at positions [first, last].
struct PositionKld {
  int first = 0, last = 0;
  int64_t tokens = 0;
  double kld = 0;
};
// In `bins` of equal width, or fewer where there are fewer positions; those without tokens are left out.
std::vector<PositionKld> KldByPosition(std::span<const ScoredToken> tokens, int bins);

}  // namespace tern
