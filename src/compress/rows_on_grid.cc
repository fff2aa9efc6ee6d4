#include "compress/rows_on_grid.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/isa.h"
#include "compress/product/product.h"

namespace tern {
namespace {

void Add(float number, size_t code, Levels* levels) {
  levels->level.push_back(number);
  levels->code.push_back(static_cast<uint8_t>(code));
}

Levels LevelsOf(const Scheme& scheme) {
  Levels levels;
  if (scheme.group != 0) {
    const CodeRange range = CodesOf(scheme);
    for (int c = range.low; c <= range.high; ++c) Add(static_cast<float>(c), static_cast<size_t>(c), &levels);
    return levels;
  }
  const IntForm& form = scheme.format->int_form;
  std::vector<std::pair<int, size_t>> numbers;
  for (size_t c = 0; c < scheme.format->codes; ++c) {
    const int level = form.has_levels() ? form.levels[c] : static_cast<int>(c);
    numbers.emplace_back(level - form.zero, c);
  }
  std::sort(numbers.begin(), numbers.end());
  for (const auto& [number, c] : numbers) Add(static_cast<float>(number), c, &levels);
  levels.even = !form.has_levels();
  return levels;
}

size_t NearestLevel(const Levels& levels, float x) {
  const size_t top = levels.level.size() - 1;
  if (levels.even) {
    const float place = std::nearbyint(x) - levels.level[0];
    return static_cast<size_t>(std::clamp(place, 0.f, static_cast<float>(top)));
  }
  const auto above = std::lower_bound(levels.level.begin(), levels.level.end(), x);
  const auto i = static_cast<size_t>(above - levels.level.begin());
  if (i == 0 || i > top) return i == 0 ? 0 : top;
  return x - levels.level[i - 1] < levels.level[i] - x ? i - 1 : i;
}

}  // namespace

RowsOnGrid::RowsOnGrid(const GptqTask& task, size_t first, size_t rows, char* out)
    : task_(task),
      encode_row_(PickEncode(*task.scheme->format, DetectIsa())),
      levels_(LevelsOf(*task.scheme)),
      columns_(task.input->columns),
      first_(first),
      rows_(rows),
      group_(task.scheme->group != 0
                 ? static_cast<size_t>(GroupOf(*task.scheme, static_cast<int64_t>(columns_)))
                 : task.scheme->format->int_form.group),
      out_(out),
      grids_(rows * columns_ / group_),
      codes_(rows * columns_) {
  for (size_t i = 0; i < levels_.code.size(); ++i) level_of_[levels_.code[i]] = levels_.level[i];
  for (size_t r = 0; r < rows; ++r) task.scheme->group != 0 ? ChooseGrids(r) : TakeGrids(r);
}

void RowsOnGrid::ChooseGrids(size_t r) {
  const std::span<const float> energies = task_.input->energies;
  for (size_t c = 0; c < columns_; c += group_) {
    const auto weights = row(r).subspan(c, group_);
    const bool weighted = task_.scales == GptqScales::kWeighted;
    grids_[(r * columns_ + c) / group_] =
        task_.scales == GptqScales::kAbsMax
            ? AbsMaxGrid(*task_.scheme, weights)
            : SearchGrid(*task_.scheme, weights,
                         weighted ? energies.subspan(c, group_) : std::span<const float>());
  }
}

// What the format's own encoder chooses; Write then changes nothing but codes.
void RowsOnGrid::TakeGrids(size_t r) {
  const bool weighted = task_.scales == GptqScales::kWeighted;
  const Format& format = *task_.scheme->format;
  encode_row_(row(r).data(), weighted ? task_.input->energies.data() : nullptr, bytes(r), columns_);
  IntBlock ints;
  for (size_t c = 0; c < columns_; c += group_) {
    const size_t within = c % format.block_weights / group_;
    if (within == 0) format.unpack(bytes(r), c, &ints);
    grids_[(r * columns_ + c) / group_] = {ints.d * static_cast<float>(ints.sc[within]),
                                           -ints.dmin * static_cast<float>(ints.mn[within])};
  }
}

float RowsOnGrid::Round(size_t r, size_t column, float x) {
  const GroupGrid& at = grid(r, column);
  const float scaled = at.scale != 0 ? (x - at.minimum) / at.scale : 0.f;
  const size_t place = NearestLevel(levels_, scaled);
  codes_[r * columns_ + column] = levels_.code[place];
  return at.scale * levels_.level[place] + at.minimum;
}

void RowsOnGrid::RoundToNearest() {
  for (size_t r = 0; r < rows_; ++r) {
    for (size_t c = 0; c < columns_; ++c) Round(r, c, row(r)[c]);
  }
}

std::vector<float> RowsOnGrid::Lost() const {
  std::vector<float> lost(codes_.size());
  for (size_t r = 0; r < rows_; ++r) {
    for (size_t c = 0; c < columns_; ++c) {
      const GroupGrid& at = grid(r, c);
      lost[r * columns_ + c] = row(r)[c] - (at.scale * LevelOf(codes_[r * columns_ + c]) + at.minimum);
    }
  }
  return lost;
}

std::vector<double> OutputErrors(const GptqInput& input, const RowsOnGrid& rows) {
  const size_t n = input.columns;
  const std::vector<float> lost = rows.Lost();
  std::vector<float> through(lost.size());
  PickProduct(DetectIsa())({.a = lost.data(),
                            .b = input.hessian.data(),
                            .out = through.data(),
                            .rows = rows.rows(),
                            .depth = n,
                            .columns = n,
                            .a_stride = n,
                            .b_stride = n,
                            .out_stride = n});
  std::vector<double> errors(rows.rows());
  for (size_t i = 0; i < lost.size(); ++i) errors[i / n] -= static_cast<double>(through[i]) * lost[i];
  return errors;
}

void RowsOnGrid::Write() {
  for (size_t r = 0; r < rows_; ++r) {
    const uint8_t* at = codes_.data() + r * columns_;
    if (task_.scheme->group != 0) {
      const size_t groups = columns_ / group_;
      WriteRow(*task_.scheme, {reinterpret_cast<const int8_t*>(at), columns_},
               std::span(grids_).subspan(r * groups, groups), bytes(r));
      continue;
    }
    const Format& format = *task_.scheme->format;
    for (size_t c = 0; c < columns_; c += format.block_weights) format.pack(at + c, bytes(r), c);
  }
}

}  // namespace tern
