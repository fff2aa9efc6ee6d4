#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "compress/gram/generic.h"
namespace tern {
void gram_none(const GramArgs& args, size_t first) { TERN_ISA_NS::AddGram(args, first); }
}  // namespace tern
