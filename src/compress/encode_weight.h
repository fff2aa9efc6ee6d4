#pragma once
// WeightEncoder: weights in other schemes, by methods, on all threads; and what an encoding costs a weight's
// output. Weights that folds changed (compress/fold.h) are given as they were, with `factors`, and so are
// their errors. One thread calls.

#include <memory>
#include <string>

#include "base/team.h"
#include "compress/fold.h"
#include "compress/method.h"
#include "compress/observe.h"
#include "compress/part.h"
#include "compress/weight_units.h"

namespace tern {

class WeightEncoder {
 public:
  // `observations` must outlive it; null: none.
  WeightEncoder(const Observations* observations, int threads);

  // Without the scheme's part, if it has one.
  Result<EncodedRows> Encode(const WeightUnit& unit, const Scheme& scheme, const MethodDesc& method,
                             const WeightFactors& factors = {});
  // All tensors of the scheme's layout.
  Result<EncodedParts> EncodeParts(const WeightUnit& unit, const Scheme& scheme, const MethodDesc& method,
                                   const WeightFactors& factors = {});

  // Mean over the weight's rows, of which some are tried, of the squared error of an output: (w - w') H (w -
  // w')^T, with the observed energies alone where there is no Hessian, and with the identity where nothing
  // was observed or the weight is only looked up.
  Result<double> OutputError(const WeightUnit& unit, const Scheme& scheme, const MethodDesc& method,
                             const WeightFactors& factors = {});
  // The same with the identity: of a table's rows.
  Result<double> RowError(const WeightUnit& unit, const Scheme& scheme, const MethodDesc& method);

 private:
  // Rows [first, first + count) of a matrix.
  using RowsFn = std::function<std::vector<float>(int64_t first, int64_t count)>;
  Result<EncodedRows> EncodeRows(std::string_view name, const RowsFn& rows_of, const EncodeTask& task,
                                 const MethodDesc& method);
  struct Sample {
    std::vector<float> weights, decoded;  // [rows, columns]
    int64_t rows = 0;
  };
  Result<Sample> EncodeSample(const WeightUnit& unit, const Scheme& scheme, const MethodDesc& method,
                              const WeightFactors& factors);
  const Observation* Seen(const WeightUnit& unit) const;
  // As the method sees it: of an input divided by what its weight's columns are multiplied with.
  const Observation* Seen(const WeightUnit& unit, const MethodDesc& method, const WeightFactors& factors);
  const void* Prepare(const MethodDesc& method, const Observation* seen);

  const Observations* observations_;
  Team team_;
  // The last observation of an input that was divided by factors.
  const Observation* folded_of_ = nullptr;
  std::vector<float> folded_by_;
  Observation folded_;
  // What a method made of one observation: weights that read the same input come one after another.
  const Observation* prepared_of_ = nullptr;
  const MethodDesc* prepared_by_ = nullptr;
  std::shared_ptr<const void> prepared_;
};

}  // namespace tern
