#include "compress/gptq.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/isa.h"
#include "compress/grouped_rows.h"
#include "compress/product/product.h"

namespace tern {
namespace {

constexpr size_t kRows = 48, kBlock = 64;  // rounded together; columns whose errors are fed on together

// Numbers that codes stand for, in ascending order, before scale and minimum.
struct Levels {
  std::vector<float> level;
  std::vector<uint8_t> code;
  bool even = true;  // level i is level 0 + i

  void Add(float number, size_t c) {
    level.push_back(number);
    code.push_back(static_cast<uint8_t>(c));
  }
};

Levels LevelsOf(const Scheme& scheme) {
  Levels levels;
  if (scheme.group != 0) {
    const CodeRange range = CodesOf(scheme);
    for (int c = range.low; c <= range.high; ++c) levels.Add(static_cast<float>(c), static_cast<size_t>(c));
    return levels;
  }
  const IntForm& form = scheme.format->int_form;
  std::vector<std::pair<int, size_t>> numbers;
  for (size_t c = 0; c < scheme.format->codes; ++c) {
    const int level = form.has_levels() ? form.levels[c] : static_cast<int>(c);
    numbers.emplace_back(level - form.zero, c);
  }
  std::sort(numbers.begin(), numbers.end());
  for (const auto& [number, c] : numbers) levels.Add(static_cast<float>(number), c);
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

// Some rows on their way to bytes. Grids are by row and group.
class RowsOnGrid {
 public:
  RowsOnGrid(const GptqTask& task, size_t first, size_t rows, char* out)
      : task_(task),
        levels_(LevelsOf(*task.scheme)),
        columns_(task.input->columns),
        first_(first),
        rows_(rows),
        out_(out) {
    const Scheme& scheme = *task.scheme;
    group_ = scheme.group != 0 ? static_cast<size_t>(GroupOf(scheme, static_cast<int64_t>(columns_)))
                               : scheme.format->int_form.group;
    grids_.resize(rows * columns_ / group_);
    codes_.resize(rows * columns_);
    for (size_t r = 0; r < rows; ++r) {
      if (scheme.group != 0) {
        ChooseGrids(r);
      } else {
        TakeGrids(r);
      }
    }
  }

  std::span<const float> row(size_t r) const {
    return task_.weights.subspan((first_ + r) * columns_, columns_);
  }
  // The number nearest to x that the weight may become; its code is remembered.
  float Round(size_t r, size_t column, float x) {
    const GroupGrid& grid = grids_[(r * columns_ + column) / group_];
    const float scaled = grid.scale != 0 ? (x - grid.minimum) / grid.scale : 0.f;
    const size_t place = NearestLevel(levels_, scaled);
    codes_[r * columns_ + column] = levels_.code[place];
    return grid.scale * levels_.level[place] + grid.minimum;
  }
  void Write() {
    for (size_t r = 0; r < rows_; ++r) {
      const uint8_t* codes = codes_.data() + r * columns_;
      if (task_.scheme->group != 0) {
        const size_t groups = columns_ / group_;
        WriteRow(*task_.scheme, {reinterpret_cast<const int8_t*>(codes), columns_},
                 std::span(grids_).subspan(r * groups, groups), bytes(r));
        continue;
      }
      const Format& format = *task_.scheme->format;
      for (size_t c = 0; c < columns_; c += format.block_weights) format.pack(codes + c, bytes(r), c);
    }
  }
  // Rounding to nearest, weight by weight: the losses, [rows, columns].
  std::vector<float> RoundToNearest() {
    std::vector<float> lost(codes_.size());
    for (size_t r = 0; r < rows_; ++r) {
      for (size_t c = 0; c < columns_; ++c) lost[r * columns_ + c] = row(r)[c] - Round(r, c, row(r)[c]);
    }
    return lost;
  }
  std::vector<uint8_t>& codes() { return codes_; }

 private:
  char* bytes(size_t r) { return out_ + (first_ + r) * BlockOffset(*task_.scheme->format, columns_); }

  void ChooseGrids(size_t r) {
    const GptqScales scales = task_.scales;
    const std::span<const float> energies = task_.input->energies;
    for (size_t c = 0; c < columns_; c += group_) {
      const auto weights = row(r).subspan(c, group_);
      const bool weighted = scales == GptqScales::kWeighted;
      grids_[(r * columns_ + c) / group_] =
          scales == GptqScales::kAbsMax
              ? AbsMaxGrid(*task_.scheme, weights)
              : SearchGrid(*task_.scheme, weights,
                           weighted ? energies.subspan(c, group_) : std::span<const float>());
    }
  }
  // What the format's own encoder chooses; Write then changes nothing but codes.
  void TakeGrids(size_t r) {
    const bool weighted = task_.scales == GptqScales::kWeighted;
    const float* importance = weighted ? task_.input->energies.data() : nullptr;
    const Format& format = *task_.scheme->format;
    format.encode(row(r).data(), importance, bytes(r), columns_);
    IntBlock ints;
    for (size_t c = 0; c < columns_; c += group_) {
      const size_t within = c % format.block_weights / group_;
      if (within == 0) format.unpack(bytes(r), c, &ints);
      grids_[(r * columns_ + c) / group_] = {ints.d * static_cast<float>(ints.sc[within]),
                                             -ints.dmin * static_cast<float>(ints.mn[within])};
    }
  }

  const GptqTask& task_;
  Levels levels_;
  size_t columns_, first_, rows_, group_;
  char* out_;
  std::vector<GroupGrid> grids_;
  std::vector<uint8_t> codes_;
};

// d^T H d of each row of `lost`.
std::vector<double> OutputErrors(const std::vector<float>& hessian, const std::vector<float>& lost,
                                 size_t columns, ProductFn product) {
  std::vector<float> through(lost.size());
  const size_t rows = lost.size() / columns;
  product({.a = lost.data(),
           .b = hessian.data(),
           .out = through.data(),
           .rows = rows,
           .depth = columns,
           .columns = columns,
           .a_stride = columns,
           .b_stride = columns,
           .out_stride = columns});
  std::vector<double> errors(rows);
  for (size_t i = 0; i < lost.size(); ++i) errors[i / columns] -= static_cast<double>(through[i]) * lost[i];
  return errors;
}

// Rounds all rows with feedback; returns what is lost, [rows, columns].
std::vector<float> RoundWithFeedback(const HessianFactor& factor, size_t rows, RowsOnGrid* grid,
                                     ProductFn product) {
  const size_t n = factor.columns;
  std::vector<float> w(rows * n), lost(rows * n), errors(rows * kBlock);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t i = 0; i < n; ++i) w[r * n + i] = grid->row(r)[factor.order[i]];
  }
  for (size_t first = 0; first < n; first += kBlock) {
    const size_t end = std::min(first + kBlock, n);
    for (size_t r = 0; r < rows; ++r) {
      float* at = w.data() + r * n;
      for (size_t i = first; i < end; ++i) {
        const size_t column = factor.order[i];
        const float rounded = grid->Round(r, column, at[i]), error = at[i] - rounded;
        lost[r * n + column] = grid->row(r)[column] - rounded;
        errors[r * kBlock + i - first] = error;
        const float* feed = factor.feed.data() + i * n;
        for (size_t j = i + 1; j < end; ++j) at[j] -= error * feed[j];
      }
    }
    product({.a = errors.data(),
             .b = factor.feed.data() + first * n + end,
             .out = w.data() + end,
             .rows = rows,
             .depth = end - first,
             .columns = n - end,
             .a_stride = kBlock,
             .b_stride = n,
             .out_stride = n});
  }
  return lost;
}

// Of each row the better codes.
void RoundRows(const GptqInput& input, size_t rows, RowsOnGrid* grid, GptqOutcome* outcome) {
  const size_t n = input.columns;
  const ProductFn product = PickProduct(DetectIsa());
  const std::vector<double> nearest = OutputErrors(input.hessian, grid->RoundToNearest(), n, product);
  std::vector<double> best = nearest;
  if (input.factor) {
    const std::vector<uint8_t> nearest_codes = grid->codes();
    best = OutputErrors(input.hessian, RoundWithFeedback(*input.factor, rows, grid, product), n, product);
    for (size_t r = 0; r < rows; ++r) {
      if (best[r] <= nearest[r]) continue;
      best[r] = nearest[r];
      std::copy_n(nearest_codes.begin() + static_cast<ptrdiff_t>(r * n), n,
                  grid->codes().begin() + static_cast<ptrdiff_t>(r * n));
      ++outcome->nearest_rows;
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    outcome->error += best[r];
    outcome->nearest_error += nearest[r];
  }
  grid->Write();
}

}  // namespace

GptqInput PrepareGptq(std::span<const float> hessian, size_t columns, int64_t tokens,
                      const FactorOptions& options) {
  TERN_CHECK(hessian.size() == columns * columns);
  GptqInput input{.columns = columns, .hessian{hessian.begin(), hessian.end()}, .energies{}, .factor{}};
  for (size_t i = 0; i < columns; ++i) {
    input.energies.push_back(hessian[i * columns + i]);
    for (size_t j = 0; j < i; ++j) input.hessian[i * columns + j] = hessian[j * columns + i];
  }
  if (tokens < static_cast<int64_t>(columns)) {
    input.status = GptqStatus::kTooFewTokens;
    return input;
  }
  Result<HessianFactor> factor = FactorHessian(hessian, columns, options);
  if (!factor.ok()) {
    input.status = GptqStatus::kNotDefinite;
    return input;
  }
  if (tokens < 2 * static_cast<int64_t>(columns)) input.status = GptqStatus::kFewTokens;
  input.factor = std::move(factor).value();
  return input;
}

GptqOutcome EncodeGptq(const GptqTask& task, char* out) {
  const GptqInput& input = *task.input;
  const size_t n = input.columns;
  TERN_CHECK(task.weights.size() == task.rows * n);
  GptqOutcome outcome{.status = input.status};
  const Format& format = *task.scheme->format;
  if (format.pack == nullptr) {
    outcome.status = GptqStatus::kNoCodes;
    for (size_t r = 0; r < task.rows; ++r) {
      format.encode(task.weights.data() + r * n, input.energies.data(), out + r * BlockOffset(format, n), n);
    }
    return outcome;
  }
  for (size_t first = 0; first < task.rows; first += kRows) {
    const size_t rows = std::min(kRows, task.rows - first);
    RowsOnGrid grid(task, first, rows, out);
    RoundRows(input, rows, &grid, &outcome);
  }
  return outcome;
}

}  // namespace tern
