#pragma once
// Interpreter: walks a parsed template with a scope chain like Jinja's and collects the text with its
// origins. One per rendering. Depth and work are bounded by the workspace's limits.

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/arguments.h"
#include "text/jinja/ast.h"
#include "text/jinja/workspace.h"

namespace tern::jinja {

class Scope {
 public:
  explicit Scope(Scope* parent) : parent_(parent) {}
  Scope* parent() const { return parent_; }
  const Value* FindHere(std::string_view name) const;
  void Set(std::string_view name, const Value& value);
  // A macro may look names up here later: the scope must stay as it is.
  void Capture();
  bool captured() const { return captured_; }
  void Clear() { variables_.clear(); }
  size_t size() const { return variables_.size(); }

 private:
  Scope* parent_;
  bool captured_ = false;
  std::vector<std::pair<std::string_view, Value>> variables_;
};

class Interpreter {
 public:
  // `inputs` are the variables the template is given.
  Interpreter(Workspace* workspace, const Dict& inputs);
  // The rendered text. An error starts with "line N, column N: ".
  Result<TextBuilder> Run(const Template& source);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class Descent;

  // interpreter.cc: statements
  Result<Flow> Execute(const Block& block);
  Result<Flow> ExecuteOne(const Statement& statement);
  Result<Flow> Visit(const DataNode& node);
  Result<Flow> Visit(const PrintNode& node);
  Result<Flow> Visit(const IfNode& node);
  Result<Flow> Visit(const ForLoop& node);
  Result<Flow> Visit(const SetNode& node);
  Result<Flow> Visit(const SetBlockNode& node);
  Result<Flow> Visit(const MacroNode& node);
  Result<Flow> Visit(const CallBlockNode& node);
  Result<Flow> Visit(const FilterBlockNode& node);
  Result<Flow> Visit(const WithNode& node);
  Result<Flow> Visit(const GenerationNode& node);
  Result<Flow> Visit(const BreakNode&) { return Flow::kBreak; }
  Result<Flow> Visit(const ContinueNode&) { return Flow::kContinue; }
  // The flow is that of the `else` block.
  Result<Flow> RunLoop(const ForLoop& node, const Value& items, Scope* outer, int depth0);
  Result<std::vector<Value>> Filtered(const ForLoop& node, std::span<const Value> items, Scope* outer);
  Result<bool> Accepts(const ForLoop& node, const Value& item, Scope* outer);
  Status Assign(Scope* scope, const Target& target, const Value& value);
  Status AssignAttribute(const Target& target, const Value& value);
  // Runs the body in `scope` and appends what it prints to `text`.
  Result<Flow> Capture(const Body& body, Scope* scope, TextBuilder* text);
  Status Print(const Text& text);
  // What a block's filter or call gave: Jinja joins it as it is, and fails where it is no text.
  Result<Flow> PrintResult(const Value& value);

  // evaluate.cc: expressions
  Result<Value> Evaluate(const Expr& expr);
  Result<Value> Visit(const ConstExpr& node);
  Result<Value> Visit(const NameExpr& node);
  Result<Value> Visit(const TupleExpr& node);
  Result<Value> Visit(const ListExpr& node);
  Result<Value> Visit(const DictExpr& node);
  Result<Value> Visit(const UnaryExpr& node);
  Result<Value> Visit(const BinaryExpr& node);
  Result<Value> Visit(const LogicExpr& node);
  Result<Value> Visit(const ConcatExpr& node);
  Result<Value> Visit(const CompareExpr& node);
  Result<Value> Visit(const ConditionalExpr& node);
  Result<Value> Visit(const AttributeExpr& node);
  Result<Value> Visit(const SubscriptExpr& node);
  Result<Value> Visit(const SliceExpr& node);
  Result<Value> Visit(const CallExpr& node);
  Result<Value> Visit(const FilterExpr& node);
  Result<Value> Visit(const TestExpr& node);
  Result<std::vector<Value>> EvaluateAll(const ExprList& list);
  Result<Arguments> EvaluateArguments(const CallArguments& arguments);
  Value Lookup(std::string_view name);

  // call.cc
  Result<Value> Call(const Value& callee, const Arguments& arguments);
  Result<Value> CallMacro(const Callable& callable, const Arguments& arguments);
  Result<Value> CallLoop(const Loop& loop, const Arguments& arguments);
  Status BindParameters(const Macro& macro, const Arguments& arguments, Scope* scope);
  Status BindExtras(const Macro& macro, const Arguments& arguments, Scope* scope);

  // The error, with its place if no inner expression or statement gave one.
  Error Located(Place place, const Error& error);
  // A scope for `body`, whose hidden names it starts with.
  Scope* NewScope(Scope* parent, const Body& body);
  Scope* NewScope(Scope* parent);
  void Hide(const Body& body, Scope* scope);

  Workspace& workspace_;
  const Dict& inputs_;
  std::deque<Scope> scopes_;
  Scope* scope_;
  TextBuilder* out_ = nullptr;
  Value block_text_;  // input of a filter block's filter
  int depth_ = 0;
  bool failed_ = false;  // an error is on its way out and says where it arose
};

// One level of nested evaluation while it lives.
class Interpreter::Descent {
 public:
  explicit Descent(Interpreter* interpreter) : interpreter_(interpreter) { ++interpreter_->depth_; }
  ~Descent() { --interpreter_->depth_; }
  Descent(const Descent&) = delete;
  Descent& operator=(const Descent&) = delete;
  // Takes a step, too.
  Status Check() const;

 private:
  Interpreter* interpreter_;
};

}  // namespace tern::jinja
