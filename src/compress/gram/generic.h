// Sums of outer products over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of
// TERN_ISA_NS.
#include "compress/gram/gram.h"

namespace tern::TERN_ISA_NS {
namespace {

// kRows rows from `first`, 2 vectors of columns from `column`.
template <size_t kRows>
void AddTile(const GramArgs& a, size_t first, size_t column) {
  Vec sum[kRows][2];
  for (size_t i = 0; i < kRows; ++i) {
    const float* row = a.sum + (first + i) * a.columns + column;
    sum[i][0] = Vec::Load(row);
    sum[i][1] = Vec::Load(row + Vec::kLanes);
  }
  for (size_t t = 0; t < a.tokens; ++t) {
    const float* x = a.x + t * a.columns;
    const Vec left = Vec::Load(x + column), right = Vec::Load(x + column + Vec::kLanes);
    for (size_t i = 0; i < kRows; ++i) {
      const Vec by = Vec::Set(x[first + i]);
      sum[i][0] = MulAdd(by, left, sum[i][0]);
      sum[i][1] = MulAdd(by, right, sum[i][1]);
    }
  }
  for (size_t i = 0; i < kRows; ++i) {
    float* row = a.sum + (first + i) * a.columns + column;
    sum[i][0].Store(row);
    sum[i][1].Store(row + Vec::kLanes);
  }
}

template <size_t kRows>
void AddRows(const GramArgs& a, size_t first) {
  constexpr size_t kStep = 2 * Vec::kLanes;
  size_t column = first / kStep * kStep;
  for (; column + kStep <= a.columns; column += kStep) AddTile<kRows>(a, first, column);
  for (; column < a.columns; ++column) {
    for (size_t i = first; i < first + kRows; ++i) {
      float sum = a.sum[i * a.columns + column];
      for (size_t t = 0; t < a.tokens; ++t) sum += a.x[t * a.columns + i] * a.x[t * a.columns + column];
      a.sum[i * a.columns + column] = sum;
    }
  }
}

void AddGram(const GramArgs& a, size_t first) {
  if (first + kGramRows <= a.columns) return AddRows<kGramRows>(a, first);
  for (; first < a.columns; ++first) AddRows<1>(a, first);
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
