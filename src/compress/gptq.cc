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
  RowsOnGrid(const GptqTask& task, GptqScales scales, std::span<const float> energies, size_t first,
             size_t rows, char* out)
      : task_(task), levels_(LevelsOf(*task.scheme)), first_(first), rows_(rows), out_(out) {
    const Scheme& scheme = *task.scheme;
    group_ = scheme.group != 0 ? static_cast<size_t>(GroupOf(scheme, static_cast<int64_t>(task.columns)))
                               : scheme.format->int_form.group;
    grids_.resize(rows * task.columns / group_);
    codes_.resize(rows * task.columns);
    for (size_t r = 0; r < rows; ++r) {
      if (scheme.group != 0) {
        ChooseGrids(r, scales, energies);
      } else {
        TakeGrids(r, scales == GptqScales::kWeighted ? energies.data() : nullptr);
      }
    }
  }

  std::span<const float> row(size_t r) const {
    return task_.weights.subspan((first_ + r) * task_.columns, task_.columns);
  }
  // The number nearest to x that the weight may become; its code is remembered.
  float Round(size_t r, size_t column, float x) {
    const GroupGrid& grid = grids_[(r * task_.columns + column) / group_];
    const float scaled = grid.scale != 0 ? (x - grid.minimum) / grid.scale : 0.f;
    const size_t place = NearestLevel(levels_, scaled);
    codes_[r * task_.columns + column] = levels_.code[place];
    return grid.scale * levels_.level[place] + grid.minimum;
  }
  void Write() {
    for (size_t r = 0; r < rows_; ++r) {
      const uint8_t* codes = codes_.data() + r * task_.columns;
      if (task_.scheme->group != 0) {
        const size_t groups = task_.columns / group_;
        WriteRow(*task_.scheme, {reinterpret_cast<const int8_t*>(codes), task_.columns},
                 std::span(grids_).subspan(r * groups, groups), bytes(r));
        continue;
      }
      const Format& format = *task_.scheme->format;
      for (size_t c = 0; c < task_.columns; c += format.block_weights) format.pack(codes + c, bytes(r), c);
    }
  }
  // Rounding to nearest, weight by weight: the losses, [rows, columns].
  std::vector<float> RoundToNearest() {
    std::vector<float> lost(codes_.size());
    for (size_t r = 0; r < rows_; ++r) {
      for (size_t c = 0; c < task_.columns; ++c)
        lost[r * task_.columns + c] = row(r)[c] - Round(r, c, row(r)[c]);
    }
    return lost;
  }
  std::vector<uint8_t>& codes() { return codes_; }

 private:
  char* bytes(size_t r) { return out_ + (first_ + r) * BlockOffset(*task_.scheme->format, task_.columns); }

  void ChooseGrids(size_t r, GptqScales scales, std::span<const float> energies) {
    for (size_t c = 0; c < task_.columns; c += group_) {
      const auto weights = row(r).subspan(c, group_);
      const bool weighted = scales == GptqScales::kWeighted;
      grids_[(r * task_.columns + c) / group_] =
          scales == GptqScales::kAbsMax
              ? AbsMaxGrid(*task_.scheme, weights)
              : SearchGrid(*task_.scheme, weights,
                           weighted ? energies.subspan(c, group_) : std::span<const float>());
    }
  }
  // What the format's own encoder chooses; Write then changes nothing but codes.
  void TakeGrids(size_t r, const float* importance) {
    const Format& format = *task_.scheme->format;
    format.encode(row(r).data(), importance, bytes(r), task_.columns);
    IntBlock ints;
    for (size_t c = 0; c < task_.columns; c += group_) {
      const size_t within = c % format.block_weights / group_;
      if (within == 0) format.unpack(bytes(r), c, &ints);
      grids_[(r * task_.columns + c) / group_] = {ints.d * static_cast<float>(ints.sc[within]),
                                                  -ints.dmin * static_cast<float>(ints.mn[within])};
    }
  }

  const GptqTask& task_;
  Levels levels_;
  size_t first_, rows_, group_;
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

// All of the Hessian, from its upper triangle.
std::vector<float> BothTriangles(std::span<const float> hessian, size_t n) {
  std::vector<float> all(hessian.begin(), hessian.end());
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) all[i * n + j] = hessian[j * n + i];
  }
  return all;
}

struct Rounding {
  const GptqTask& task;
  const HessianFactor* factor;  // nullptr: to nearest
  const std::vector<float>& hessian;
  ProductFn product = PickProduct(DetectIsa());
};

// Of each row the better codes.
void RoundRows(const Rounding& rounding, RowsOnGrid* grid, size_t rows, GptqOutcome* outcome) {
  const size_t n = rounding.task.columns;
  const std::vector<double> nearest =
      OutputErrors(rounding.hessian, grid->RoundToNearest(), n, rounding.product);
  std::vector<double> best = nearest;
  if (rounding.factor != nullptr) {
    const std::vector<uint8_t> nearest_codes = grid->codes();
    best = OutputErrors(rounding.hessian, RoundWithFeedback(*rounding.factor, rows, grid, rounding.product),
                        n, rounding.product);
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

GptqOutcome EncodeGptq(const GptqTask& task, const GptqOptions& options, char* out) {
  const size_t n = task.columns;
  TERN_CHECK(task.hessian.size() == n * n && task.weights.size() == task.rows * n);
  GptqOutcome outcome;
  std::vector<float> energies(n);
  for (size_t c = 0; c < n; ++c) energies[c] = task.hessian[c * n + c];
  const Format& format = *task.scheme->format;
  if (format.pack == nullptr) {
    outcome.status = GptqStatus::kNoCodes;
    for (size_t r = 0; r < task.rows; ++r)
      format.encode(task.weights.data() + r * n, energies.data(), out + r * BlockOffset(format, n), n);
    return outcome;
  }
  if (task.tokens < 2 * static_cast<int64_t>(n)) outcome.status = GptqStatus::kFewTokens;
  if (task.tokens < static_cast<int64_t>(n)) outcome.status = GptqStatus::kTooFewTokens;
  Result<HessianFactor> factor = BadInput("not wanted");
  if (outcome.status != GptqStatus::kTooFewTokens) {
    factor = FactorHessian(task.hessian, n, options.factor);
    if (!factor.ok()) outcome.status = GptqStatus::kNotDefinite;
  }
  const std::vector<float> hessian = BothTriangles(task.hessian, n);
  const Rounding rounding{task, factor.ok() ? &factor.value() : nullptr, hessian};
  for (size_t first = 0; first < task.rows; first += kRows) {
    const size_t rows = std::min(kRows, task.rows - first);
    RowsOnGrid grid(task, options.scales, energies, first, rows, out);
    RoundRows(rounding, &grid, rows, &outcome);
  }
  return outcome;
}

}  // namespace tern
