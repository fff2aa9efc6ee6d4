#include "ops/output_rows.h"

#include <cstring>
#include <string>

#include "ops/quantized_rows.h"

namespace tern {

Result<Elem> ParseRowElem(std::string_view attribute, std::string_view name) {
  for (const Elem elem : {Elem::kF32, Elem::kQ8, Elem::kQ16}) {
    if (name == ElemName(elem)) return elem;
  }
  return BadInput("attribute " + std::string(attribute) + ": \"" + std::string(name) +
                  "\", expected f32, q8 or q16");
}

void WriteRows(std::span<const float> rows, const View& out) {
  if (out.elem == Elem::kF32) {
    if (!rows.empty()) std::memcpy(out.data, rows.data(), rows.size_bytes());
    return;
  }
  const bool precise = out.elem == Elem::kQ16;
  const size_t row_bytes = QuantizedRow(out.cols(), precise).row_bytes;
  for (int64_t r = 0; r < out.rows(); ++r) {
    QuantizeRow(rows.data() + r * out.cols(), out.cols(), precise,
                static_cast<char*>(out.data) + static_cast<size_t>(r) * row_bytes);
  }
}

}  // namespace tern
