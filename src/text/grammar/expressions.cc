#include "text/grammar/expressions.h"

#include <fmt/format.h>

#include <algorithm>

namespace tern::grammar {

bool Expressions::Spend(size_t nodes) {
  constexpr size_t kStepsPerNode = 8;
  if (exprs_.size() + parts_.size() + nodes > budget_.expressions) exhausted_ = true;
  return !exhausted(nodes * kStepsPerNode);
}

Status Expressions::status() {
  if (deadline_.IsOver()) return LateError(budget_);
  if (!exhausted_) return {};
  return Exhausted(fmt::format("grammar: more than {} parts, expected a smaller one", budget_.expressions));
}

Error LateError(const Budget& budget) {
  return Exhausted(
      fmt::format("grammar: takes more than {} ms to compile, expected a simpler one", budget.milliseconds));
}

ExprId Expressions::Add(Expr e) {
  if (!Spend(1)) return Never();
  exprs_.push_back(e);
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId Expressions::Never() { return 0; }

ExprId Expressions::Literal(std::string_view bytes) {
  if (bytes_.size() + bytes.size() > budget_.literal_bytes) exhausted_ = true;
  if (exhausted_) return Never();
  const auto first = static_cast<uint32_t>(bytes_.size());
  bytes_ += bytes;
  return Add({ExprKind::kLiteral, first, static_cast<uint32_t>(bytes.size())});
}

ExprId Expressions::Class(CharSet set) {
  if (set.empty()) return Never();
  if (!Spend(set.ranges().size())) return Never();
  sets_.push_back(std::move(set));
  return Add({ExprKind::kClass, static_cast<uint32_t>(sets_.size() - 1)});
}

ExprId Expressions::Sequence(std::span<const ExprId> parts) {
  if (parts.size() == 1) return parts[0];
  if (parts.empty()) return Empty();
  if (std::find(parts.begin(), parts.end(), Never()) != parts.end() || !Spend(parts.size())) return Never();
  const auto first = static_cast<uint32_t>(parts_.size());
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  return Add({ExprKind::kSequence, first, static_cast<uint32_t>(parts.size())});
}

ExprId Expressions::Choice(std::span<const ExprId> parts) {
  std::vector<ExprId> possible(parts.begin(), parts.end());
  std::erase(possible, Never());
  if (possible.empty()) return Never();
  if (possible.size() == 1) return possible[0];
  if (!Spend(possible.size())) return Never();
  const auto first = static_cast<uint32_t>(parts_.size());
  parts_.insert(parts_.end(), possible.begin(), possible.end());
  return Add({ExprKind::kChoice, first, static_cast<uint32_t>(possible.size())});
}

ExprId Expressions::Repeat(ExprId part, uint32_t min, uint32_t max) {
  if (min > max) return Never();
  if (max == 0 || (part == Never() && min == 0)) return Empty();
  if (part == Never() || !Spend(1)) return Never();
  if (min == 1 && max == 1) return part;
  const auto first = static_cast<uint32_t>(parts_.size());
  parts_.push_back(part);
  return Add({ExprKind::kRepeat, first, 1, min, max});
}

ExprId Expressions::Rule(RuleId rule) { return Add({ExprKind::kRule, rule}); }

ExprId Expressions::Members(std::span<const Member> members, ExprId separator, ExprId extra) {
  for (const Member& member : members) {
    if (member.required && member.expr == Never()) return Never();
  }
  if (!Spend(members.size() + kMembersExtra)) return Never();
  const auto first = static_cast<uint32_t>(parts_.size());
  const auto flags = static_cast<uint32_t>(required_.size());
  parts_.insert(parts_.end(), {separator, extra});
  for (const Member& member : members) {
    parts_.push_back(member.expr);
    required_.push_back(member.required);
  }
  return Add({ExprKind::kMembers, first, static_cast<uint32_t>(members.size() + kMembersExtra), flags, 0});
}

ExprId Expressions::Graph(uint32_t places, std::span<const GraphEdge> edges, std::span<const uint32_t> ends) {
  if (ends.empty() || !Spend(places + 2 * edges.size())) return Never();
  const auto first = static_cast<uint32_t>(parts_.size());
  GraphShape shape{places, {}, {ends.begin(), ends.end()}};
  for (const GraphEdge& edge : edges) {
    if (edge.expr == Never()) continue;
    shape.edges.emplace_back(edge.from, edge.to);
    parts_.push_back(edge.expr);
  }
  const auto count = static_cast<uint32_t>(shape.edges.size());
  graphs_.push_back(std::move(shape));
  return Add({ExprKind::kGraph, first, count, static_cast<uint32_t>(graphs_.size() - 1), 0});
}

ExprId Expressions::Look(ExprId part, bool is_negative) {
  if (part == Never()) return is_negative ? Empty() : Never();
  if (!Spend(1)) return Never();
  const auto first = static_cast<uint32_t>(parts_.size());
  parts_.push_back(part);
  return Add({ExprKind::kLook, first, 1, is_negative, 0});
}

RuleId Expressions::NewRule(std::string_view name) {
  Spend(1);  // a rule too many is still one: callers define it
  rules_.push_back({std::string(name.substr(0, 128))});
  return static_cast<RuleId>(rules_.size() - 1);
}

}  // namespace tern::grammar
