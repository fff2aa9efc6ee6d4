#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "compress/product/generic.h"
namespace tern {
void product_avx512(const ProductArgs& args) { TERN_ISA_NS::SubtractProduct(args); }
}  // namespace tern
