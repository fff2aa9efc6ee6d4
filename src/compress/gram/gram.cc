#include "compress/gram/gram.h"

#include "base/isa.h"

namespace tern {

GramFn PickGram([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return &name;
#include "compress/gram/kernels.inc"
#undef KERNEL
  return nullptr;
}

}  // namespace tern
