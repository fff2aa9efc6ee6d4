#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "compress/product/generic.h"
namespace tern {
void product_avx2(const ProductArgs& args) { TERN_ISA_NS::SubtractProduct(args); }
}  // namespace tern
