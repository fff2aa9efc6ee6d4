#include "engine/divergence.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/sampler.h"

namespace tern {
namespace {

constexpr int kResamples = 2000;
constexpr uint64_t kSeed = 7;

// What a window adds to the two means.
struct WindowSums {
  double kld = 0, ln_ppl = 0, tokens = 0;
};

double Percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Interval Middle(std::vector<double> means) {
  std::sort(means.begin(), means.end());
  return {Percentile(means, 0.025), Percentile(means, 0.975)};
}

void Bootstrap(const std::vector<WindowSums>& windows, Divergence* d) {
  Random random(kSeed);
  const auto count = static_cast<uint64_t>(windows.size());
  std::vector<double> klds, ratios;
  for (int i = 0; i < kResamples; ++i) {
    WindowSums sum;
    for (size_t draw = 0; draw < windows.size(); ++draw) {
      const WindowSums& window = windows[static_cast<size_t>(random.Next() * count >> 32)];
      sum.kld += window.kld;
      sum.ln_ppl += window.ln_ppl;
      sum.tokens += window.tokens;
    }
    klds.push_back(sum.kld / sum.tokens);
    ratios.push_back(sum.ln_ppl / sum.tokens);
  }
  d->kld_interval = Middle(std::move(klds));
  d->ln_ppl_interval = Middle(std::move(ratios));
}

void SummarizeKld(std::span<const ScoredToken> tokens, Divergence* d) {
  std::vector<double> kld;
  double sum = 0;
  for (const ScoredToken& t : tokens) {
    kld.push_back(t.kld);
    sum += t.kld;
  }
  std::sort(kld.begin(), kld.end());
  d->kld_mean = sum / static_cast<double>(kld.size());
  d->kld_median = Percentile(kld, 0.5);
  d->kld_p99 = Percentile(kld, 0.99);
  d->kld_p999 = Percentile(kld, 0.999);
  d->kld_max = kld.back();
}

}  // namespace

Divergence Summarize(std::span<const ScoredToken> tokens, bool has_reference) {
  Divergence d;
  if (tokens.empty()) return d;
  std::map<int32_t, WindowSums> windows;
  double nll = 0, reference_nll = 0, delta_squares = 0, same = 0;
  for (const ScoredToken& t : tokens) {
    nll += t.nll;
    reference_nll += t.reference_nll;
    const double delta = std::exp(-t.nll) - std::exp(-t.reference_nll);
    delta_squares += delta * delta;
    same += t.same_top ? 1 : 0;
    WindowSums& window = windows[t.window];
    window.kld += t.kld;
    window.ln_ppl += t.nll - t.reference_nll;
    ++window.tokens;
  }
  const auto count = static_cast<double>(tokens.size());
  d.tokens = static_cast<int64_t>(tokens.size());
  d.windows = static_cast<int>(windows.size());
  d.perplexity = std::exp(nll / count);
  if (!has_reference) return d;
  d.reference_perplexity = std::exp(reference_nll / count);
  d.ln_ppl_ratio = (nll - reference_nll) / count;
  d.top1 = same / count;
  d.delta_p_rms = std::sqrt(delta_squares / count);
  SummarizeKld(tokens, &d);
  if (d.windows < kWindowsForInterval) return d;
  std::vector<WindowSums> sums;
  for (const auto& [number, window] : windows) sums.push_back(window);
  Bootstrap(sums, &d);
  return d;
}

std::vector<PositionKld> KldByPosition(std::span<const ScoredToken> tokens, int bins) {
  if (tokens.empty()) return {};
  const auto [low, high] =
      std::minmax_element(tokens.begin(), tokens.end(),
                          [](const ScoredToken& a, const ScoredToken& b) { return a.position < b.position; });
  const int first = low->position, positions = high->position - first + 1;
  const int width = (positions + bins - 1) / bins;
  std::vector<PositionKld> by_position(static_cast<size_t>((positions + width - 1) / width));
  for (const ScoredToken& t : tokens) {
    PositionKld& bin = by_position[static_cast<size_t>((t.position - first) / width)];
    ++bin.tokens;
    bin.kld += t.kld;
  }
  for (size_t i = 0; i < by_position.size(); ++i) {
    PositionKld& bin = by_position[i];
    bin.first = first + static_cast<int>(i) * width;
    bin.last = std::min(bin.first + width - 1, high->position);
    bin.kld /= static_cast<double>(std::max<int64_t>(bin.tokens, 1));
  }
  std::erase_if(by_position, [](const PositionKld& bin) { return bin.tokens == 0; });
  return by_position;
}

}  // namespace tern
