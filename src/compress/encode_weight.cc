#include "compress/encode_weight.h"

#include <algorithm>
#include <mutex>

#include "base/cpu_count.h"

namespace tern {
namespace {

// Enough rows at a time that a method's matrix products are not vectors.
constexpr int64_t kChunkRows = 64;
constexpr int64_t kSampledRows = 32;

// e H e^T for one row of errors.
double Weigh(std::span<const float> error, const Observation* seen) {
  const size_t columns = error.size();
  double sum = 0;
  if (seen == nullptr) {
    for (const float e : error) sum += static_cast<double>(e) * static_cast<double>(e);
    return sum;
  }
  if (seen->hessian.empty()) {
    for (size_t j = 0; j < columns; ++j) sum += static_cast<double>(error[j] * error[j] * seen->energies[j]);
    return sum;
  }
  for (size_t i = 0; i < columns; ++i) {
    const float* row = &seen->hessian[i * columns];
    float parts[8] = {};
    size_t j = 0;
    for (; j + 8 <= columns; j += 8) {
      for (size_t l = 0; l < 8; ++l) parts[l] += row[j + l] * error[j + l];
    }
    for (; j < columns; ++j) parts[0] += row[j] * error[j];
    float dot = 0;
    for (const float part : parts) dot += part;
    sum += static_cast<double>(dot) * static_cast<double>(error[i]);
  }
  return sum;
}

}  // namespace

WeightEncoder::WeightEncoder(const Observations* observations, int threads)
    : observations_(observations), team_(threads > 0 ? threads : DefaultThreads()) {}

const Observation* WeightEncoder::Seen(const WeightUnit& unit) const {
  if (observations_ == nullptr || (unit.is_table && !unit.is_head)) return nullptr;
  const Observation* seen = observations_->Of(unit.name);
  if (seen == nullptr && unit.name == kHeadName) seen = observations_->Of(kTableName);  // were tied
  return seen != nullptr && seen->columns == unit.columns() && seen->tokens > 0 ? seen : nullptr;
}

const Observation* WeightEncoder::Seen(const WeightUnit& unit, const MethodDesc& method,
                                       const WeightFactors& factors) {
  const Observation* seen = Seen(unit);
  if (seen == nullptr || factors.columns.empty()) return seen;
  const bool wants_hessian = method.needs == Observed::kHessian && !seen->hessian.empty();
  if (folded_of_ == seen && folded_by_ == factors.columns && folded_.hessian.empty() != wants_hessian)
    return &folded_;
  folded_of_ = seen;
  folded_by_ = factors.columns;
  prepared_of_ = nullptr;
  const size_t n = folded_by_.size();
  folded_ = {.weights = {},
             .columns = seen->columns,
             .tokens = seen->tokens,
             .energies = seen->energies,
             .peaks = {},
             .hessian = {}};
  folded_.hessian.resize(wants_hessian ? n * n : 0);
  for (size_t i = 0; i < n; ++i) {
    const float by = 1 / folded_by_[i];
    folded_.energies[i] *= by * by;
    for (size_t j = 0; wants_hessian && j < n; ++j)
      folded_.hessian[i * n + j] = seen->hessian[i * n + j] * by / folded_by_[j];
  }
  return &folded_;
}

const void* WeightEncoder::Prepare(const MethodDesc& method, const Observation* seen) {
  if (method.prepare == nullptr || seen == nullptr) return nullptr;
  if (prepared_of_ != seen || prepared_by_ != &method) {
    prepared_.reset();
    prepared_ = method.prepare(*seen);
    prepared_of_ = seen;
    prepared_by_ = &method;
  }
  return prepared_.get();
}

Result<EncodedRows> WeightEncoder::EncodeRows(std::string_view name, const RowsFn& rows_of,
                                              const EncodeTask& task, const MethodDesc& method) {
  const size_t row_bytes = BlockOffset(*task.scheme->format, static_cast<size_t>(task.columns));
  EncodedRows encoded;
  encoded.bytes.resize(static_cast<size_t>(task.rows) * row_bytes);
  const auto chunks = static_cast<size_t>((task.rows + kChunkRows - 1) / kChunkRows);
  std::mutex mutex;
  Status failure;
  TaskCounter counter;
  team_.Run([&](int) {
    counter.ForEach(chunks, 1, [&](size_t chunk, size_t) {
      const int64_t first = static_cast<int64_t>(chunk) * kChunkRows;
      const int64_t count = std::min(kChunkRows, task.rows - first);
      const std::vector<float> weights = rows_of(first, count);
      auto part =
          method.encode.value({name, weights, count, task.columns, task.scheme, task.seen, task.prepared});
      const std::lock_guard lock(mutex);
      if (!part.ok()) {
        failure = part.error();
        return;
      }
      std::copy(part.value().bytes.begin(), part.value().bytes.end(),
                encoded.bytes.begin() + first * static_cast<int64_t>(row_bytes));
      if (!part.value().note.empty()) encoded.note = std::move(part.value().note);
    });
  });
  TERN_TRY_STATUS(failure);
  return encoded;
}

Result<EncodedRows> WeightEncoder::Encode(const WeightUnit& unit, const Scheme& scheme,
                                          const MethodDesc& method, const WeightFactors& factors) {
  const Observation* seen = Seen(unit, method, factors);
  const auto rows_of = [&](int64_t first, int64_t count) {
    std::vector<float> weights = DecodeRows(unit.tensor, first, count);
    factors.Apply(weights, first, static_cast<size_t>(unit.columns()));
    return weights;
  };
  return EncodeRows(unit.name, rows_of,
                    {.name = unit.name,
                     .weights = {},
                     .rows = unit.rows(),
                     .columns = unit.columns(),
                     .scheme = &scheme,
                     .seen = seen,
                     .prepared = Prepare(method, seen)},
                    method);
}

Result<EncodedParts> WeightEncoder::EncodeParts(const WeightUnit& unit, const Scheme& scheme,
                                                const MethodDesc& method, const WeightFactors& factors) {
  if (scheme.part == nullptr) {
    TERN_TRY(EncodedRows encoded, Encode(unit, scheme, method, factors));
    return EncodedParts{{std::move(encoded.bytes)}, std::move(encoded.note)};
  }
  std::vector<float> weights = DecodeRows(unit.tensor, 0, unit.rows());
  factors.Apply(weights, 0, static_cast<size_t>(unit.columns()));
  const Observation* of_unit = Seen(unit, method, factors);
  Scheme alone = scheme;
  alone.part = nullptr;
  const auto encode = [&](std::span<const float> rows, int64_t count,
                          const Observation* seen) -> Result<EncodedRows> {
    const int64_t columns = static_cast<int64_t>(rows.size()) / count;
    // An observation that a part made is not there the next time.
    const std::shared_ptr<const void> own =
        seen != nullptr && seen != of_unit && method.prepare != nullptr ? method.prepare(*seen) : nullptr;
    const auto rows_of = [&](int64_t first, int64_t n) {
      const auto part = rows.subspan(static_cast<size_t>(first * columns), static_cast<size_t>(n * columns));
      return std::vector<float>(part.begin(), part.end());
    };
    return EncodeRows(unit.name, rows_of,
                      {.name = unit.name,
                       .weights = {},
                       .rows = count,
                       .columns = columns,
                       .scheme = &alone,
                       .seen = seen,
                       .prepared = seen == of_unit ? Prepare(method, seen) : own.get()},
                      method);
  };
  return scheme.part->encode.value({.weights = weights,
                                    .rows = unit.rows(),
                                    .columns = unit.columns(),
                                    .scheme = &scheme,
                                    .seen = of_unit,
                                    .team = &team_,
                                    .encode = encode});
}

Result<WeightEncoder::Sample> WeightEncoder::EncodeSample(const WeightUnit& unit, const Scheme& scheme,
                                                          const MethodDesc& method,
                                                          const WeightFactors& factors) {
  Sample sample;
  sample.rows = std::min(kSampledRows, unit.rows());
  const auto columns = static_cast<size_t>(unit.columns());
  const auto row_of = [&](int64_t i) { return i * unit.rows() / sample.rows; };
  std::vector<float> folded;
  for (int64_t i = 0; i < sample.rows; ++i) {
    std::vector<float> row = DecodeRows(unit.tensor, row_of(i), 1);
    sample.weights.insert(sample.weights.end(), row.begin(), row.end());
    factors.Apply(row, row_of(i), columns);
    folded.insert(folded.end(), row.begin(), row.end());
  }
  if (scheme.part != nullptr) {
    TERN_TRY(const EncodedParts encoded, EncodeParts(unit, scheme, method, factors));
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < sample.rows; ++i) rows.push_back(row_of(i));
    sample.decoded =
        DecodeParts(LayoutOf(scheme, unit.rows(), unit.columns()), encoded.bytes, rows, unit.columns());
  } else {
    const Observation* seen = Seen(unit, method, factors);
    TERN_TRY(const EncodedRows encoded, method.encode.value({unit.name, folded, sample.rows, unit.columns(),
                                                             &scheme, seen, Prepare(method, seen)}));
    const Tensor tensor{scheme.format, {sample.rows, unit.columns()}, encoded.bytes.data()};
    sample.decoded = DecodeRows(tensor, 0, sample.rows);
  }
  for (int64_t i = 0; i < sample.rows; ++i)
    factors.Undo(std::span(sample.decoded).subspan(static_cast<size_t>(i) * columns, columns), row_of(i),
                 columns);
  return sample;
}

Result<double> WeightEncoder::OutputError(const WeightUnit& unit, const Scheme& scheme,
                                          const MethodDesc& method, const WeightFactors& factors) {
  TERN_TRY(const Sample sample, EncodeSample(unit, scheme, method, factors));
  const auto columns = static_cast<size_t>(unit.columns());
  const Observation* seen = Seen(unit);
  std::vector<double> errors(static_cast<size_t>(sample.rows));
  TaskCounter counter;
  team_.Run([&](int) {
    counter.ForEach(errors.size(), 1, [&](size_t r, size_t) {
      std::vector<float> error(columns);
      for (size_t j = 0; j < columns; ++j)
        error[j] = sample.weights[r * columns + j] - sample.decoded[r * columns + j];
      errors[r] = Weigh(error, seen);
    });
  });
  double sum = 0;
  for (const double error : errors) sum += error;
  return sum / static_cast<double>(sample.rows);
}

Result<double> WeightEncoder::RowError(const WeightUnit& unit, const Scheme& scheme,
                                       const MethodDesc& method) {
  TERN_TRY(const Sample sample, EncodeSample(unit, scheme, method, {}));
  double sum = 0;
  for (size_t i = 0; i < sample.weights.size(); ++i) {
    const auto error = static_cast<double>(sample.weights[i] - sample.decoded[i]);
    sum += error * error;
  }
  return sum / static_cast<double>(sample.rows);
}

}  // namespace tern
