#define TERN_ISA_NS isa_avx512
#include "backends/cpu/decode/tables.h"
#include "formats_all.h"

namespace tern::isa_avx512 {

const DecodeRowFn kDecodeRows[] = {
#define FORMAT(name) DecodeRow<name>,
#include "tensor/quant/formats.list"
#undef FORMAT
};

}  // namespace tern::isa_avx512
