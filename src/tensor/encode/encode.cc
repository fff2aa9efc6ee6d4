#include "tensor/encode/encode.h"

#include "base/isa.h"

namespace tern {

namespace isa_avx2 {
extern const EncodeRowFn kEncodeRows[];  // in the order of formats.list
}

EncodeRowFn PickEncode(const Format& format, uint32_t isa) {
#if defined(__x86_64__) && !defined(TERN_PORTABLE)
  const std::span<const Format* const> formats = AllFormats();
  for (size_t i = 0; i < formats.size(); ++i) {
    if (formats[i] == &format && HasIsa(kAvx2, isa)) return isa_avx2::kEncodeRows[i];
  }
#endif
  (void)isa;
  return format.encode;
}

}  // namespace tern
