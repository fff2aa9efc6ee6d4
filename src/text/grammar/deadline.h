#pragma once
// Deadline: how long this thread may work on something, in processor time, so that others on the machine do
// not count. Looks at the clock every few thousand steps. A value; not thread-safe.

#include <chrono>
#include <cstddef>

namespace tern::grammar {

class Deadline {
 public:
  // From now on.
  explicit Deadline(int milliseconds);
  // Counts `steps` of a few ns; whether time is up. It stays up.
  bool IsOver(size_t steps = 1) {
    steps_ += steps;
    if (steps_ >= kLookAfter) Look();
    return is_over_;
  }
  static constexpr size_t kLookAfter = 4096;

 private:
  void Look();

  std::chrono::nanoseconds end_;
  size_t steps_ = 0;
  bool is_over_ = false;
};

}  // namespace tern::grammar
