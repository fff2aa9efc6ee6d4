// Products over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of TERN_ISA_NS.
#include "compress/product/product.h"

namespace tern::TERN_ISA_NS {
namespace {

// kRows rows from `row`, kVectors vectors of columns from `column`.
template <size_t kRows, size_t kVectors>
void SubtractTile(const ProductArgs& p, size_t row, size_t column) {
  Vec sum[kRows][kVectors];
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t v = 0; v < kVectors; ++v)
      sum[i][v] = Vec::Load(p.out + (row + i) * p.out_stride + column + v * Vec::kLanes);
  }
  for (size_t k = 0; k < p.depth; ++k) {
    Vec b[kVectors];
    for (size_t v = 0; v < kVectors; ++v) b[v] = Vec::Load(p.b + k * p.b_stride + column + v * Vec::kLanes);
    for (size_t i = 0; i < kRows; ++i) {
      const Vec a = Vec::Set(p.a[(row + i) * p.a_stride + k]);
      for (size_t v = 0; v < kVectors; ++v) sum[i][v] = NegMulAdd(a, b[v], sum[i][v]);
    }
  }
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t v = 0; v < kVectors; ++v)
      sum[i][v].Store(p.out + (row + i) * p.out_stride + column + v * Vec::kLanes);
  }
}

template <size_t kRows>
void SubtractRows(const ProductArgs& p, size_t row, size_t first, size_t columns) {
  size_t column = first;
  for (; column + 2 * Vec::kLanes <= columns; column += 2 * Vec::kLanes)
    SubtractTile<kRows, 2>(p, row, column);
  for (; column < columns; ++column) {
    for (size_t i = row; i < row + kRows; ++i) {
      float sum = p.out[i * p.out_stride + column];
      for (size_t k = 0; k < p.depth; ++k) sum -= p.a[i * p.a_stride + k] * p.b[k * p.b_stride + column];
      p.out[i * p.out_stride + column] = sum;
    }
  }
}

// By strips of columns whose part of b stays in the second cache.
void SubtractProduct(const ProductArgs& p) {
  constexpr size_t kStrip = 64, kRows = Vec::kRegisters >= 16 ? 6 : 2;
  for (size_t first = 0; first < p.columns; first += kStrip) {
    const size_t end = first + kStrip < p.columns ? first + kStrip : p.columns;
    size_t row = 0;
    for (; row + kRows <= p.rows; row += kRows) SubtractRows<kRows>(p, row, first, end);
    for (; row < p.rows; ++row) SubtractRows<1>(p, row, first, end);
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
