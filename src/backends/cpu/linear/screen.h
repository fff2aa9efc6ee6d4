#pragma once
// LinearScreen: the outputs of a large linear that can be among the `count` largest of a row. All others
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
// Four phases with a barrier between them:
//   Prepare over [0, rows)               the rows in the form that Bound reads
//   Bound over [0, panels())             y: what each channel of each row can be at most
//   Guess over [0, rows * guesses())     exact values of the most promising channels
//   Settle over [0, rows * panels())     y: exact values, or -inf
// Tasks of a phase in any chunks, from any thread. Allocates nothing after Make.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/cpu/linear/kernels.h"
#include "backends/cpu/linear/linear.h"
#include "ops/batch.h"
#include "ops/quantized_rows.h"
#include "tensor/tensor.h"

namespace tern {

// More are no gain over all.
inline constexpr size_t kMaxScreened = 256;
// Of a call: each has memory of its own.
inline constexpr size_t kMaxScreenedRows = 16;

class LinearScreen {
 public:
  // `weight` packed as kPlanes; its source must stay.
  LinearScreen(std::shared_ptr<const PackedWeight> weight, uint32_t isa, int threads);

  struct Args {
    const uint8_t* x = nullptr;  // q16 rows of all K columns
    size_t x_stride = 0;         // in bytes
    float* y = nullptr;          // [rows, N]
    // Of each row, at most kMaxScreenedRows: count is 1 .. kMaxScreened.
    std::span<const WantedLogits> wanted = {};
  };
  int64_t channels() const { return weight_->channels(); }  // N
  size_t panels() const { return weight_->panels(); }
  size_t guesses() const { return threads_; }
  size_t scratch_bytes() const;                                  // per thread, 64-byte aligned
  size_t upper_bytes() const { return weight_->upper_bytes(); }  // what Bound reads
  void Prepare(const Args& args, size_t begin, size_t end);
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
  struct Norms {
    float row = 0, low = 0;  // |x| and |x - x'|, or a little more
  };
  class Exactly;

  void RunTile(IntTileFn tile, const uint8_t* panel, const uint8_t* rows, bool fetches, float* values) const;
  void BoundPanel(const Args& args, size_t panel, const float* tile, size_t first_row, size_t rows);
  void FindPromising(const Args& args, size_t row, size_t begin, size_t end, Guesses& guesses) const;
  float Threshold(size_t row, size_t count, float* values) const;
  void SettleRow(const Args& args, size_t row, size_t begin, size_t end, void* scratch);

  float* MostOf(size_t row) { return panel_most_.data() + row * panels(); }
  const float* MostOf(size_t row) const { return panel_most_.data() + row * panels(); }

  std::shared_ptr<const PackedWeight> weight_;
  const IntTileFn* upper_;  // of the upper plane, by rows - 1
  size_t upper_rows_;       // the most of a tile
  IntTileFn exact_;
  int steps_;
  size_t threads_;
  QuantizedRowLayout row_layout_;
  Buffer prepared_;  // [kMaxScreenedRows] rows: the same with other sums, for the upper plane's kernel
  std::vector<Norms> norms_;
  std::vector<float> panel_most_;  // [kMaxScreenedRows, panels]
  std::vector<Guesses> guesses_;   // [kMaxScreenedRows, threads]
  std::atomic<size_t> settled_ = 0;
};

}  // namespace tern
