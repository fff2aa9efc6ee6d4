// A matrix as a product of two, both in the scheme's format: smaller than the matrix where the rank is small.

#include "compress/low_rank_fit.h"
#include "compress/part.h"
#include "compress/part_rows.h"

namespace tern {
namespace {

std::vector<PartTensor> Layout(const Scheme& scheme, int64_t rows, int64_t columns) {
  const int64_t rank = scheme.part_size;
  if (rank >= std::min(rows, columns) || !Fits(scheme, columns) || !Fits(scheme, rank)) return {};
  return {{std::string(kLowRankA), scheme.format, {rank, columns}},
          {std::string(kLowRankB), scheme.format, {rows, rank}}};
}

Result<EncodedParts> Encode(const PartTask& task) {
  const std::vector<PartTensor> layout = Layout(*task.scheme, task.rows, task.columns);
  const auto rank = static_cast<size_t>(task.scheme->part_size);
  const FitTask fit = FitOf(task, task.weights);
  TERN_TRY(EncodedRows a, task.encode(LeadingRows(fit, rank), task.scheme->part_size, task.seen));
  const std::vector<float> decoded = DecodePlain(a.bytes, layout[0]);
  // The second is multiplied with what the first makes.
  Observation between;
  between.columns = task.scheme->part_size;
  between.tokens = task.seen == nullptr ? 0 : task.seen->tokens;
  between.hessian = InnerHessian(fit, decoded, rank);
  for (size_t i = 0; i < rank; ++i) between.energies.push_back(between.hessian[i * rank + i]);
  const bool known = task.seen != nullptr && !task.seen->hessian.empty();
  TERN_TRY(EncodedRows b, task.encode(FitLeft(fit, decoded, rank), task.rows, known ? &between : nullptr));
  return EncodedParts{{std::move(a.bytes), std::move(b.bytes)}, a.note.empty() ? b.note : a.note};
}

}  // namespace
extern const PartDesc k_part_factors;
const PartDesc k_part_factors = {.name = "factors",
                                 .summary = "the matrix as a product of two of this rank, both in the scheme",
                                 .source = "Wang et al. 2024, SVD-LLM (arXiv 2403.07378)",
                                 .layout = Layout,
                                 .encode = Encode};
}  // namespace tern
