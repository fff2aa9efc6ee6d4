#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "compress/gram/generic.h"
namespace tern {
void gram_avx2(const GramArgs& args, size_t first) { TERN_ISA_NS::AddGram(args, first); }
}  // namespace tern
