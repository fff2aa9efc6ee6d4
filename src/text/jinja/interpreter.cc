#include "text/jinja/interpreter.h"

#include <fmt/core.h>

#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/swapped.h"

namespace tern::jinja {
const Value* Scope::FindHere(std::string_view name) const {
  for (const auto& [key, value] : variables_) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Scope::Set(std::string_view name, const Value& value) {
  for (auto& [key, old] : variables_) {
    if (key == name) {
      old = value;
      return;
    }
  }
  variables_.emplace_back(name, value);
}

void Scope::Capture() {
  for (Scope* scope = this; scope && !scope->captured_; scope = scope->parent_) scope->captured_ = true;
}

Interpreter::Interpreter(Workspace* workspace, const Dict& inputs)
    : workspace_(*workspace), inputs_(inputs), scope_(NewScope(nullptr)) {}

Scope* Interpreter::NewScope(Scope* parent) {
  workspace_.heap().Charge(sizeof(Scope) + 64);
  return &scopes_.emplace_back(parent);
}

Scope* Interpreter::NewScope(Scope* parent, const Body& body) {
  Scope* scope = NewScope(parent);
  Hide(body, scope);
  return scope;
}

void Interpreter::Hide(const Body& body, Scope* scope) {
  for (const std::string& name : body.hidden) {
    scope->Set(name, workspace_.heap().NewUndefined(fmt::format("'{}' is undefined", name)));
  }
}

Status Interpreter::Descent::Check() const {
  const int most = interpreter_->workspace_.limits().max_depth;
  if (interpreter_->depth_ > most) {
    return Exhausted(fmt::format("template: nested evaluation deeper than {}", most));
  }
  return interpreter_->workspace_.Step();
}

Result<TextBuilder> Interpreter::Run(const Template& source) {
  TextBuilder out;
  const Swapped output(&out_, &out);
  Hide(source.body, scope_);
  const Result<Flow> done = Execute(source.body.statements);
  if (!done.ok()) return done.error();
  return out;
}

Error Interpreter::Located(Place place, const Error& error) {
  if (failed_) return error;
  failed_ = true;
  return At(place, error);
}

Result<Interpreter::Flow> Interpreter::Execute(const Block& block) {
  for (const auto& statement : block) {
    TERN_TRY(const Flow flow, ExecuteOne(*statement));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::ExecuteOne(const Statement& statement) {
  const Descent descent(this);
  if (const Status status = descent.Check(); !status.ok()) return Located(statement.place, status.error());
  auto flow = std::visit([this](const auto& node) { return Visit(node); }, statement.node);
  if (!flow.ok()) return Located(statement.place, flow.error());
  return flow;
}

Status Interpreter::Print(const Text& text) {
  out_->Append(text);
  workspace_.SpendBytes(text.bytes.size());
  if (workspace_.IsFull()) return workspace_.Reserve(0);
  if (!out_->overflowed() && out_->size() <= workspace_.limits().max_output_bytes) return {};
  return Exhausted(
      fmt::format("template: output limit of {} bytes reached", workspace_.limits().max_output_bytes));
}

Result<Interpreter::Flow> Interpreter::PrintResult(const Value& value) {
  if (!value.is_text()) return TypeError(fmt::format("expected str instance, {} found", TypeName(value)));
  TERN_TRY_STATUS(Print(value.text()));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Visit(const DataNode& node) {
  TERN_TRY_STATUS(Print(node.text.text()));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Visit(const PrintNode& node) {
  for (const ExprPtr& expr : node.values) {
    TERN_TRY(const Value value, Evaluate(*expr));
    TERN_TRY_STATUS(Print(ToText(workspace_, value).text()));
  }
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Visit(const IfNode& node) {
  for (const auto& [test, body] : node.branches) {
    TERN_TRY(const Value holds, Evaluate(*test));
    if (Truth(holds)) return Execute(body);
  }
  return Execute(node.otherwise);
}

Result<Interpreter::Flow> Interpreter::Visit(const ForLoop& node) {
  TERN_TRY(const Value items, Evaluate(*node.items));
  return RunLoop(node, items, scope_, 0);
}

Result<bool> Interpreter::Accepts(const ForLoop& node, const Value& item, Scope* outer) {
  if (!node.test) return true;
  Scope* scope = NewScope(outer);
  const Swapped inner(&scope_, scope);
  TERN_TRY_STATUS(Assign(scope, node.target, item));
  TERN_TRY(const Value holds, Evaluate(*node.test));
  return Truth(holds);
}

Result<std::vector<Value>> Interpreter::Filtered(const ForLoop& node, std::span<const Value> items,
                                                 Scope* outer) {
  std::vector<Value> accepted;
  for (const Value& item : items) {
    TERN_TRY(const bool accepts, Accepts(node, item, outer));
    if (accepts) accepted.push_back(item);
  }
  return accepted;
}

Result<Interpreter::Flow> Interpreter::RunLoop(const ForLoop& node, const Value& value, Scope* outer,
                                               int depth0) {
  TERN_TRY(std::span<const Value> items, Items(workspace_, value));
  Loop* loop = nullptr;
  // Jinja filters lazily, item by item; only a body that asks for the loop's length could tell.
  const bool filter_first = node.test && node.uses_loop;
  if (filter_first) {
    TERN_TRY(std::vector<Value> accepted, Filtered(node, items, outer));
    TERN_TRY(const Value list, workspace_.NewList(std::move(accepted)));
    items = list.sequence().items;
  }
  if (node.uses_loop) {
    loop = workspace_.heap().NewLoop(
        {.items = items, .depth0 = depth0, .node = &node, .scope = outer, .last_changed = {}});
  }
  Scope* scope = NewScope(outer);
  bool completed = false;  // one turn to its end: neither break nor continue counts, as in Jinja
  for (size_t i = 0; i < items.size(); ++i) {
    TERN_TRY_STATUS(workspace_.Step());
    if (!filter_first) {
      TERN_TRY(const bool accepts, Accepts(node, items[i], outer));
      if (!accepts) continue;
    }
    if (scope->captured()) scope = NewScope(outer);
    scope->Clear();
    Hide(node.body, scope);
    const Swapped inner(&scope_, scope);
    if (loop) {
      loop->index0 = i;
      scope->Set("loop", Value(loop));
    }
    TERN_TRY_STATUS(Assign(scope, node.target, items[i]));
    TERN_TRY(const Flow flow, Execute(node.body.statements));
    if (flow == Flow::kBreak) break;
    completed |= flow == Flow::kNext;
  }
  if (completed) return Flow::kNext;
  const Swapped inner(&scope_, NewScope(outer, node.otherwise));
  return Execute(node.otherwise.statements);  // break and continue there belong to the loop around this one
}

Status Interpreter::Assign(Scope* scope, const Target& target, const Value& value) {
  if (!target.attribute.empty()) return AssignAttribute(target, value);
  if (!target.is_tuple) {
    scope->Set(target.name, value);
    return {};
  }
  TERN_TRY(const std::span<const Value> items, Items(workspace_, value));
  if (items.size() != target.items.size()) {
    return BadInput(fmt::format("cannot unpack {} values into {} names", items.size(), target.items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) TERN_TRY_STATUS(Assign(scope, target.items[i], items[i]));
  return {};
}

Status Interpreter::AssignAttribute(const Target& target, const Value& value) {
  const Value object = Lookup(target.name);
  if (!object.is(Kind::kNamespace)) return BadInput("cannot assign attribute on non-namespace object");
  if (target.attribute.starts_with('_')) {
    return BadInput(
        fmt::format("namespace: names with a leading underscore are not allowed: {}", target.attribute));
  }
  Namespace& ns = object.ns();
  workspace_.Spend(ns.attributes.size() / 8);
  if (Value* found = ns.Find(target.attribute)) {
    *found = value;
  } else {
    ns.attributes.emplace_back(target.attribute, value);
  }
  return {};
}

Result<Interpreter::Flow> Interpreter::Visit(const SetNode& node) {
  TERN_TRY(const Value value, Evaluate(*node.value));
  TERN_TRY_STATUS(Assign(scope_, node.target, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Capture(const Body& body, Scope* scope, TextBuilder* text) {
  const Swapped output(&out_, text);
  const Swapped inner(&scope_, scope);
  return Execute(body.statements);
}

Result<Interpreter::Flow> Interpreter::Visit(const SetBlockNode& node) {
  Scope* scope = NewScope(scope_, node.body);
  TextBuilder text;
  TERN_TRY(const Flow flow, Capture(node.body, scope, &text));
  if (flow != Flow::kNext) return flow;
  Value value = workspace_.NewText(std::move(text));
  if (node.filter) {
    const Swapped input(&block_text_, value);
    const Swapped inner(&scope_, scope);
    TERN_TRY(value, Evaluate(*node.filter));
  }
  TERN_TRY_STATUS(Assign(scope_, node.target, value));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Visit(const MacroNode& node) {
  scope_->Capture();
  const Callable macro{.name = node.macro.name, .self = {}, .macro = &node.macro, .scope = scope_};
  scope_->Set(node.macro.name, workspace_.heap().NewCallable(macro));
  return Flow::kNext;
}

Result<Interpreter::Flow> Interpreter::Visit(const CallBlockNode& node) {
  const CallExpr& call = std::get<CallExpr>(node.call->node);
  scope_->Capture();
  const Callable caller{.name = node.body.name, .self = {}, .macro = &node.body, .scope = scope_};
  TERN_TRY(const Value callee, Evaluate(*call.callee));
  TERN_TRY(Arguments arguments, EvaluateArguments(call.arguments));
  arguments.named.emplace_back("caller", workspace_.heap().NewCallable(caller));
  TERN_TRY(const Value value, Call(callee, arguments));
  return PrintResult(value);
}

Result<Interpreter::Flow> Interpreter::Visit(const FilterBlockNode& node) {
  Scope* scope = NewScope(scope_, node.body);
  TextBuilder text;
  TERN_TRY(const Flow flow, Capture(node.body, scope, &text));
  if (flow != Flow::kNext) return flow;
  const Swapped input(&block_text_, workspace_.NewText(std::move(text)));
  const Swapped inner(&scope_, scope);
  TERN_TRY(const Value value, Evaluate(*node.filter));
  return PrintResult(value);
}

Result<Interpreter::Flow> Interpreter::Visit(const WithNode& node) {
  Scope* scope = NewScope(scope_, node.body);
  for (const auto& [target, expr] : node.bindings) {
    TERN_TRY(const Value value, Evaluate(*expr));
    TERN_TRY_STATUS(Assign(scope, target, value));
  }
  const Swapped inner(&scope_, scope);
  return Execute(node.body.statements);
}

Result<Interpreter::Flow> Interpreter::Visit(const GenerationNode& node) {
  const Swapped inner(&scope_, NewScope(scope_, node.body));
  return Execute(node.body.statements);
}

}  // namespace tern::jinja
