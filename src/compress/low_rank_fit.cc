#include "compress/low_rank_fit.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/isa.h"
#include "compress/product/product.h"
#include "compress/symmetric_system.h"

namespace tern {
namespace {

// Orthogonal iteration: more columns than wanted, which converge the faster, and how often.
constexpr size_t kSpare = 8;
constexpr int kIterations = 8;
constexpr size_t kRowsAtATime = 32;
// Of the mean of A H A^T's diagonal: A may have rows that inputs never see.
constexpr double kDamping = 1e-6;

using Numbers = std::vector<float>;

Numbers Transposed(std::span<const float> a, size_t rows, size_t columns) {
  Numbers t(a.size());
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) t[j * rows + i] = a[i * columns + j];
  }
  return t;
}

// a [rows, depth] b [depth, columns]
Numbers Product(std::span<const float> a, std::span<const float> b, size_t rows, size_t depth, size_t columns,
                Team& team) {
  static const ProductFn product = PickProduct(DetectIsa());
  Numbers out(rows * columns);
  TaskCounter counter;
  team.Run([&](int) {
    counter.ForEach((rows + kRowsAtATime - 1) / kRowsAtATime, 1, [&](size_t chunk, size_t) {
      const size_t first = chunk * kRowsAtATime, count = std::min(kRowsAtATime, rows - first);
      product({.a = &a[first * depth],
               .b = b.data(),
               .out = &out[first * columns],
               .rows = count,
               .depth = depth,
               .columns = columns,
               .a_stride = depth,
               .b_stride = columns,
               .out_stride = columns});
      for (size_t i = first * columns; i < (first + count) * columns; ++i) out[i] = -out[i];
    });
  });
  return out;
}

// H x, x [columns, width]
Numbers TimesHessian(const FitTask& task, std::span<const float> x, size_t width) {
  if (!task.inputs.hessian.empty())
    return Product(task.inputs.hessian, x, task.columns, task.columns, width, *task.team);
  Numbers out(x.begin(), x.end());
  for (size_t i = 0; !task.inputs.energies.empty() && i < out.size(); ++i)
    out[i] *= task.inputs.energies[i / width];
  return out;
}

// Rows become orthonormal, one after the other, by modified Gram-Schmidt; one that has nothing of its own
// becomes 0.
void Orthonormalize(Numbers& x, size_t rows, size_t columns) {
  const auto dot = [&](size_t a, size_t b) {
    double sum = 0;
    for (size_t j = 0; j < columns; ++j)
      sum += static_cast<double>(x[a * columns + j]) * static_cast<double>(x[b * columns + j]);
    return sum;
  };
  for (size_t i = 0; i < rows; ++i) {
    const double before = dot(i, i);
    for (size_t done = 0; done < i; ++done) {
      const auto shared = static_cast<float>(dot(i, done));
      for (size_t j = 0; j < columns; ++j) x[i * columns + j] -= shared * x[done * columns + j];
    }
    const double left = dot(i, i);
    const auto by = static_cast<float>(left > 1e-10 * before ? 1 / std::sqrt(left) : 0);
    for (size_t j = 0; j < columns; ++j) x[i * columns + j] *= by;
  }
}

}  // namespace

std::vector<float> LeadingRows(const FitTask& task, size_t rank) {
  const size_t width = std::min(rank + kSpare, std::min(task.rows, task.columns));
  const Numbers turned = Transposed(task.error, task.rows, task.columns);
  std::mt19937 random(1);
  Numbers u(width * task.rows);  // [width, rows]
  for (float& x : u) x = static_cast<float>(random() % 2048) - 1023.5f;
  for (int i = 0; i < kIterations; ++i) {
    Orthonormalize(u, width, task.rows);
    const Numbers seen =
        Product(turned, Transposed(u, width, task.rows), task.columns, task.rows, width, *task.team);
    u = Transposed(
        Product(task.error, TimesHessian(task, seen, width), task.rows, task.columns, width, *task.team),
        task.rows, width);
  }
  Orthonormalize(u, width, task.rows);
  u.resize(rank * task.rows);
  return Product(u, task.error, rank, task.rows, task.columns, *task.team);
}

std::vector<float> InnerHessian(const FitTask& task, std::span<const float> a, size_t rank) {
  const Numbers seen = TimesHessian(task, Transposed(a, rank, task.columns), rank);
  return Product(a, seen, rank, task.columns, rank, *task.team);
}

std::vector<float> FitLeft(const FitTask& task, std::span<const float> a, size_t rank) {
  const Numbers seen = TimesHessian(task, Transposed(a, rank, task.columns), rank);
  const Numbers inner = Product(a, seen, rank, task.columns, rank, *task.team);
  std::vector<double> s(inner.begin(), inner.end());
  double mean = 0;
  for (size_t i = 0; i < rank; ++i) mean += s[i * rank + i] / static_cast<double>(rank);
  for (size_t i = 0; i < rank; ++i) s[i * rank + i] += kDamping * mean;
  Numbers b = Product(task.error, seen, task.rows, task.columns, rank, *task.team);
  const auto system = SymmetricSystem::Make(std::move(s), rank);
  if (!system) return Numbers(b.size());
  for (size_t row = 0; row < b.size(); row += rank) {
    std::vector<double> x(b.begin() + static_cast<std::ptrdiff_t>(row),
                          b.begin() + static_cast<std::ptrdiff_t>(row + rank));
    system->Solve(x);
    std::transform(x.begin(), x.end(), b.begin() + static_cast<std::ptrdiff_t>(row),
                   [](double value) { return static_cast<float>(value); });
  }
  return b;
}

}  // namespace tern
