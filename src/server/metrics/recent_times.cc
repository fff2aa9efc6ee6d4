#include "server/metrics/recent_times.h"

#include <algorithm>
#include <cmath>

namespace tern {

void RecentTimes::Observe(double seconds, Clock::time_point now) {
  if (!std::isfinite(seconds)) return;
  const double steps = std::log(std::max(seconds, kFirstEnd) / kFirstEnd) / std::log(kRatio);
  const auto bucket = static_cast<size_t>(std::min(std::ceil(steps), kBuckets - 1.0));
  const int64_t number = NumberAt(now);
  const std::lock_guard lock(mutex_);
  Slice& slice = slices_[static_cast<size_t>(number) % kSlices];
  if (slice.number != number) slice = {.number = number};
  ++slice.counts[bucket];
}

double RecentTimes::Middle(size_t bucket) {
  return kFirstEnd * std::pow(kRatio, static_cast<double>(bucket) - 0.5);
}

std::optional<RecentTimes::Quantiles> RecentTimes::Now(Clock::time_point now) const {
  const int64_t oldest = NumberAt(now) - static_cast<int64_t>(kSlices) + 1;
  std::array<uint64_t, kBuckets> counts{};
  uint64_t all = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const Slice& slice : slices_) {
      if (slice.number < oldest) continue;
      for (size_t i = 0; i < kBuckets; ++i) counts[i] += slice.counts[i];
    }
  }
  for (const uint64_t count : counts) all += count;
  if (all == 0) return std::nullopt;
  const auto at = [&](double share) {
    const auto rank = static_cast<uint64_t>(std::ceil(share * static_cast<double>(all)));
    uint64_t below = 0;
    size_t i = 0;
    while ((below += counts[i]) < rank) ++i;
    return Middle(i);
  };
  return Quantiles{at(0.5), at(0.99)};
}

}  // namespace tern
