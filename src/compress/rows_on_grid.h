#pragma once
// RowsOnGrid: some rows of a weight on their way to bytes: grids are chosen first, then codes in any order,
// and in the end grids may be tuned to the codes. Not thread-safe.

#include <cstdint>
#include <span>
#include <vector>

#include "compress/gptq.h"
#include "compress/grouped_rows.h"
#include "tensor/encode/encode.h"

namespace tern {

// Numbers that codes stand for, in ascending order, before scale and minimum.
struct Levels {
  std::vector<float> level;
  std::vector<uint8_t> code;
  bool even = true;  // level i is level 0 + i
};

class RowsOnGrid {
 public:
  // Rows [first, first + rows) of the task; their bytes go to `out`, where the task's first row's begin.
  RowsOnGrid(const GptqTask& task, size_t first, size_t rows, char* out);

  size_t rows() const { return rows_; }
  size_t columns() const { return columns_; }
  std::span<const float> row(size_t r) const {
    return task_.weights.subspan((first_ + r) * columns_, columns_);
  }
  // The number nearest to x that the weight may become; its code is remembered.
  float Round(size_t r, size_t column, float x);
  // The same of every weight.
  void RoundToNearest();
  // What is lost of the weights by the codes as they are, [rows, columns].
  std::vector<float> Lost() const;
  std::span<uint8_t> codes(size_t r) { return std::span(codes_).subspan(r * columns_, columns_); }
  // The number that a code of row r stands for, before scale and minimum.
  float level(size_t r, size_t column) const { return LevelOf(codes_[r * columns_ + column]); }
  bool has_minimums() const { return HasMinimum(*task_.scheme); }
  // One for each group of row r.
  std::span<GroupGrid> grids(size_t r) {
    return std::span(grids_).subspan(r * columns_ / group_, columns_ / group_);
  }

  void Write();

 private:
  char* bytes(size_t r) { return out_ + (first_ + r) * BlockOffset(*task_.scheme->format, columns_); }
  const GroupGrid& grid(size_t r, size_t column) const { return grids_[(r * columns_ + column) / group_]; }
  void ChooseGrids(size_t r);
  void TakeGrids(size_t r);
  float LevelOf(uint8_t code) const { return level_of_[code]; }

  const GptqTask& task_;
  EncodeRowFn encode_row_;
  Levels levels_;
  float level_of_[256];  // by code
  size_t columns_, first_, rows_, group_;
  char* out_;
  std::vector<GroupGrid> grids_;  // by row and group
  std::vector<uint8_t> codes_;
};

// Sum over each row of d^T H d, d being what is lost of the weights.
std::vector<double> OutputErrors(const GptqInput& input, const RowsOnGrid& rows);

}  // namespace tern
