#include "text/grammar/rule_weights.h"

#include <algorithm>

namespace tern::grammar {
namespace {

constexpr uint64_t kMost = 1u << 30;
constexpr uint32_t kCallWeight = 2;

// Its masks are costly: it should be in one place.
constexpr uint64_t kLoopWeight = 32;

bool IsSmallClass(const Expressions& x, ExprId id) {
  const Expr& e = x[id];
  if (e.kind != ExprKind::kClass) return false;
  uint64_t characters = 0;
  for (const CharRange& range : x.set(e).ranges()) characters += range.last - range.first + 1;
  return characters <= 16;
}

// The rules that a body calls, and how many do: found without following the calls.
struct RuleGraph {
  std::vector<std::vector<RuleId>> callers;
  std::vector<uint32_t> callees;
};

RuleGraph GraphOf(const Expressions& x, Deadline* deadline) {
  RuleGraph graph{std::vector<std::vector<RuleId>>(x.rule_count()), std::vector<uint32_t>(x.rule_count())};
  std::vector<RuleId> seen(x.size(), ~RuleId{0});
  std::vector<ExprId> waiting;
  for (RuleId rule = 0; rule < x.rule_count(); ++rule) {
    waiting.push_back(x.rule_body(rule));
    while (!waiting.empty() && !deadline->IsOver()) {
      const ExprId id = waiting.back();
      waiting.pop_back();
      if (seen[id] == rule) continue;
      seen[id] = rule;
      const Expr& e = x[id];
      if (e.kind == ExprKind::kRule) {
        graph.callers[e.first].push_back(rule);
        ++graph.callees[rule];
      } else if (e.kind != ExprKind::kLiteral && e.kind != ExprKind::kClass && e.kind != ExprKind::kNever) {
        const auto parts = x.parts(e);
        waiting.insert(waiting.end(), parts.begin(), parts.end());
      }
    }
  }
  return graph;
}

}  // namespace

uint32_t RuleWeights::Weigh(const Expressions& x, ExprId expr) const {
  const Expr& e = x[expr];
  uint64_t sum = 1;
  switch (e.kind) {
    case ExprKind::kNever:
      break;
    case ExprKind::kLiteral:
      sum = std::max<uint64_t>(1, e.count);
      break;
    case ExprKind::kClass:
      sum = x.set(e).ranges().size();
      break;
    case ExprKind::kRule:
      sum = inlined_[e.first] ? weights_[x.rule_body(e.first)] : kCallWeight;
      break;
    case ExprKind::kRepeat:
      sum = uint64_t{weights_[x.parts(e)[0]]} * (e.max == kUnbounded ? std::max(e.min, 1u) : e.max);
      if (e.max > 2 && !IsSmallClass(x, x.parts(e)[0])) sum += kLoopWeight;
      break;
    default:
      for (const ExprId part : x.parts(e)) sum += weights_[part];
  }
  return static_cast<uint32_t>(std::min(std::max<uint64_t>(sum, 1), kMost));
}

// Weighs what of the rule's body is not weighed yet; the rules it calls are settled.
void RuleWeights::Settle(const Expressions& x, RuleId rule) {
  std::vector<ExprId> waiting = {x.rule_body(rule)};
  while (!waiting.empty()) {
    const ExprId id = waiting.back();
    const Expr& e = x[id];
    const bool has_parts = e.kind == ExprKind::kSequence || e.kind == ExprKind::kChoice ||
                           e.kind == ExprKind::kRepeat || e.kind == ExprKind::kMembers ||
                           e.kind == ExprKind::kGraph;
    const size_t before = waiting.size();
    if (has_parts && weights_[id] == 0) {
      for (const ExprId part : x.parts(e)) {
        if (weights_[part] == 0) waiting.push_back(part);
      }
    }
    if (waiting.size() > before) continue;
    waiting.pop_back();
    if (weights_[id] == 0) weights_[id] = Weigh(x, id);
  }
}

RuleWeights::RuleWeights(const Expressions& x, Deadline* deadline)
    : weights_(x.size(), 0), inlined_(x.rule_count(), false) {
  RuleGraph graph = GraphOf(x, deadline);
  if (deadline->IsOver()) return;
  std::vector<RuleId> ready;
  for (RuleId rule = 0; rule < x.rule_count(); ++rule) {
    if (graph.callees[rule] == 0) ready.push_back(rule);
  }
  std::vector<bool> settled(x.rule_count(), false);
  while (!ready.empty()) {
    const RuleId rule = ready.back();
    ready.pop_back();
    settled[rule] = true;
    Settle(x, rule);
    inlined_[rule] = weights_[x.rule_body(rule)] <= kMostInlined;
    for (const RuleId caller : graph.callers[rule]) {
      if (--graph.callees[caller] == 0) ready.push_back(caller);
    }
  }
  // What is left is recursive, or calls what is.
  for (RuleId rule = 0; rule < x.rule_count(); ++rule) {
    if (!settled[rule]) Settle(x, rule);
  }
}

}  // namespace tern::grammar
