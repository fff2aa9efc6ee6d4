#pragma once
// CheckedSize: arithmetic on byte counts and offsets whose overflow is remembered instead of wrapping.
//   TERN_TRY(size_t bytes, (CheckedSize(rows) * row_bytes + header).Get("blk.0.attn_q.weight"));

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tern {

class CheckedSize {
 public:
  constexpr CheckedSize(uint64_t value) : value_(value) {}
  friend constexpr CheckedSize operator+(CheckedSize a, CheckedSize b) {
    CheckedSize r(0);
    const bool wrapped = __builtin_add_overflow(a.value_, b.value_, &r.value_);
    r.overflow_ = a.overflow_ || b.overflow_ || wrapped;
    return r;
  }
  friend constexpr CheckedSize operator*(CheckedSize a, CheckedSize b) {
    CheckedSize r(0);
    const bool wrapped = __builtin_mul_overflow(a.value_, b.value_, &r.value_);
    r.overflow_ = a.overflow_ || b.overflow_ || wrapped;
    return r;
  }
  // `align` is a power of two.
  constexpr CheckedSize AlignUp(uint64_t align) const {
    CheckedSize r = *this + CheckedSize(align - 1);
    r.value_ &= ~(align - 1);
    return r;
  }
  constexpr bool overflow() const { return overflow_; }
  // The size, or an error that names `object`.
  Result<size_t> Get(std::string_view object) const {
    if (overflow_) return BadInput(std::string(object) + ": size does not fit in 64 bits");
    return static_cast<size_t>(value_);
  }

 private:
  uint64_t value_;
  bool overflow_ = false;
};

}  // namespace tern
