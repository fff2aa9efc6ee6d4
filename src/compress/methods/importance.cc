// Nearest codes on the scale that leaves the least squared error, each weight's error times how strong its
// input is: the diagonal of the Hessian, which is what imatrix files hold.

#include "compress/grouped_rows.h"
#include "compress/method.h"

namespace tern {
namespace {

void EncodeGrouped(const Scheme& scheme, std::span<const float> row, std::span<const float> energies,
                   void* out) {
  const auto group = static_cast<size_t>(GroupOf(scheme, static_cast<int64_t>(row.size())));
  std::vector<int8_t> codes(row.size());
  std::vector<GroupGrid> grids;
  for (size_t first = 0; first < row.size(); first += group) {
    const auto weights = row.subspan(first, group);
    grids.push_back(
        SearchGrid(scheme, weights, energies.empty() ? energies : energies.subspan(first, group)));
    for (size_t i = 0; i < group; ++i)
      codes[first + i] = static_cast<int8_t>(NearestCode(scheme, grids.back(), weights[i]));
  }
  WriteRow(scheme, codes, grids, out);
}

Result<EncodedRows> Encode(const EncodeTask& task) {
  const auto columns = static_cast<size_t>(task.columns);
  const size_t row_bytes = BlockOffset(*task.scheme->format, columns);
  const std::span<const float> energies =
      task.seen == nullptr ? std::span<const float>() : task.seen->energies;
  EncodedRows encoded;
  encoded.bytes.resize(static_cast<size_t>(task.rows) * row_bytes);
  if (energies.empty()) encoded.note = "its inputs were not seen: all weights count the same";
  for (size_t r = 0; r < static_cast<size_t>(task.rows); ++r) {
    const auto row = task.weights.subspan(r * columns, columns);
    char* out = encoded.bytes.data() + r * row_bytes;
    if (task.scheme->group != 0) {
      EncodeGrouped(*task.scheme, row, energies, out);
    } else {
      task.scheme->format->encode(row.data(), energies.empty() ? nullptr : energies.data(), out, columns);
    }
  }
  return encoded;
}

}  // namespace
extern const MethodDesc k_method_importance;
const MethodDesc k_method_importance = {
    .name = "importance",
    .summary = "scales by the strength of each weight's input",
    .source = "llama.cpp's importance matrix (ggml-org/llama.cpp, pull request 4861)",
    .needs = Observed::kEnergies,
    .encode = Encode};
}  // namespace tern
