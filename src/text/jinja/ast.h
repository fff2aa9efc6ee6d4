#pragma once
// The tree of a parsed template. Immutable once parsed; its depth is capped by the parser, so walking it
// recursively is safe.

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/place.h"
#include "text/jinja/value.h"

namespace tern::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
using ExprList = std::vector<ExprPtr>;

struct CallArguments {
  ExprList positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;         // *args
  ExprPtr double_star;  // **kwargs
};

struct ConstExpr {
  Value value;
};
struct NameExpr {
  std::string name;
};
struct TupleExpr {
  ExprList items;
};
struct ListExpr {
  ExprList items;
};
struct DictExpr {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};

enum class UnaryOp { kNot, kMinus, kPlus };
struct UnaryExpr {
  UnaryOp op;
  ExprPtr operand;
};
enum class BinaryOp { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
struct BinaryExpr {
  BinaryOp op;
  ExprPtr left, right;
};
struct LogicExpr {
  bool is_and;
  ExprPtr left, right;
};
struct ConcatExpr {
  ExprList parts;
};
enum class CompareOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };
struct CompareExpr {  // a < b < c
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct ConditionalExpr {
  ExprPtr test, yes;
  ExprPtr no;  // may be null
};
struct AttributeExpr {
  ExprPtr object;
  std::string name;
};
struct SubscriptExpr {
  ExprPtr object, index;
};
struct SliceExpr {
  ExprPtr object;
  ExprPtr start, stop, step;  // may be null
};
struct CallExpr {
  ExprPtr callee;
  CallArguments arguments;
};
// A filter or a test with its input. `function` is null for an unknown name in a branch that may never run.
struct FilterExpr {
  ExprPtr input;  // null: the text of the block that the filter stands at
  std::string name;
  Builtin function;
  CallArguments arguments;
};
struct TestExpr {
  ExprPtr input;
  std::string name;
  Builtin function;
  CallArguments arguments;
};

struct Expr {
  Place place;
  int depth = 1;  // of the tree below
  std::variant<ConstExpr, NameExpr, TupleExpr, ListExpr, DictExpr, UnaryExpr, BinaryExpr, LogicExpr,
               ConcatExpr, CompareExpr, ConditionalExpr, AttributeExpr, SubscriptExpr, SliceExpr, CallExpr,
               FilterExpr, TestExpr>
      node;
};

struct Statement;
using Block = std::vector<std::unique_ptr<Statement>>;

// Statements that run in a scope of their own. `hidden`: names that a `set` in the scope assigns before
// anything in it reads them; until then they are undefined, even where an outer variable has the name (see
// scoping.h).
struct Body {
  Block statements;
  std::vector<std::string> hidden;
};

// What `set` and `for` assign to: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  std::string name;
  std::string attribute;      // not empty: name.attribute
  std::vector<Target> items;  // not empty, or is_tuple: a tuple
  bool is_tuple = false;
};

struct DataNode {
  Value text;
};
struct PrintNode {
  ExprList values;
};
struct IfNode {
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block otherwise;
};
struct ForLoop {
  Target target;
  ExprPtr items;
  ExprPtr test;  // may be null
  bool recursive = false;
  bool uses_loop = false;  // the body mentions `loop`
  Body body, otherwise;
};
struct SetNode {
  Target target;
  ExprPtr value;
};
struct SetBlockNode {
  Target target;
  ExprPtr filter;  // may be null
  Body body;
};
struct Macro {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  Body body;
  bool takes_varargs = false, takes_kwargs = false, takes_caller = false;
};
struct MacroNode {
  Macro macro;
};
struct CallBlockNode {
  ExprPtr call;
  Macro body;
};
struct FilterBlockNode {
  ExprPtr filter;
  Body body;
};
struct WithNode {
  std::vector<std::pair<Target, ExprPtr>> bindings;
  Body body;
};
struct GenerationNode {
  Body body;
};
struct BreakNode {};
struct ContinueNode {};

struct Statement {
  Place place;
  std::variant<DataNode, PrintNode, IfNode, ForLoop, SetNode, SetBlockNode, MacroNode, CallBlockNode,
               FilterBlockNode, WithNode, GenerationNode, BreakNode, ContinueNode>
      node;
};

// A parsed template and the values of its literals.
struct Template {
  Body body;
};

}  // namespace tern::jinja
