#include "compress/tune_scales.h"

#include <algorithm>
#include <optional>

#include "compress/grouped_rows.h"
#include "compress/symmetric_system.h"

namespace tern {
namespace {

// Sum of a[i] b[i]; n is a multiple of 8.
float Dot(const float* a, const float* b, size_t n) {
  float lanes[8] = {};
  for (size_t i = 0; i < n; i += 8) {
    for (size_t l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Least squares for one row.
class RowFit {
 public:
  RowFit(const GptqInput& input, float added, size_t groups, bool minimums)
      : hessian_(input.hessian),
        added_(added),
        columns_(input.columns),
        groups_(groups),
        kinds_(minimums ? 2 : 1) {}

  // How far each scale should move, and behind them each minimum: with the columns of C the codes of one
  // group each, and ones, C^T (H + added) C x = C^T (H + added) d.
  std::optional<std::vector<double>> Moves(std::span<const float> codes, std::span<const float> lost) const {
    const size_t n = groups_ * kinds_, group = columns_ / groups_;
    std::vector<float> basis(codes.begin(), codes.end()), mapped(n);
    basis.resize(kinds_ * columns_, 1.f);
    std::vector<double> a(n * n), b(n);
    for (size_t c = 0; c < columns_; ++c) {
      const float* through = hessian_.data() + c * columns_;
      for (size_t k = 0; k < n; ++k) {
        const size_t first = k % groups_ * group;
        mapped[k] = Dot(through + first, basis.data() + k / groups_ * columns_ + first, group);
      }
      for (size_t kind = 0; kind < kinds_; ++kind)
        mapped[kind * groups_ + c / group] += added_ * basis[kind * columns_ + c];
      for (size_t k = 0; k < n; ++k) b[k] += static_cast<double>(mapped[k]) * static_cast<double>(lost[c]);
      for (size_t kind = 0; kind < kinds_; ++kind) {
        const auto by = static_cast<double>(basis[kind * columns_ + c]);
        double* row = a.data() + (kind * groups_ + c / group) * n;
        for (size_t k = 0; k < n; ++k) row[k] += by * static_cast<double>(mapped[k]);
      }
    }
    // A group whose codes are all zero has no scale to move.
    for (size_t i = 0; i < n; ++i) a[i * n + i] = a[i * n + i] > 0 ? a[i * n + i] * (1 + 1e-6) : 1;
    const auto system = SymmetricSystem::Make(std::move(a), n);
    if (!system) return std::nullopt;
    system->Solve(b);
    return b;
  }

 private:
  std::span<const float> hessian_;
  float added_;
  size_t columns_, groups_, kinds_;
};

}  // namespace

Scheme WithFreeScales(const Scheme& scheme) {
  if (scheme.group != 0) return scheme;
  for (const std::string_view name : {"q4_0", "q4_1", "q8_0"}) {
    if (scheme.format->name == name)
      return {.name = scheme.name, .format = scheme.format, .group = scheme.format->block_weights};
  }
  return scheme;
}

void TuneScales(const GptqInput& input, float damping, RowsOnGrid* rows) {
  const size_t columns = input.columns;
  double mean = 0;
  for (const float energy : input.energies)
    mean += static_cast<double>(energy) / static_cast<double>(columns);
  const float added = damping * static_cast<float>(mean);
  const std::vector<double> before = OutputErrors(input, *rows);
  const std::vector<float> lost = rows->Lost();
  std::vector<std::vector<GroupGrid>> kept;
  for (size_t r = 0; r < rows->rows(); ++r) {
    const std::span<GroupGrid> grids = rows->grids(r);
    kept.emplace_back(grids.begin(), grids.end());
    std::vector<float> codes(columns);
    for (size_t c = 0; c < columns; ++c) codes[c] = rows->level(r, c);
    const auto moves = RowFit(input, added, grids.size(), rows->has_minimums())
                           .Moves(codes, std::span(lost).subspan(r * columns, columns));
    for (size_t g = 0; moves && g < grids.size(); ++g) {
      grids[g].scale = RoundScale(grids[g].scale + static_cast<float>((*moves)[g]));
      if (!rows->has_minimums()) continue;
      grids[g].minimum = RoundScale(grids[g].minimum + static_cast<float>((*moves)[grids.size() + g]));
    }
  }
  const std::vector<double> after = OutputErrors(input, *rows);
  for (size_t r = 0; r < rows->rows(); ++r) {
    if (after[r] >= before[r]) std::copy(kept[r].begin(), kept[r].end(), rows->grids(r).begin());
  }
}

}  // namespace tern
