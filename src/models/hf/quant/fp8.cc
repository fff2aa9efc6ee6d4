// FP8 as DeepSeek and Transformers store it: E4M3 with a scale per block (weight_scale_inv, which multiplies)
// or tensor.

#include "models/hf/quant/float_quant.h"

namespace tern {
namespace {

Result<std::vector<QuantTensor>> Read(QuantReader& r) {
  TERN_TRY(const Tensor tensor,
           ReadFp8(r, r.Has(".weight_scale_inv") ? ".weight_scale_inv" : ".weight_scale"));
  return std::vector<QuantTensor>{{r.stem() + ".weight", tensor}};
}

}  // namespace
extern const QuantDesc k_quant_fp8;
const QuantDesc k_quant_fp8 = {.method = "fp8", .markers = ".weight_scale_inv .weight_scale", .read = Read};
}  // namespace tern
