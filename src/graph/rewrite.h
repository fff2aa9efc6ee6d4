#pragma once
// What passes share: taking nodes out, and reading `linear` nodes.

#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/target.h"
#include "ops/linear.h"

namespace tern {

// Takes out the nodes whose mark is set; one mark per node.
void EraseNodes(Graph& graph, const std::vector<bool>& marks);

inline bool IsOp(const Node& node, std::string_view op) { return node.op->name == op; }

// The attributes of a `linear` of a verified graph.
LinearForm FormOf(const Graph& graph, const Node& linear);
// A `linear` without epilogue, from f32 to f32: the only kind that can still be fused.
bool IsPlainLinear(const Graph& graph, const Node& node);
std::span<const ValueId> WeightsOf(const Node& linear);
// What a node multiplies rows with: a linear's weights, a moe_mlp's gate, up and down; of others nothing.
std::span<const ValueId> MultipliedWeights(const Node& node);
// Where a weight belongs: "blk.3" of "blk.3.attn_q.weight", else its whole name.
std::string_view PlaceOf(std::string_view weight);
// Whether each weight has an integer form to be multiplied with (Value::activation).
bool IsInteger(const Value& weight);
// Whether the target has this form of `linear` for every weight.
bool SupportsLinear(const Target& target, const Graph& graph, std::span<const ValueId> weights,
                    std::string_view variant);
// Whether a head with this weight is worth screening (passes/screen_head.cc): large, in two planes, and the
// target can.
bool IsWorthScreening(const Target& target, const Graph& graph, ValueId weight);

}  // namespace tern
