// NVIDIA ModelOpt: NVFP4 whose factor multiplies, and FP8 with a scale per tensor.

#include "models/hf/quant/float_quant.h"

namespace tern {
namespace {

Result<std::vector<QuantTensor>> Read(QuantReader& r) {
  if (r.Has(".weight_scale_2")) return ReadNvfp4(r, {".weight", ".weight_scale", ".weight_scale_2", false});
  TERN_TRY(const Tensor tensor, ReadFp8(r, ".weight_scale"));
  return std::vector<QuantTensor>{{r.stem() + ".weight", tensor}};
}

}  // namespace
extern const QuantDesc k_quant_modelopt;
const QuantDesc k_quant_modelopt = {.method = "modelopt", .markers = ".weight_scale", .read = Read};
}  // namespace tern
