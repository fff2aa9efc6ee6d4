// sampler_bench: microseconds that the choice of a token takes, by vocabulary and chain.
//
// Logits are those of a model in shape: few stand out of many. They change from token to token, as they do in
// an answer, so that no branch is learnt by heart. Medians.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "engine/sampler.h"

namespace tern {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRows = 4, kTokens = 400, kHistory = 1000;

std::vector<float> Logits(int vocabulary, uint64_t seed) {
  Random random(seed);
  std::vector<float> logits;
  for (int i = 0; i < vocabulary; ++i) {
    // Sums of uniform numbers: nearly normal, with a standard deviation of 3.
    double x = -6;
    for (int j = 0; j < 12; ++j) x += random.Uniform();
    logits.push_back(static_cast<float>(3 * x));
  }
  return logits;
}

double MedianUs(const SamplingOptions& options, const std::vector<std::vector<float>>& rows,
                const std::vector<int32_t>& history) {
  Sampler sampler = Sampler::Make(options, static_cast<int>(rows[0].size())).value();
  std::vector<double> us;
  for (int i = 0; i < kTokens; ++i) {
    const auto start = Clock::now();
    if (!sampler.Sample(rows[static_cast<size_t>(i % kRows)], history, kHistory / 2).ok()) return NAN;
    us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::nth_element(us.begin(), us.begin() + kTokens / 2, us.end());
  return us[kTokens / 2];
}

void Run() {
  SamplingOptions greedy{.seed = 1, .temperature = 0}, chain{.seed = 1}, penalties = chain;
  penalties.repetition_penalty = 1.1f;
  penalties.presence_penalty = penalties.frequency_penalty = 0.1f;
  fmt::print("{:>10} {:>11} {:>11} {:>11}\n", "vocabulary", "greedy", "default", "+ penalties");
  for (const int vocabulary : {49152, 262144}) {
    std::vector<std::vector<float>> rows;
    for (int i = 0; i < kRows; ++i) rows.push_back(Logits(vocabulary, static_cast<uint64_t>(i + 1)));
    std::vector<int32_t> history;
    for (int i = 0; i < kHistory; ++i) history.push_back(i * 37 % vocabulary);
    fmt::print("{:>10}", vocabulary);
    for (const SamplingOptions& o : {greedy, chain, penalties})
      fmt::print(" {:>11.1f}", MedianUs(o, rows, history));
    fmt::print("\n");
  }
}

}  // namespace
}  // namespace tern

int main() { tern::Run(); }
