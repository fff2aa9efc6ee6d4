#define TERN_ISA_NS isa_avx2
#include "formats_all.h"

namespace tern::isa_avx2 {

using EncodeRowFn = void (*)(const float*, const float*, void*, size_t);

extern const EncodeRowFn kEncodeRows[];
const EncodeRowFn kEncodeRows[] = {
#define FORMAT(name) EncodeRow<name>,
#include "tensor/quant/formats.list"
#undef FORMAT
};

}  // namespace tern::isa_avx2
