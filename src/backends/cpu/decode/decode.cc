#include "backends/cpu/decode/decode.h"

#include "backends/cpu/decode/tables.h"
#include "base/isa.h"

namespace tern {

DecodeRowFn PickDecode(const Format& format, uint32_t isa) {
#if defined(__x86_64__) && !defined(TERN_PORTABLE)
  const std::span<const Format* const> formats = AllFormats();
  for (size_t i = 0; i < formats.size(); ++i) {
    if (formats[i] != &format) continue;
    if (HasIsa(kAvx512, isa)) return isa_avx512::kDecodeRows[i];
    if (HasIsa(kAvx2, isa)) return isa_avx2::kDecodeRows[i];
  }
#endif
  (void)isa;
  return format.decode;
}

}  // namespace tern
