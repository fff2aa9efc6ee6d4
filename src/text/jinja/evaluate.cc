#include <fmt/core.h>

#include "text/jinja/access.h"
#include "text/jinja/globals.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace tern::jinja {

Result<Value> Interpreter::Evaluate(const Expr& expr) {
  const Descent descent(this);
  if (const Status status = descent.Check(); !status.ok()) return Located(expr.place, status.error());
  auto value = std::visit([this](const auto& node) { return Visit(node); }, expr.node);
  if (!value.ok()) return Located(expr.place, value.error());
  return value;
}

Result<std::vector<Value>> Interpreter::EvaluateAll(const ExprList& list) {
  std::vector<Value> values;
  values.reserve(list.size());
  for (const ExprPtr& expr : list) {
    TERN_TRY(const Value value, Evaluate(*expr));
    values.push_back(value);
  }
  return values;
}

Result<Value> Interpreter::Visit(const ConstExpr& node) { return node.value; }

Value Interpreter::Lookup(std::string_view name) {
  for (const Scope* scope = scope_; scope; scope = scope->parent()) {
    workspace_.Spend(scope->size() / 16);
    if (const Value* found = scope->FindHere(name)) return *found;
  }
  if (const Value* found = inputs_.Find(name)) return *found;
  if (const NamedBuiltin* global = FindGlobal(name)) {
    return workspace_.heap().NewCallable({.name = global->name, .builtin = global->function, .self = {}});
  }
  return workspace_.heap().NewUndefined(fmt::format("'{}' is undefined", name));
}

Result<Value> Interpreter::Visit(const NameExpr& node) { return Lookup(node.name); }

Result<Value> Interpreter::Visit(const TupleExpr& node) {
  TERN_TRY(std::vector<Value> items, EvaluateAll(node.items));
  return workspace_.NewTuple(std::move(items));
}

Result<Value> Interpreter::Visit(const ListExpr& node) {
  TERN_TRY(std::vector<Value> items, EvaluateAll(node.items));
  return workspace_.NewList(std::move(items));
}

Result<Value> Interpreter::Visit(const DictExpr& node) {
  std::vector<Dict::Entry> entries;
  for (const auto& [key_expr, value_expr] : node.items) {
    TERN_TRY(const Value key, Evaluate(*key_expr));
    TERN_TRY(const Value value, Evaluate(*value_expr));
    if (!IsHashable(key)) return TypeError(fmt::format("unhashable type: '{}'", TypeName(key)));
    entries.push_back({key, value});
  }
  return workspace_.heap().NewDict(std::move(entries));
}

Result<Value> Interpreter::Visit(const UnaryExpr& node) {
  TERN_TRY(const Value value, Evaluate(*node.operand));
  if (node.op == UnaryOp::kNot) return Value(!Truth(value));
  return Signed(workspace_, node.op, value);
}

Result<Value> Interpreter::Visit(const BinaryExpr& node) {
  TERN_TRY(const Value left, Evaluate(*node.left));
  TERN_TRY(const Value right, Evaluate(*node.right));
  return Arithmetic(workspace_, node.op, left, right);
}

Result<Value> Interpreter::Visit(const LogicExpr& node) {
  TERN_TRY(const Value left, Evaluate(*node.left));
  if (Truth(left) != node.is_and) return left;
  return Evaluate(*node.right);
}

Result<Value> Interpreter::Visit(const ConcatExpr& node) {
  TERN_TRY(const std::vector<Value> parts, EvaluateAll(node.parts));
  TextBuilder builder;
  for (const Value& part : parts) builder.Append(ToText(workspace_, part).text());
  workspace_.SpendBytes(builder.size());
  return workspace_.NewText(std::move(builder));
}

Result<Value> Interpreter::Visit(const CompareExpr& node) {
  TERN_TRY(Value left, Evaluate(*node.first));
  for (const auto& [op, operand] : node.rest) {
    TERN_TRY(const Value right, Evaluate(*operand));
    TERN_TRY(const bool holds, Compare(workspace_, op, left, right));
    if (!holds) return Value(false);
    left = right;
  }
  return Value(true);
}

Result<Value> Interpreter::Visit(const ConditionalExpr& node) {
  TERN_TRY(const Value holds, Evaluate(*node.test));
  if (Truth(holds)) return Evaluate(*node.yes);
  if (node.no) return Evaluate(*node.no);
  return workspace_.heap().NewUndefined(
      "the inline if-expression evaluated to false and no else section was defined.");
}

Result<Value> Interpreter::Visit(const AttributeExpr& node) {
  TERN_TRY(const Value object, Evaluate(*node.object));
  return GetAttribute(workspace_, object, node.name);
}

Result<Value> Interpreter::Visit(const SubscriptExpr& node) {
  TERN_TRY(const Value object, Evaluate(*node.object));
  TERN_TRY(const Value index, Evaluate(*node.index));
  return GetItem(workspace_, object, index);
}

Result<Value> Interpreter::Visit(const SliceExpr& node) {
  TERN_TRY(const Value object, Evaluate(*node.object));
  Value bounds[3] = {Value::None(), Value::None(), Value::None()};
  const Expr* exprs[3] = {node.start.get(), node.stop.get(), node.step.get()};
  for (int i = 0; i < 3; ++i) {
    if (!exprs[i]) continue;
    TERN_TRY(bounds[i], Evaluate(*exprs[i]));
  }
  return GetSlice(workspace_, object, bounds[0], bounds[1], bounds[2]);
}

Result<Value> Interpreter::Visit(const FilterExpr& node) {
  Value input = block_text_;
  if (node.input) {
    TERN_TRY(input, Evaluate(*node.input));
  }
  if (!node.function) return BadInput(fmt::format("No filter named '{}'.", node.name));
  TERN_TRY(const Arguments arguments, EvaluateArguments(node.arguments));
  return node.function(workspace_, input, arguments);
}

Result<Value> Interpreter::Visit(const TestExpr& node) {
  TERN_TRY(const Value input, Evaluate(*node.input));
  if (!node.function) return BadInput(fmt::format("No test named '{}'.", node.name));
  TERN_TRY(const Arguments arguments, EvaluateArguments(node.arguments));
  return node.function(workspace_, input, arguments);
}

}  // namespace tern::jinja
