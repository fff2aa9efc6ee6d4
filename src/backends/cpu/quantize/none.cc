#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/quantize/generic.h"
namespace tern {
void quantize_row_none(const float* x, size_t k, const QuantizedRowParts& row) {
  TERN_ISA_NS::Quantize(x, k, row);
}
}  // namespace tern
