#pragma once
// Random numbers that are the same everywhere for a seed: what the standard library's distributions are not.

#include <cmath>
#include <cstdint>
#include <numbers>

namespace tern {

// SplitMix64 (Steele, Lea, Flood 2014): the next state, and a number from a state.
constexpr uint64_t kMixStep = 0x9e3779b97f4a7c15ull;
constexpr uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(Mix(seed + kMixStep)) {}

  uint64_t Next() { return Mix(state_ += kMixStep); }
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }  // [0, 1)
  double Exponential(double mean) { return -mean * std::log1p(-Uniform()); }
  double Normal() {
    const double radius = std::sqrt(-2 * std::log1p(-Uniform()));
    return radius * std::cos(2 * std::numbers::pi * Uniform());
  }
  // A whole number of at least 1, log-normal: of this mean; `spread` is the deviation of its logarithm.
  int Length(double mean, double spread) {
    const double x = mean * std::exp(spread * Normal() - spread * spread / 2);
    return static_cast<int>(std::fmin(std::fmax(std::round(x), 1), 1 << 24));
  }

 private:
  uint64_t state_;
};

}  // namespace tern
