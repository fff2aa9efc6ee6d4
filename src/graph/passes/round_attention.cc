// Products in float leave a machine with int16 dot products half of what it can do: attention may round what
// it multiplies.

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

Result<int> Run(Graph& graph, const PassContext& context) {
  if (context.precision != Precision::kFast && context.precision != Precision::kDefault) return 0;
  int changes = 0;
  for (Node& node : graph.nodes()) {
    if (!IsOp(node, "attention") || node.attrs.Int("int16", 0) != 0) continue;
    node.attrs.Set("int16", int64_t{1});
    ++changes;
  }
  return changes;
}

}  // namespace
extern const PassDesc k_pass_round_attention;
const PassDesc k_pass_round_attention = {.name = "round_attention",
                                         .summary = "lets attention round queries, keys, values and weights",
                                         .budget = "mean KLD to f32: fast and default 0.00001, else 0",
                                         .run = Run};
}  // namespace tern
