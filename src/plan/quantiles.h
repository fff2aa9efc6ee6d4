#pragma once
// Quantiles: how many numbers were how large, to a relative 1/512, in the same memory for any count. Of
// seconds: what is not above 0 counts as 0.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace tern {

class Quantiles {
 public:
  void Add(double value) {
    ++counts_[BucketOf(value)];
    ++count_;
  }
  uint64_t count() const { return count_; }

  // The smallest number that at least so many of all (0 to 1) are not above, to the resolution. 0: there are
  // none.
  double At(double share) const {
    const auto rank = static_cast<uint64_t>(share * static_cast<double>(count_) + 0.5);
    uint64_t below = 0;
    for (uint32_t bucket = 0; bucket < counts_.size(); ++bucket) {
      below += counts_[bucket];
      if (below > 0 && below >= rank) return ValueOf(bucket);
    }
    return 0;
  }

 private:
  // A float's exponent and the first bits of its mantissa, which are in the order of the numbers.
  static constexpr int kDropped = 15;
  static uint32_t BucketOf(double value) {
    const auto single = static_cast<float>(std::clamp(value, 0.0, 1e30));
    return std::bit_cast<uint32_t>(single) >> kDropped;
  }
  static double ValueOf(uint32_t bucket) {
    if (bucket == 0) return 0;
    return std::bit_cast<float>((bucket << kDropped) + (1u << (kDropped - 1)));
  }

  std::vector<uint64_t> counts_ = std::vector<uint64_t>((0x7f800000u >> kDropped) + 1);
  uint64_t count_ = 0;
};

}  // namespace tern
