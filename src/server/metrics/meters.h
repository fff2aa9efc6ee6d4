#pragma once
// What is counted: numbers that only grow, and how values spread over fixed buckets. Any thread adds at any
// time, without locks; who reads sees each number whole.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tern {

class Counter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

// Upper ends of buckets, ascending; a last one takes what is beyond.
inline constexpr double kSecondsBuckets[] = {0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                             0.15,  0.25,   0.5,   0.75, 1,    2.5,  5,    7.5,  10,
                                             20,    40,     80,    160,  320,  640,  2560};
inline constexpr double kTokenBuckets[] = {1,    2,    5,    10,    20,    50,    100,    200,    500,
                                           1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000};

inline constexpr double kStepBuckets[] = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
inline constexpr double kCountBuckets[] = {1, 2, 5, 10, 20};

class Histogram {
 public:
  static constexpr size_t kMostBuckets = 26;
  using Counts = std::array<uint64_t, kMostBuckets>;

  // `ends` outlive the histogram: fewer than kMostBuckets.
  explicit Histogram(std::span<const double> ends);
  void Observe(double value);

  std::span<const double> ends() const { return ends_; }
  Counts counts() const;  // of each bucket alone; the one behind ends() is what is beyond
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::span<const double> ends_;
  std::array<std::atomic<uint64_t>, kMostBuckets> counts_{};
  std::atomic<double> sum_ = 0;
};

}  // namespace tern
