#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/quantize/generic.h"
namespace tern {
void quantize_row_avx2(const float* x, size_t k, const QuantizedRowParts& row) {
  TERN_ISA_NS::Quantize(x, k, row);
}
}  // namespace tern
