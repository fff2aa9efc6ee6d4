#include <algorithm>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectRows("table", inputs[1], Elem::kF32));
  TERN_TRY(const int64_t head_dim, ExpectAttr(attrs, "head_dim", 2));
  TERN_TRY_STATUS(ExpectMultiple("x", inputs[0], head_dim));
  const int64_t rotated = Columns(inputs[1]);
  const int64_t offset = attrs.Int("offset", 0);
  if (offset < 0 || offset >= head_dim) {
    return BadInput("attribute offset: " + std::to_string(offset) + ", expected a channel of a head of " +
                    std::to_string(head_dim));
  }
  if (rotated > head_dim - offset || rotated % 2 != 0 || inputs[0].shape[0] != inputs[1].shape[0]) {
    return BadInput("table: " + Describe(inputs[1]) + ", expected the rows of x and an even width up to " +
                    std::to_string(head_dim - offset));
  }
  const std::string_view style = attrs.Str("style");
  if (style != "half" && style != "pair") {
    return BadInput("attribute style: \"" + std::string(style) + "\", expected half or pair");
  }
  return std::vector<ValueType>{inputs[0]};
}

// Su et al. 2021 (arXiv 2104.09864). "pair" turns neighbours, "half" the two halves of the rotated channels.
void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const View& table = args.inputs[1];
  const int64_t head_dim = args.attrs.Int("head_dim");
  const int64_t half = table.cols() / 2, offset = args.attrs.Int("offset", 0);
  const bool pair = args.attrs.Str("style") == "pair";
  for (int64_t r = 0; r < x.rows(); ++r) {
    const float* cosine = table.f32() + r * table.cols();
    const float* sine = cosine + half;
    for (int64_t start = 0; start < x.cols(); start += head_dim) {
      const float* in = x.f32() + r * x.cols() + start;
      float* out = args.outputs[0].f32() + r * x.cols() + start;
      for (int64_t i = 0; i < half; ++i) {
        const int64_t a = offset + (pair ? 2 * i : i);
        const int64_t b = offset + (pair ? 2 * i + 1 : i + half);
        const float xa = in[a], xb = in[b];
        out[a] = xa * cosine[i] - xb * sine[i];
        out[b] = xb * cosine[i] + xa * sine[i];
      }
      std::copy_n(in, offset, out);
      std::copy(in + offset + 2 * half, in + head_dim, out + offset + 2 * half);
    }
  }
}

}  // namespace
extern const OpDesc k_op_rope;
const OpDesc k_op_rope = {.name = "rope",
                          .summary =
                              "x f32[T,H*d], table f32[T,rd] -> x with rd channels of each head, from "
                              "`offset` on, turned; head_dim, "
                              "style=half|pair, offset (0)",
                          .infer = Infer,
                          .reference = Reference,
                          .in_place = 1,
                          .row_wise = true};
}  // namespace tern
