#include "server/metrics/meters.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"

namespace tern {

Histogram::Histogram(std::span<const double> ends) : ends_(ends) { TERN_CHECK(ends.size() < kMostBuckets); }

void Histogram::Observe(double value) {
  if (!std::isfinite(value)) return;
  const auto bucket = static_cast<size_t>(std::ranges::lower_bound(ends_, value) - ends_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Counts Histogram::counts() const {
  Counts counts{};
  for (size_t i = 0; i <= ends_.size(); ++i) counts[i] = counts_[i].load(std::memory_order_relaxed);
  return counts;
}

}  // namespace tern
