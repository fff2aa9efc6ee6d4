#pragma once
// RecentTimes: how times of the last minute spread, for people who watch: what a Histogram has counted since
// the start, a collector takes apart; a page cannot. Any thread; memory is fixed.

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace tern {

class RecentTimes {
 public:
  using Clock = std::chrono::steady_clock;

  void Observe(double seconds, Clock::time_point now = Clock::now());

  struct Quantiles {
    double p50 = 0, p99 = 0;  // seconds, 5 % off at most
  };
  // Of what was observed in the last 55 to 60 seconds; nothing: nothing was.
  std::optional<Quantiles> Now(Clock::time_point now = Clock::now()) const;

 private:
  // Each bucket ends at kRatio times the end of the one before, from 10 us to half an hour.
  static constexpr double kFirstEnd = 1e-5, kRatio = 1.1;
  static constexpr size_t kBuckets = 200, kSlices = 12;
  static constexpr std::chrono::seconds kSlice{5};
  struct Slice {
    int64_t number = -1;  // of all slices of time
    std::array<uint32_t, kBuckets> counts{};
  };
  static int64_t NumberAt(Clock::time_point now) { return now.time_since_epoch() / kSlice; }
  static double Middle(size_t bucket);

  mutable std::mutex mutex_;
  std::array<Slice, kSlices> slices_;  // a ring
};

}  // namespace tern
