// Input channels whose rounding would harm outputs most, in 8 bits or f16 beside the others' codes.

#include <algorithm>
#include <numeric>

#include "compress/low_rank_fit.h"
#include "compress/part.h"
#include "compress/part_rows.h"

namespace tern {
namespace {

std::vector<PartTensor> Layout(const Scheme& scheme, int64_t rows, int64_t columns) {
  if (scheme.part_size >= columns) return {};
  return {{"", scheme.format, {rows, columns}},
          {std::string(kOutliers), PartFormat(scheme.part_size), {rows, scheme.part_size}},
          {std::string(kOutlierColumns), FindFormat("f32"), {scheme.part_size}}};
}

// By the squared error of all weights of a channel, times how strong it is; in ascending order.
std::vector<size_t> WorstColumns(const PartTask& task, const std::vector<float>& lost) {
  const auto columns = static_cast<size_t>(task.columns);
  std::vector<double> harm(columns);
  for (size_t i = 0; i < lost.size(); ++i)
    harm[i % columns] += static_cast<double>(lost[i]) * static_cast<double>(lost[i]);
  for (size_t j = 0; task.seen != nullptr && j < columns; ++j)
    harm[j] *= static_cast<double>(task.seen->energies[j]);
  std::vector<size_t> worst(columns);
  std::iota(worst.begin(), worst.end(), size_t{0});
  std::stable_sort(worst.begin(), worst.end(), [&](size_t a, size_t b) { return harm[a] > harm[b]; });
  worst.resize(static_cast<size_t>(task.scheme->part_size));
  std::sort(worst.begin(), worst.end());
  return worst;
}

// The others are encoded as if these were 0, and then these are what leaves outputs nearest to what they
// were.
Result<EncodedParts> Encode(const PartTask& task) {
  const std::vector<PartTensor> layout = Layout(*task.scheme, task.rows, task.columns);
  const auto columns = static_cast<size_t>(task.columns), count = static_cast<size_t>(task.scheme->part_size);
  TERN_TRY(const EncodedRows whole, FindMethod("rtn").value()->encode.value({.name = "",
                                                                             .weights = task.weights,
                                                                             .rows = task.rows,
                                                                             .columns = task.columns,
                                                                             .scheme = task.scheme}));
  const std::vector<size_t> chosen = WorstColumns(task, WhatIsLost(task.weights, layout[0], whole.bytes));
  std::vector<float> others(task.weights.begin(), task.weights.end());
  std::vector<float> select(count * columns), names;  // rows that pick a column each
  for (size_t i = 0; i < count; ++i) {
    select[i * columns + chosen[i]] = 1;
    names.push_back(static_cast<float>(chosen[i]));
    for (size_t first = 0; first < others.size(); first += columns) others[first + chosen[i]] = 0;
  }
  TERN_TRY(EncodedRows base, task.encode(others, task.rows, task.seen));
  const std::vector<float> lost = WhatIsLost(task.weights, layout[0], base.bytes);
  const std::vector<float> outliers = FitLeft(FitOf(task, lost), select, count);
  return EncodedParts{
      {std::move(base.bytes), EncodePlain(outliers, layout[1]), EncodePlain(names, layout[2])},
      std::move(base.note)};
}

}  // namespace
extern const PartDesc k_part_outliers;
const PartDesc k_part_outliers = {
    .name = "outliers",
    .summary = "so many input channels, those that rounding harms most, in 8 bits",
    .source = "Dettmers et al. 2022, LLM.int8 (arXiv 2208.07339); Lee et al. 2023, OWQ (arXiv 2306.02272)",
    .layout = Layout,
    .encode = Encode};
}  // namespace tern
