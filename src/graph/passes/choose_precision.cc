// Which form of its input each weight is multiplied with. Figures for int8 with one scale per token, by kind
// of layer alone (SmolLM2-135M, mean KLD): head .0084, ffn_down .0084, attn_v .0073, ffn_up .0054, attn_k
// .0030, attn_q .0024, ffn_gate .0020, attn_output .0003. What loses most for its cost gets the high and the
// low plane.

#include <algorithm>
#include <span>

#include "graph/pass.h"
#include "graph/rewrite.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

// The head computes one row per answer and attn_k is small: their second plane is nearly free.
constexpr std::string_view kFastRoles[] = {"head"};
// Down projections of experts are as delicate as those of a dense layer; a latent vector is K and V of all
// heads. Keys and values of a source are made once.
constexpr std::string_view kDefaultRoles[] = {"head",     "ffn_down",     "ffn_down_exps", "ffn_down_shexp",
                                              "attn_v",   "attn_k",       "attn_kv_a_mqa", "attn_k_b",
                                              "attn_v_b", "cross_attn_k", "cross_attn_v"};

Elem Wanted(Precision precision, std::string_view role) {
  if (precision == Precision::kPrecise) return Elem::kQ16;
  std::span<const std::string_view> delicate = kDefaultRoles;
  if (precision == Precision::kFast) delicate = kFastRoles;
  return std::find(delicate.begin(), delicate.end(), role) != delicate.end() ? Elem::kQ16 : Elem::kQ8;
}

// A weight without integer form, or a device without the kernel, computes in f32: never less precisely.
bool CanMultiply(const Target& target, const Node& node, const ValueType& weight, Elem form) {
  return weight.format->int_form.bits != 0 && weight.shape.back() % kActGroup == 0 &&
         target.Supports({.op = node.op->name, .weight = weight.format, .activation = form});
}

Result<int> Run(Graph& graph, const PassContext& context) {
  if (context.precision == Precision::kExact) return 0;
  int changes = 0;
  for (const Node& node : graph.nodes()) {
    for (const ValueId id : MultipliedWeights(node)) {
      Value& weight = graph.value(id);
      const Elem form = Wanted(context.precision, weight.role);
      if (weight.activation == form || !CanMultiply(context.target, node, weight.type, form)) continue;
      weight.activation = form;
      ++changes;
    }
  }
  return changes;
}

}  // namespace
extern const PassDesc k_pass_choose_precision;
const PassDesc k_pass_choose_precision = {
    .name = "choose_precision",
    .summary = "marks the weights that multiply int8 (q8) or int16-class (q16) activations",
    // The promise, which tests/models/quality_test.py reads here and holds models to; docs/precision.md has
    // what was measured, about half of it.
    .budget = "mean KLD to f32 activations, at most: fast 0.0035, default 0.0015, precise 0.00001, exact 0",
    .run = Run};
}  // namespace tern
