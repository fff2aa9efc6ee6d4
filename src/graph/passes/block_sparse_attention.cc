// Lets attention leave out most of a long past (ops/block_choice.h). It is offered in several degrees, for
// all layers that look at the whole past.

#include <string>

#include "graph/pass.h"
#include "graph/rewrite.h"
#include "ops/attention.h"

namespace tern {
namespace {

struct Degree {
  std::string_view place;  // how much of a long past is seen at most
  ChoiceRule rule;
};
// From the mildest to the harshest: of what is granted, the last counts.
constexpr Degree kDegrees[] = {{"1/2", {.keep = 0.5, .leave = 0.02}},
                               {"1/4", {.keep = 0.25, .leave = 0.05}},
                               {"1/8", {.keep = 0.125, .leave = 0.1}},
                               {"1/16", {.keep = 0.0625, .leave = 0.1}}};
// In a shorter text nearly everything is seen, and a measurement would say that leaving out is free.
constexpr int64_t kNeededTokens = 2048;
// What is saved depends on how long texts are.
constexpr double kUsualTokens = 8192;

// Calls visit(node, form) for attention that looks at the whole past, and may look at less. `graph` is const
// or not.
template <class G, class Visit>
void ForEachWhole(G& graph, const Visit& visit) {
  for (auto& node : graph.nodes()) {
    if (!IsOp(node, "attention") || node.attrs.Float("keep", 0) != 0) continue;
    const auto form = ParseAttention(node.attrs);
    if (!form.ok()) continue;
    const AttentionForm& f = form.value();
    if (f.causal && f.window == 0 && !f.has_alibi && !f.has_buckets) visit(node, f);
  }
}

std::vector<Offer> Offers(const Graph& graph, const PassContext&) {
  double all = 0;
  ForEachWhole(graph, [&](const Node&, const AttentionForm& f) {
    all += static_cast<double>(f.heads) * (f.head_dim + f.v_dim) * kUsualTokens / 2;
  });
  std::vector<Offer> offers;
  for (const Degree& degree : kDegrees) {
    if (all == 0) break;
    offers.push_back({.name = "block_sparse_attention:" + std::string(degree.place),
                      .saved = all * (1 - degree.rule.keep),
                      .needed_tokens = kNeededTokens});
  }
  return offers;
}

Result<int> Run(Graph& graph, const PassContext& context) {
  const Degree* granted = nullptr;
  for (const Degree& degree : kDegrees) {
    if (IsGranted(context, "block_sparse_attention", degree.place)) granted = &degree;
  }
  int changes = 0;
  if (granted == nullptr) return changes;
  ForEachWhole(graph, [&](Node& node, const AttentionForm&) {
    node.attrs.Set("keep", granted->rule.keep);
    node.attrs.Set("leave", granted->rule.leave);
    ++changes;
  });
  return changes;
}

}  // namespace
extern const PassDesc k_pass_block_sparse_attention;
const PassDesc k_pass_block_sparse_attention = {
    .name = "block_sparse_attention",
    .summary = "lets attention leave out most of a long past where that was granted",
    .budget = "what --error-budget grants, measured",
    .run = Run,
    .offers = Offers};
}  // namespace tern
