#pragma once
// LinearScreen: the outputs of a large linear that can be among the `count` largest, for one row. All others
// become -inf. What is computed is the same bits as by LinearPlan::Run.
//
// Codes of 8 bits lie as 5 and 3 (panel_layout.h). The upper plane alone, read for every channel and
// multiplied with the row's upper plane x', gives y to within
//   e |x| + f |x - x'|,   f = |w| + |w - w'|,   e = |w - w'| + 4 / 127 |scales| + (steps + 8) 2^-22 f
// by Cauchy and Schwarz: w' are the weights of the upper plane and the middle of the lower one; the other
// terms are the middle's rounding (half of eight codes times a group's scale, which is |x| / 127 there at
// most) and that of the sums, its own and the exact ones' (ChannelNorms in pack.cc). A channel whose bound is
// below `count` exact values cannot be among the `count` largest. The others' rows are multiplied exactly,
// from where the file has them. docs/decisions/0010 has figures.
//
// Three phases with a barrier between them:
//   Bound over [0, panels)    y: what each channel can be at most
//   Guess over [0, guesses)   exact values of the most promising channels
//   Settle over [0, panels)   y: exact values, or -inf
// Tasks of a phase in any chunks, from any thread. Allocates nothing after Make.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/cpu/linear/kernels.h"
#include "backends/cpu/linear/linear.h"

namespace tern {

// More are no gain over all.
inline constexpr size_t kMaxScreened = 256;

class LinearScreen {
 public:
  // `weight` packed as kPlanes; its source must stay.
  LinearScreen(std::shared_ptr<const PackedWeight> weight, uint32_t isa, int threads);

  struct Args {
    const void* x = nullptr;               // a q16 row of all K columns
    float* y = nullptr;                    // [N]
    size_t count = 0;                      // 1 .. kMaxScreened
    std::span<const int32_t> always = {};  // channels that are wanted exactly besides, ascending
  };
  size_t panels() const { return weight_->panels(); }
  size_t guesses() const { return guesses_.size(); }
  size_t scratch_bytes() const;                                  // per thread, 64-byte aligned
  size_t upper_bytes() const { return weight_->upper_bytes(); }  // what Bound reads
  void Bound(const Args& args, size_t begin, size_t end, void* scratch);
  void Guess(const Args& args, size_t begin, size_t end, void* scratch);
  void Settle(const Args& args, size_t begin, size_t end, void* scratch);

  // Channels that Settle computed since the last call.
  size_t TakeSettled() { return settled_.exchange(0, std::memory_order_relaxed); }

 private:
  // A channel, and what it can be at most.
  struct Promising {
    float most;
    int32_t channel;
  };
  struct Guesses {
    std::vector<Promising> promising;
    std::vector<float> exact;
  };
  struct Row;  // x in the forms that kernels read, in a thread's scratch
  class Exactly;

  void RunTile(IntTileFn tile, const uint8_t* panel, const uint8_t* row, float* values) const;
  Row MakeRow(const void* x, void* scratch) const;
  void FindPromising(const Args& args, size_t begin, size_t end, Guesses& guesses) const;
  float Threshold(size_t count, float* values) const;

  std::shared_ptr<const PackedWeight> weight_;
  IntTileFn upper_;  // of the upper plane
  IntTileFn exact_;
  int steps_;
  std::vector<float> panel_most_;
  std::vector<Guesses> guesses_;
  std::atomic<size_t> settled_ = 0;
};

}  // namespace tern
