#include "compress/product/product.h"

#include "base/isa.h"

namespace tern {

ProductFn PickProduct([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return &name;
#include "compress/product/kernels.inc"
#undef KERNEL
  return nullptr;
}

}  // namespace tern
