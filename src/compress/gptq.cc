#include "compress/gptq.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/isa.h"
#include "compress/product/product.h"
#include "compress/rows_on_grid.h"
#include "tensor/encode/encode.h"

namespace tern {
namespace {

constexpr size_t kRows = 48, kBlock = 64;  // rounded together; columns whose errors are fed on together

// Each weight's error is fed to those of its row that are not rounded yet.
void RoundWithFeedback(const HessianFactor& factor, RowsOnGrid* grid) {
  const ProductFn product = PickProduct(DetectIsa());
  const size_t n = factor.columns, rows = grid->rows();
  std::vector<float> w(rows * n), errors(rows * kBlock);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t i = 0; i < n; ++i) w[r * n + i] = grid->row(r)[factor.order[i]];
  }
  for (size_t first = 0; first < n; first += kBlock) {
    const size_t end = std::min(first + kBlock, n);
    for (size_t r = 0; r < rows; ++r) {
      float* at = w.data() + r * n;
      for (size_t i = first; i < end; ++i) {
        const float error = at[i] - grid->Round(r, factor.order[i], at[i]);
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
}

// Of each row the better codes.
void RoundRows(const GptqTask& task, RowsOnGrid* grid, GptqOutcome* outcome) {
  const GptqInput& input = *task.input;
  const size_t rows = grid->rows();
  grid->RoundToNearest();
  const std::vector<double> nearest = OutputErrors(input, *grid);
  std::vector<double> errors = nearest;
  if (input.factor) {
    std::vector<std::vector<uint8_t>> nearest_codes;
    for (size_t r = 0; r < rows; ++r)
      nearest_codes.emplace_back(grid->codes(r).begin(), grid->codes(r).end());
    RoundWithFeedback(*input.factor, grid);
    errors = OutputErrors(input, *grid);
    for (size_t r = 0; r < rows; ++r) {
      if (errors[r] <= nearest[r]) continue;
      errors[r] = nearest[r];
      std::copy(nearest_codes[r].begin(), nearest_codes[r].end(), grid->codes(r).begin());
      ++outcome->nearest_rows;
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    outcome->error += errors[r];
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
    const EncodeRowFn encode_row = PickEncode(format, DetectIsa());
    for (size_t r = 0; r < task.rows; ++r) {
      encode_row(task.weights.data() + r * n, input.energies.data(), out + r * BlockOffset(format, n), n);
    }
    return outcome;
  }
  for (size_t first = 0; first < task.rows; first += kRows) {
    const size_t rows = std::min(kRows, task.rows - first);
    RowsOnGrid grid(task, first, rows, out);
    RoundRows(task, &grid, &outcome);
  }
  return outcome;
}

}  // namespace tern
