// A product of two thin matrices that gives back what rounding took where the inputs are strongest.

#include "compress/low_rank_fit.h"
#include "compress/part.h"
#include "compress/part_rows.h"

namespace tern {
namespace {

std::vector<PartTensor> Layout(const Scheme& scheme, int64_t rows, int64_t columns) {
  if (scheme.part_size >= std::min(rows, columns)) return {};
  return {{"", scheme.format, {rows, columns}},
          {std::string(kLowRankA), PartFormat(columns), {scheme.part_size, columns}},
          {std::string(kLowRankB), PartFormat(scheme.part_size), {rows, scheme.part_size}}};
}

Result<EncodedParts> Encode(const PartTask& task) {
  const std::vector<PartTensor> layout = Layout(*task.scheme, task.rows, task.columns);
  const auto rank = static_cast<size_t>(task.scheme->part_size);
  TERN_TRY(EncodedRows base, task.encode(task.weights, task.rows, task.seen));
  const std::vector<float> lost = WhatIsLost(task.weights, layout[0], base.bytes);
  const FitTask fit = FitOf(task, lost);
  std::string a = EncodePlain(LeadingRows(fit, rank), layout[1]);
  const std::vector<float> b = FitLeft(fit, DecodePlain(a, layout[1]), rank);
  return EncodedParts{{std::move(base.bytes), std::move(a), EncodePlain(b, layout[2])}, std::move(base.note)};
}

}  // namespace
extern const PartDesc k_part_low_rank;
const PartDesc k_part_low_rank = {
    .name = "low_rank",
    .summary = "what rounding took, given back by two matrices of this rank in 8 bits",
    .source = "Zhang et al. 2024, LQER (arXiv 2402.02446)",
    .layout = Layout,
    .encode = Encode};
}  // namespace tern
