#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "compress/gram/generic.h"
namespace tern {
void gram_avx512(const GramArgs& args, size_t first) { TERN_ISA_NS::AddGram(args, first); }
}  // namespace tern
