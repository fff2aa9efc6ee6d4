// Each weight to the nearest code of its group; the scale is where the group's largest weight stands on the
// largest code. A format's own blocks are searched as the format's encoder does.

#include "compress/grouped_rows.h"
#include "compress/method.h"

namespace tern {
namespace {

void EncodeGrouped(const Scheme& scheme, std::span<const float> row, void* out) {
  const auto group = static_cast<size_t>(GroupOf(scheme, static_cast<int64_t>(row.size())));
  std::vector<int8_t> codes(row.size());
  std::vector<GroupGrid> grids;
  for (size_t first = 0; first < row.size(); first += group) {
    const auto weights = row.subspan(first, group);
    grids.push_back(AbsMaxGrid(scheme, weights));
    for (size_t i = 0; i < group; ++i)
      codes[first + i] = static_cast<int8_t>(NearestCode(scheme, grids.back(), weights[i]));
  }
  WriteRow(scheme, codes, grids, out);
}

Result<EncodedRows> Encode(const EncodeTask& task) {
  const auto columns = static_cast<size_t>(task.columns);
  const size_t row_bytes = BlockOffset(*task.scheme->format, columns);
  EncodedRows encoded;
  encoded.bytes.resize(static_cast<size_t>(task.rows) * row_bytes);
  for (size_t r = 0; r < static_cast<size_t>(task.rows); ++r) {
    const auto row = task.weights.subspan(r * columns, columns);
    char* out = encoded.bytes.data() + r * row_bytes;
    if (task.scheme->group != 0) {
      EncodeGrouped(*task.scheme, row, out);
    } else {
      task.scheme->format->encode(row.data(), nullptr, out, columns);
    }
  }
  return encoded;
}

}  // namespace
extern const MethodDesc k_method_rtn;
const MethodDesc k_method_rtn = {.name = "rtn",
                                 .summary = "each weight to its nearest code",
                                 .source = "rounding to nearest",
                                 .encode = Encode};
}  // namespace tern
