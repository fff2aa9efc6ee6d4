#include "compress/hessian_factor.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/isa.h"
#include "compress/product/product.h"

namespace tern {
namespace {

constexpr size_t kBlock = 64;

// A square matrix, of which the lower triangle counts, and the product to work on it with.
struct Triangle {
  std::vector<float> at;
  size_t n;
  ProductFn product = PickProduct(DetectIsa());

  float* row(size_t i) { return at.data() + i * n; }
};

// The block of the diagonal from `first` to `end`, once all that is left of it is taken off. False: it is not
// positive definite.
bool FactorBlock(Triangle* m, size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) {
    for (size_t j = first; j <= i; ++j) {
      double sum = m->row(i)[j];
      for (size_t k = first; k < j; ++k) sum -= static_cast<double>(m->row(i)[k]) * m->row(j)[k];
      if (i == j && !(sum > 0 && sum < std::numeric_limits<float>::max())) return false;
      m->row(i)[j] = static_cast<float>(i == j ? std::sqrt(sum) : sum / m->row(j)[j]);
    }
  }
  return true;
}

// What lies below that block: solved, and kept turned on its side in `panel` [end - first, n - end].
void SolvePanel(Triangle* m, size_t first, size_t end, std::vector<float>* panel) {
  const size_t width = m->n - end;
  panel->resize((end - first) * width);
  for (size_t j = first; j < end; ++j) {
    float* out = panel->data() + (j - first) * width;
    for (size_t i = 0; i < width; ++i) out[i] = m->row(end + i)[j];
    m->product({.a = m->row(j) + first,
                .b = panel->data(),
                .out = out,
                .rows = 1,
                .depth = j - first,
                .columns = width,
                .a_stride = m->n,
                .b_stride = width,
                .out_stride = width});
    const float inverse = 1 / m->row(j)[j];
    for (size_t i = 0; i < width; ++i) m->row(end + i)[j] = out[i] *= inverse;
  }
}

// m = L L^T; L takes its place. False: m is not positive definite.
bool Cholesky(Triangle* m) {
  std::vector<float> panel;
  for (size_t first = 0; first < m->n; first += kBlock) {
    const size_t end = std::min(first + kBlock, m->n);
    if (!FactorBlock(m, first, end)) return false;
    SolvePanel(m, first, end, &panel);
    for (size_t i = end; i < m->n; i += kBlock) {
      const size_t stop = std::min(i + kBlock, m->n);
      m->product({.a = m->row(i) + first,
                  .b = panel.data(),
                  .out = m->row(i) + end,
                  .rows = stop - i,
                  .depth = end - first,
                  .columns = stop - end,
                  .a_stride = m->n,
                  .b_stride = m->n - end,
                  .out_stride = m->n});
    }
  }
  return true;
}

// Rows first .. end - 1 of the inverse of L, those above being done: of L X = I, what stands left of the
// block is -L X so far.
void InvertRows(Triangle* m, size_t first, size_t end) {
  std::vector<float> rows((end - first) * m->n);
  m->product({.a = m->row(first),
              .b = m->at.data(),
              .out = rows.data(),
              .rows = end - first,
              .depth = first,
              .columns = first,
              .a_stride = m->n,
              .b_stride = m->n,
              .out_stride = m->n});
  for (size_t i = first; i < end; ++i) {
    float* row = rows.data() + (i - first) * m->n;
    row[i] = 1;
    m->product({.a = m->row(i) + first,
                .b = rows.data(),
                .out = row,
                .rows = 1,
                .depth = i - first,
                .columns = i,
                .a_stride = m->n,
                .b_stride = m->n,
                .out_stride = m->n});
    const float inverse = 1 / m->row(i)[i];
    for (size_t j = 0; j <= i; ++j) row[j] *= inverse;
  }
  std::copy(rows.begin(), rows.end(), m->row(first));
}

// The Hessian by places, from the last to the first.
Triangle Backwards(std::span<const float> hessian, const HessianFactor& factor, float added) {
  const size_t n = factor.columns;
  Triangle m{std::vector<float>(n * n), n};
  for (size_t i = 0; i < n; ++i) {
    const size_t row = factor.order[n - 1 - i];
    for (size_t j = 0; j <= i; ++j) {
      const size_t column = factor.order[n - 1 - j];
      m.row(i)[j] = hessian[std::min(row, column) * n + std::max(row, column)] + (i == j ? added : 0.f);
    }
  }
  return m;
}

}  // namespace

Result<HessianFactor> FactorHessian(std::span<const float> hessian, size_t columns,
                                    const FactorOptions& options) {
  TERN_CHECK(hessian.size() == columns * columns);
  HessianFactor factor{.columns = columns, .order = std::vector<uint32_t>(columns)};
  std::iota(factor.order.begin(), factor.order.end(), 0u);
  const auto strength = [&](uint32_t c) { return hessian[c * columns + c]; };
  double mean = 0;
  for (const uint32_t c : factor.order) mean += strength(c) / static_cast<double>(columns);
  if (!std::isfinite(mean) || !(mean > 0)) return BadInput("Hessian: its diagonal has no finite sum above 0");
  if (options.by_strength) {
    // Inputs of much the same strength keep their order: neighbours often go together.
    std::stable_sort(factor.order.begin(), factor.order.end(), [&](uint32_t a, uint32_t b) {
      return std::ilogb(strength(a)) > std::ilogb(strength(b));
    });
  }
  for (factor.damping = options.damping; factor.damping <= 1; factor.damping *= 10) {
    Triangle m = Backwards(hessian, factor, factor.damping * static_cast<float>(mean));
    if (!Cholesky(&m)) continue;
    for (size_t first = 0; first < columns; first += kBlock)
      InvertRows(&m, first, std::min(first + kBlock, columns));
    factor.feed.resize(columns * columns);
    for (size_t i = 0; i < columns; ++i) {
      const float* row = m.row(columns - 1 - i);
      const float inverse = 1 / row[columns - 1 - i];
      for (size_t j = i + 1; j < columns; ++j) factor.feed[i * columns + j] = row[columns - 1 - j] * inverse;
    }
    return factor;
  }
  return BadInput("Hessian: not positive definite");
}

}  // namespace tern
