// LinearPlan for many rows of quantized activations: blocks of rows, by panels that are expanded
// (expanded_layout.h) once per block.

#include <algorithm>

#include "backends/cpu/linear/expanded_layout.h"
#include "backends/cpu/linear/kernels.h"
#include "backends/cpu/linear/linear.h"
#include "backends/cpu/linear/sizes.h"

namespace tern {
namespace {

// Whether packed panels leave a tile short of registers: with two planes of codes, two groups or minimums. Or
// each row's inputs have to be picked: where sparse.
// Others are as fast unpacked in the loop, where the panel takes half the cache.
bool Profits(const PanelLayout& layout, bool precise) {
  return precise || layout.has_min || layout.groups() == 2 || layout.sparse;
}

size_t SumBytes(int64_t width) { return LineUp(static_cast<size_t>(width) / 16 * 4); }  // of a row

}  // namespace

// Of a gate, or of all else: the rows' sums and the expanded panel.
struct LinearPlan::Expanded {
  uint8_t* sums;
  uint8_t* panel;
};

LinearPlan::Expanded LinearPlan::ExpandedAt(const Scratch& scratch, int half) const {
  uint8_t* sums = reinterpret_cast<uint8_t*>(scratch.panel) + half * (expanded_sums_ + expanded_panel_);
  return {sums, sums + expanded_sums_};
}

void LinearPlan::PlanExpanded() {
  size_t step_bytes = 0;
  bool profits = false;
  for (const Bound& part : parts_) {
    if (part.ints == nullptr || part.ints->expand_sums == nullptr) return;
    step_bytes = std::max(step_bytes, ExpandedOf(part.ints->layout).step_bytes());
    profits = profits || Profits(part.ints->layout, part.precise);
  }
  if (!profits) return;
  expands_ = true;
  expanded_sums_ = kRowBlock * SumBytes(width_);
  expanded_panel_ = static_cast<size_t>(width_ / kStep) * step_bytes;
  const size_t halves = glu_ == Glu::kNone ? 1 : 2;
  scratch_bytes_ = std::max(scratch_bytes_, TileBytes() + halves * (expanded_sums_ + expanded_panel_));
}

bool LinearPlan::Expands(int rows) const { return expands_ && rows >= kExpandFrom; }

void LinearPlan::RunExpanded(const LinearArgs& args, size_t begin, size_t end, const Scratch& scratch) const {
  const bool glu = glu_ != Glu::kNone;
  // Blocks of nearly equal height.
  const int tiles = (args.rows + kExpandedRows - 1) / kExpandedRows;
  const int blocks = (args.rows + kRowBlock - 1) / kRowBlock;
  for (int b = 0; b < blocks; ++b) {
    const int first = tiles * b / blocks * kExpandedRows;
    const int last = std::min(args.rows, tiles * (b + 1) / blocks * kExpandedRows);
    const RowRange range{first, last - first, nullptr};
    if (glu) ExpandRows(args, range, parts_[0], ExpandedAt(scratch, 1).sums);
    size_t part_begin = 0;
    for (size_t part = 0; part < (glu ? 1 : parts_.size()); ++part) {
      const size_t part_end = part_begin + parts_[part].weight->panels();
      const size_t from = std::max(begin, part_begin), to = std::min(end, part_end);
      if (from < to) ExpandRows(args, range, parts_[glu ? 1 : part], ExpandedAt(scratch, 0).sums);
      for (size_t task = from; task < to; ++task) {
        RunExpandedTask(args, range, part, task - part_begin, scratch);
      }
      part_begin = part_end;
    }
  }
}

void LinearPlan::ExpandRows(const LinearArgs& args, RowRange range, const Bound& part, uint8_t* sums) const {
  const RowOffsets at = OffsetsOf(args);
  for (int i = 0; i < range.count; ++i, sums += SumBytes(width_)) {
    const uint8_t* from = RowOf(args, range.first + i) + (part.precise ? at.sum : at.sum_hi);
    part.ints->expand_sums(from, static_cast<int>(width_ / kStep), sums);
  }
}

void LinearPlan::RunExpandedTask(const LinearArgs& args, RowRange range, size_t part, size_t panel,
                                 const Scratch& scratch) const {
  const bool glu = glu_ != Glu::kNone;
  const int steps = static_cast<int>(width_ / kStep);
  const RowOffsets at = OffsetsOf(args);
  const Bound& main = parts_[glu ? 1 : part];
  const uint8_t* packed[] = {PanelData(main, args.expert, panel, scratch),
                             glu ? PanelData(parts_[0], args.expert, panel, scratch) : nullptr};
  const auto expand = [&](const Bound& of, int half) {
    of.ints->expand[of.precise](packed[half], steps, ExpandedAt(scratch, half).panel);
  };
  const auto run = [&](const Bound& of, int half, int row, int rows, float* tile) {
    // The last rows, too few for a tile, are multiplied by the packed panel.
    if (rows < kExpandedRows) {
      for (int i = 0; i < rows; i += of.tile_rows) {
        const int few = std::min(of.tile_rows, rows - i);
        RunTile(args, of, packed[half], {row + i, few, 0, 0}, tile + i * kPanelWidth);
      }
      return;
    }
    const Expanded from = ExpandedAt(scratch, half);
    // The last tile fetches the panel to come.
    const bool fetch = row + 2 * kExpandedRows > range.first + range.count &&
                       panel + 1 < of.weight->panels() && of.weight->in_use();
    of.ints->expanded[of.precise](
        {.panel = from.panel,
         .rows = RowOf(args, row),
         .row_stride = args.x_stride,
         .hi = at.hi,
         .lo = at.lo - at.hi,
         .sums = from.sums + static_cast<size_t>(row - range.first) * SumBytes(width_),
         .sum_stride = SumBytes(width_),
         .steps = steps,
         .prefetch = fetch ? of.weight->panel(args.expert * of.weight->panels() + panel + 1) : nullptr,
         .prefetch_lines = fetch ? of.ints->layout.step_bytes() / 64 : 0,
         .tile = tile});
  };
  expand(main, 0);
  if (glu) expand(parts_[0], 1);
  for (int row = range.first; row < range.first + range.count; row += kExpandedRows) {
    const int rows = std::min(kExpandedRows, range.first + range.count - row);
    if (glu) run(parts_[0], 1, row, rows, scratch.gate_tile);
    run(main, 0, row, rows, scratch.tile);
    Finish(args, part, panel, row, rows, scratch);
  }
}

}  // namespace tern
