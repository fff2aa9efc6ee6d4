#include "compress/rows_on_grid.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/isa.h"

namespace tern {
namespace {

// Blocks of these formats are groups whose scales are free: what the grouped schemes are laid down in.
Scheme AsGroups(const Scheme& scheme) {
  if (scheme.group != 0) return scheme;
  for (const std::string_view name : {"q4_0", "q4_1", "q8_0"}) {
    if (scheme.format->name == name)
      return {.name = scheme.name, .format = scheme.format, .group = scheme.format->block_weights};
  }
  return scheme;
}

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

// Solves a x = b in place of b; a [n, n] is symmetric. False: it is not positive definite.
bool SolveSymmetric(std::vector<double>* matrix, std::vector<double>* b) {
  const size_t n = b->size();
  double* a = matrix->data();
  for (size_t j = 0; j < n; ++j) {
    for (size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i == j && !(sum > 0)) return false;
      a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) (*b)[i] -= a[i * n + k] * (*b)[k];
    (*b)[i] /= a[i * n + i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) (*b)[i] -= a[k * n + i] * (*b)[k];
    (*b)[i] /= a[i * n + i];
  }
  return true;
}

// Sum of a[i] b[i]; n is a multiple of 8.
float Dot(const float* a, const float* b, size_t n) {
  float lanes[8] = {};
  for (size_t i = 0; i < n; i += 8) {
    for (size_t l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

}  // namespace

RowsOnGrid::RowsOnGrid(const GptqTask& task, size_t first, size_t rows, char* out)
    : task_(task),
      grouped_(AsGroups(*task.scheme)),
      encode_row_(PickEncode(*task.scheme->format, DetectIsa())),
      levels_(LevelsOf(grouped_)),
      columns_(task.input->columns),
      first_(first),
      rows_(rows),
      group_(tunable() ? static_cast<size_t>(GroupOf(grouped_, static_cast<int64_t>(columns_)))
                       : task.scheme->format->int_form.group),
      out_(out),
      grids_(rows * columns_ / group_),
      codes_(rows * columns_) {
  for (size_t i = 0; i < levels_.code.size(); ++i) level_of_[levels_.code[i]] = levels_.level[i];
  for (size_t r = 0; r < rows; ++r) tunable() ? ChooseGrids(r) : TakeGrids(r);
}

void RowsOnGrid::ChooseGrids(size_t r) {
  const std::span<const float> energies = task_.input->energies;
  for (size_t c = 0; c < columns_; c += group_) {
    const auto weights = row(r).subspan(c, group_);
    const bool weighted = task_.scales == GptqScales::kWeighted;
    grids_[(r * columns_ + c) / group_] =
        task_.scales == GptqScales::kAbsMax
            ? AbsMaxGrid(grouped_, weights)
            : SearchGrid(grouped_, weights,
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

std::vector<GroupGrid> RowsOnGrid::grids(size_t r) const {
  const auto first = grids_.begin() + static_cast<ptrdiff_t>(r * columns_ / group_);
  return {first, first + static_cast<ptrdiff_t>(columns_ / group_)};
}

void RowsOnGrid::SetGrids(size_t r, std::span<const GroupGrid> grids) {
  std::copy(grids.begin(), grids.end(), grids_.begin() + static_cast<ptrdiff_t>(r * columns_ / group_));
}

// Unknowns are by how much each group's scale moves, and then each group's minimum: with the columns of C the
// codes, and ones, of each group, C^T H C x = C^T H d.
void RowsOnGrid::Tune(size_t r, std::span<const float> hessian, float added, std::span<const float> through) {
  const size_t groups = columns_ / group_, kinds = HasMinimum(grouped_) ? 2 : 1, n = groups * kinds;
  std::vector<float> basis(kinds * columns_, 1.f), mapped(columns_ * n);
  for (size_t c = 0; c < columns_; ++c) basis[c] = LevelOf(codes_[r * columns_ + c]);
  for (size_t c = 0; c < columns_; ++c) {
    for (size_t k = 0; k < n; ++k) {
      const size_t first = k % groups * group_;
      mapped[c * n + k] =
          Dot(hessian.data() + c * columns_ + first, basis.data() + k / groups * columns_ + first, group_);
    }
    for (size_t kind = 0; kind < kinds; ++kind)
      mapped[c * n + kind * groups + c / group_] += added * basis[kind * columns_ + c];
  }
  const std::vector<float> lost = Lost();
  std::vector<double> a(n * n), b(n);
  for (size_t kind = 0; kind < kinds; ++kind) {
    for (size_t c = 0; c < columns_; ++c) {
      const double by = basis[kind * columns_ + c];
      const size_t i = kind * groups + c / group_;
      b[i] += by * (through[c] + added * lost[r * columns_ + c]);
      for (size_t k = 0; k < n; ++k) a[i * n + k] += by * mapped[c * n + k];
    }
  }
  // A group whose codes are all zero has no scale to move.
  for (size_t i = 0; i < n; ++i) a[i * n + i] = a[i * n + i] > 0 ? a[i * n + i] * (1 + 1e-6) : 1;
  if (!SolveSymmetric(&a, &b)) return;
  for (size_t g = 0; g < groups; ++g) {
    GroupGrid& at = grids_[r * groups + g];
    at.scale = StoredNumber(at.scale + static_cast<float>(b[g]));
    if (kinds == 2) at.minimum = StoredNumber(at.minimum + static_cast<float>(b[groups + g]));
  }
}

void RowsOnGrid::Write() {
  for (size_t r = 0; r < rows_; ++r) {
    const uint8_t* at = codes_.data() + r * columns_;
    if (tunable()) {
      WriteRow(grouped_, {reinterpret_cast<const int8_t*>(at), columns_}, grids(r), bytes(r));
      continue;
    }
    const Format& format = *task_.scheme->format;
    for (size_t c = 0; c < columns_; c += format.block_weights) format.pack(at + c, bytes(r), c);
  }
}

}  // namespace tern
