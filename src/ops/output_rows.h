#pragma once
// Rows in the form that an attribute names: "f32", "q8" or "q16".

#include <span>
#include <string_view>

#include "base/result.h"
#include "ops/op.h"

namespace tern {

Result<Elem> ParseRowElem(std::string_view attribute, std::string_view name);
// The reference: all rows of `out`, quantized where it is.
void WriteRows(std::span<const float> rows, const View& out);

}  // namespace tern
