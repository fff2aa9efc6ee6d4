#include "models/hf/mapping.h"

namespace tern {
namespace {

// Rows first, first + step, ...; none where the config asks for more than there are.
std::vector<int64_t> Range(const HfDims& d, int64_t first, int64_t count, int64_t step = 1) {
  std::vector<int64_t> rows;
  if (first < 0 || count < 0 || count > d.rows) return rows;
  rows.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) rows.push_back(first + i * step);
  return rows;
}

std::vector<int64_t> PairRows(int64_t rows, int64_t heads) {
  std::vector<int64_t> order;
  const int64_t dim = heads > 0 ? rows / heads : 0;
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t i = 0; i < dim; ++i) order.push_back(head * dim + (i % 2) * (dim / 2) + i / 2);
  }
  return order;
}

// Heads first .. first + count - 1 of every group of `size` heads.
void AppendHeads(const HfDims& d, int64_t size, int64_t first, int64_t count, std::vector<int64_t>* rows) {
  for (int64_t group = 0; group < d.kv_heads; ++group) {
    for (int64_t i = 0; i < count * d.head_dim; ++i) rows->push_back((group * size + first) * d.head_dim + i);
  }
}

}  // namespace

std::vector<int64_t> PairRowsQ(const HfDims& d) { return PairRows(d.rows, d.heads); }
std::vector<int64_t> PairRowsK(const HfDims& d) { return PairRows(d.rows, d.kv_heads); }
std::vector<int64_t> FusedQRows(const HfDims& d) { return Range(d, 0, d.heads * d.head_dim); }
std::vector<int64_t> FusedKRows(const HfDims& d) {
  return Range(d, d.heads * d.head_dim, d.kv_heads * d.head_dim);
}
std::vector<int64_t> FusedVRows(const HfDims& d) {
  return Range(d, (d.heads + d.kv_heads) * d.head_dim, d.kv_heads * d.head_dim);
}
std::vector<int64_t> UngroupQkvRows(const HfDims& d) {
  std::vector<int64_t> rows;
  if (d.kv_heads <= 0 || d.rows != (d.heads + 2 * d.kv_heads) * d.head_dim) return rows;
  const int64_t shared = d.heads / d.kv_heads;
  AppendHeads(d, shared + 2, 0, shared, &rows);
  AppendHeads(d, shared + 2, shared, 1, &rows);
  AppendHeads(d, shared + 2, shared + 1, 1, &rows);
  return rows;
}
std::vector<int64_t> KeyRows(const HfDims& d) { return Range(d, 0, d.rows - d.value_dim); }
std::vector<int64_t> ValueRows(const HfDims& d) { return Range(d, d.rows - d.value_dim, d.value_dim); }
std::vector<int64_t> FirstHalfRows(const HfDims& d) { return Range(d, 0, d.rows / 2); }
std::vector<int64_t> SecondHalfRows(const HfDims& d) { return Range(d, d.rows / 2, d.rows / 2); }
std::vector<int64_t> EvenRows(const HfDims& d) { return Range(d, 0, d.rows / 2, 2); }
std::vector<int64_t> OddRows(const HfDims& d) { return Range(d, 1, d.rows / 2, 2); }

}  // namespace tern
