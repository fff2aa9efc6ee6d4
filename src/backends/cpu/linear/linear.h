#pragma once
// The `linear` op on the CPU: y_i = x W_i^T (+ bias_i) (+ residual), or act(y_1) * y_2, for one or several
// weights that share their input rows. Weights are repacked once into panels of 32 output channels; the unit
// of work is one panel (with glu: one gate panel and its up panel) over all rows.
//
//   auto q = std::make_shared<PackedWeight>(...);      // PackedWeight::Make(tensor, form, isa)
//   team: q->Pack(memory, begin, end) over [0, q->panels())    // disjoint ranges, any thread
//   q->Use(owner, memory)
//   LinearPlan plan = LinearPlan::Make(spec, isa)          // before or after Use
//   team: plan.Run(args, begin, end, scratch) over [0, plan.tasks()), chunks in any order, from any thread
//
// Determinism: an output element is the same bits whatever the number of rows, their order, the split of
// tasks over threads and the rows beside it. It depends on the weights, the row and the ISA only.
//
// Nothing here starts threads or allocates after Make.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "backends/cpu/decode/decode.h"
#include "base/isa.h"
#include "base/result.h"
#include "ops/linear.h"
#include "ops/op.h"
#include "ops/quantized_rows.h"
#include "tensor/tensor.h"

namespace tern {

struct LinearKernels;  // kernels.h
struct IntKernels;
struct RoundedKernels;

inline constexpr int kPanelChannels = 32;

// Parts of scratch begin at cache lines.
inline size_t LineUp(size_t bytes) { return (bytes + 63) / 64 * 64; }

// How a weight is multiplied, and so how it is packed.
enum class PackForm : uint8_t {
  kInteger,  // codes and scales, for quantized rows (kQ8, kQ16); needs Format::int_form
  kPlanes,   // the same with codes in two planes (screen.h): of q8_0
  kFloat,    // f32, f16, bf16 in their own type, for f32 rows
  kInt16,    // the same rounded to int16 codes, for f32 rows that the kernels round likewise
  kBf16,     // bf16 in pairs, for f32 rows that the kernels round to bf16; needs kAvx512Bf16
  kDecode,   // not packed: rows are decoded from the file's bytes at each use, for f32 rows (exact mode)
};
inline bool IsInteger(PackForm form) { return form == PackForm::kInteger || form == PackForm::kPlanes; }
// The form for a weight of this format whose input comes as `activation`: kF32, kQ8 or kQ16. `round`: what
// f32 rows may be rounded to, and are if `isa` is better at it.
PackForm ChoosePackForm(const Format& format, Elem activation, Rounding round = Rounding::kNone,
                        uint32_t isa = kNone);

// One weight [N, K], or one for each of E experts [E, N, K], in the form its kernels read. Immutable once it
// has its panels; share it between plans.
class PackedWeight {
 public:
  // `weight`'s memory must stay until all panels are packed, with kDecode and kPlanes as long as this lives.
  // Errors: the format has no such form, or K is no multiple of 32 (kInteger) or of the block.
  static Result<PackedWeight> Make(const Tensor& weight, PackForm form, uint32_t isa);

  size_t experts() const { return sources_.size(); }  // 1 where the weight is [N, K]
  // Of one expert. The panels of all lie one after another, expert by expert.
  size_t panels() const { return (static_cast<size_t>(channels_) + kPanelChannels - 1) / kPanelChannels; }
  // Fills panels [begin, end) of experts() * panels() in `memory`, bytes() of zeros before. Disjoint ranges
  // may run on different threads. With kDecode: nothing to do.
  void Pack(uint8_t* memory, size_t begin, size_t end) const;
  // From now on the panels are those at `memory`, 64-byte aligned, which `owner` keeps alive. Until then each
  // use of a panel packs it anew. Not while a plan runs.
  void Use(std::shared_ptr<const void> owner, const uint8_t* memory);
  bool in_use() const { return memory_ != nullptr; }
  // Before Use: packs panel i into `out`, panel_scratch_bytes().
  void PackPanel(size_t i, uint8_t* out) const;
  // Whether packing moves what the file has, for little more than reading it takes.
  bool packs_cheaply() const;
  size_t panel_scratch_bytes() const { return panel_bytes_ + low_bytes_; }

  int64_t channels() const { return channels_; }  // N
  int64_t width() const { return width_; }        // K
  PackForm form() const { return form_; }
  // Memory of the packed copy; kDecode: 0.
  size_t bytes() const {
    return form_ == PackForm::kDecode ? 0 : experts() * panels() * (panel_bytes_ + low_bytes_);
  }
  // What one pass over one expert's weight reads, from the packed copy or the file.
  size_t stream_bytes() const { return panels() * (panel_bytes_ + low_bytes_); }
  size_t upper_bytes() const { return panels() * panel_bytes_; }  // kPlanes: without the lower plane
  const Tensor& source(size_t expert = 0) const { return sources_[expert]; }  // [N, K]
  bool IsOf(const Shape& shape) const;  // whether it was made from a weight of this shape
  const uint8_t* panel(size_t i) const { return memory_ + i * panel_bytes_; }
  // kPlanes: the lower plane of the panel at `panel`: behind all panels, or behind one that PackPanel made.
  const uint8_t* LowOf(const uint8_t* panel) const {
    if (!in_use()) return panel + panel_bytes_;
    const size_t i = static_cast<size_t>(panel - memory_) / panel_bytes_;
    return memory_ + experts() * panels() * panel_bytes_ + i * low_bytes_;
  }

 private:
  PackedWeight() = default;
  void PackTo(size_t i, uint8_t* out, uint8_t* low) const;

  std::vector<Tensor> sources_;  // by expert
  PackForm form_ = PackForm::kFloat;
  int64_t channels_ = 0, width_ = 0;
  size_t panel_bytes_ = 0;  // kDecode: of 32 rows in the file
  size_t low_bytes_ = 0;    // kPlanes: of the lower plane of a panel
  std::shared_ptr<const void> owner_;
  const uint8_t* memory_ = nullptr;
};

// swiglu_oai is moe_mlp's (ops/moe_mlp.h); the others are linear's.
enum class Glu : uint8_t { kNone, kSilu, kGeluTanh, kGelu, kRelu, kSwigluOai };
// "", "silu", "gelu_tanh", "gelu" (by erf), "relu", "swiglu_oai"
Result<Glu> ParseGlu(std::string_view name);

struct LinearSpec {
  struct Part {
    std::shared_ptr<const PackedWeight> weight;
    Elem activation = Elem::kF32;  // kF32, kQ8 or kQ16: the form of x that this weight is multiplied with
    const float* bias = nullptr;   // [experts, N] or null; copied by Make
  };
  // All of one width K and as many experts, and either all or none with activation kF32, and either all or
  // none packed as kInt16, or as kBf16; with glu: gate, up, of equal N.
  std::vector<Part> parts;
  bool residual = false;       // one part only: y += residual
  Glu glu = Glu::kNone;        // two parts, one output: act(y_1) * y_2
  float alpha = 0, limit = 0;  // of Glu::kSwigluOai
  // What the outputs are: f32, or rows quantized in place of a quantize node (N % 32 == 0).
  Elem output = Elem::kF32;
};

// Rows of a call. Strides in bytes.
struct LinearArgs {
  int rows = 0;
  const void* x =
      nullptr;  // f32 [K], or a quantized row (ops/quantized_rows.h); q16 rows serve kQ8 parts too
  size_t x_stride = 0;
  bool x_precise = false;  // the quantized rows are of the q16 form
  // Where quantized rows have more columns than the weights' K: how many, and the first that counts, a
  // multiple of 32.
  int64_t x_columns = 0, x_first = 0;
  struct Output {
    void* y = nullptr;  // one per part (with glu: one); f32 [N] or a quantized row
    size_t stride = 0;
  };
  const Output* outputs = nullptr;
  const float* residual = nullptr;
  size_t residual_stride = 0;
  size_t expert = 0;                 // whose weights
  const float* row_scale = nullptr;  // [rows] or null: x w^T times this, before the bias
  const uint8_t* rounded = nullptr;  // all rows as RoundRows wrote them, or null: Run rounds them
  size_t first_panel = 0;            // f32 outputs: y is where this panel's channels go, not panel 0's
};

// Bytes of a row of activations: f32 or quantized.
inline size_t RowBytes(Elem elem, int64_t columns) {
  if (elem == Elem::kF32) return static_cast<size_t>(columns) * sizeof(float);
  return QuantizedRow(columns, elem == Elem::kQ16).row_bytes;
}

// Rows of a call that one tile multiplies by a panel: the how-many-eth of how many. Of none: the panel and
// what comes after it are in cache.
struct TileRows {
  int first, count;
  int tile, tiles;
};

class LinearPlan {
 public:
  static Result<LinearPlan> Make(LinearSpec spec, uint32_t isa);

  size_t tasks() const { return tasks_; }  // of one expert
  // A chunk size that keeps `threads` busy to the end and is worth an atomic increment.
  size_t ChunkTasks(int rows, int threads) const;
  // Per thread, 64-byte aligned, whatever the number of rows.
  size_t scratch_bytes() const { return scratch_bytes_; }
  // Bytes of a row as the kernels round it; 0: they take rows as they are.
  size_t rounded_row_bytes() const { return rounded_.row_bytes; }
  // Whether rounding all rows once, before Run, pays.
  bool RoundsAhead(int rows) const;
  // Rounds rows [begin, end) to `out`, where row 0's begins.
  void RoundRows(const LinearArgs& args, int begin, int end, uint8_t* out) const;
  // Computes the output columns of tasks [begin, end) for all rows.
  void Run(const LinearArgs& args, size_t begin, size_t end, void* scratch) const;

  // Operations (2 per multiply-add) per row and expert: integer, twice those of kQ16, kInt16 and kBf16, which
  // a machine does half as many of; and float.
  double int8_ops_per_row() const { return int8_ops_per_row_; }
  double f32_ops_per_row() const { return f32_ops_per_row_; }
  size_t stream_bytes() const;

 private:
  struct Bound {
    std::shared_ptr<const PackedWeight> weight;
    bool precise = false;
    int tile_rows = 0;                 // of the tallest tile
    const IntKernels* ints = nullptr;  // null: float tiles
    DecodeRowFn decode = nullptr;      // kDecode only
    std::vector<float> bias;           // [experts][panels * 32], or empty
  };
  // Per thread: two tiles, then where weights are decoded two panels and the decoder's working memory, or a
  // block of rounded rows, or what expanded.cc makes; then, of weights that are not packed yet, two panels.
  struct Scratch {
    float* tile;
    float* gate_tile;
    float* panel;
    float* gate_panel;
    float* chunk;
    uint8_t* rounded;
    uint8_t* fresh;
    uint8_t* gate_fresh;
  };
  LinearPlan() = default;
  Status Check(const LinearSpec& spec) const;
  // Rows of a call, and where the first of them lies rounded.
  struct RowRange {
    int first, count;
    const uint8_t* rounded;
  };
  // How rows are rounded: kInt16, kBf16.
  struct RoundedForm {
    const RoundedKernels* kernels = nullptr;  // null: rows are taken as they are
    size_t row_bytes = 0, codes = 0, pairs = 0;
  };
  void RunRows(const LinearArgs& args, RowRange rows, size_t begin, size_t end, const Scratch& scratch) const;
  void RunGluTile(const LinearArgs& args, size_t begin, size_t end, const Scratch& scratch) const;
  void RunTask(const LinearArgs& args, RowRange range, size_t part, size_t panel,
               const Scratch& scratch) const;
  // Where the panel's weights are read: packed, or else decoded or packed into scratch.
  const uint8_t* PanelData(const Bound& part, size_t expert, size_t panel, const Scratch& scratch) const;
  static const float* PanelBias(const Bound& part, size_t expert, size_t panel);
  void RunTile(const LinearArgs& args, const Bound& part, const void* panel, TileRows rows,
               float* tile) const;
  void RunRoundedTile(const uint8_t* rounded, const void* panel, int row, int rows, float* tile) const;
  void PlanFresh();
  // Many quantized rows: expanded.cc.
  void PlanExpanded();
  bool Expands(int rows) const;
  struct Expanded;
  Expanded ExpandedAt(const Scratch& scratch, int half) const;
  void RunExpanded(const LinearArgs& args, size_t begin, size_t end, const Scratch& scratch) const;
  void RunExpandedTask(const LinearArgs& args, RowRange range, size_t part, size_t panel,
                       const Scratch& scratch) const;
  void ExpandRows(const LinearArgs& args, RowRange range, const Bound& part, uint8_t* sums) const;
  // Where quantized rows have what counts.
  struct RowOffsets {
    size_t sum_hi, sum, hi, lo;
  };
  RowOffsets OffsetsOf(const LinearArgs& args) const;
  static const uint8_t* RowOf(const LinearArgs& args, int row);
  static size_t TileBytes();
  void Finish(const LinearArgs& args, size_t part, size_t panel, int row, int rows,
              const Scratch& scratch) const;

  const LinearKernels* kernels_ = nullptr;
  std::vector<Bound> parts_;
  int64_t width_ = 0;
  RoundedForm rounded_;
  bool residual_ = false;
  Glu glu_ = Glu::kNone;
  float alpha_ = 0, limit_ = 0;
  Elem output_ = Elem::kF32;
  size_t tasks_ = 0;
  size_t scratch_bytes_ = 0, fresh_ = 0, fresh_bytes_ = 0;  // all, and where in it panels are packed
  bool expands_ = false;                                    // many rows
  size_t expanded_sums_ = 0, expanded_panel_ = 0;           // bytes
  double int8_ops_per_row_ = 0, f32_ops_per_row_ = 0;
};

}  // namespace tern
