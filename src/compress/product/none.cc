#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "compress/product/generic.h"
namespace tern {
void product_none(const ProductArgs& args) { TERN_ISA_NS::SubtractProduct(args); }
}  // namespace tern
