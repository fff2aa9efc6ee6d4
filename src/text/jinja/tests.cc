#include "text/jinja/tests.h"

#include <fmt/core.h>

#include <cmath>

#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace tern::jinja {
namespace {

// A test without arguments.
template <bool (*kHolds)(const Value&)>
Result<Value> Plain(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("test", arguments, {}, 0, nullptr));
  return Value(kHolds(self));
}

bool IsDefined(const Value& v) { return !v.is_undefined(); }
bool IsUndefined(const Value& v) { return v.is_undefined(); }
bool IsNone(const Value& v) { return v.is_none(); }
bool IsBoolean(const Value& v) { return v.is(Kind::kBool); }
bool IsTrue(const Value& v) { return v.is(Kind::kBool) && v.boolean(); }
bool IsFalse(const Value& v) { return v.is(Kind::kBool) && !v.boolean(); }
bool IsInteger(const Value& v) { return v.is(Kind::kInt); }
bool IsFloat(const Value& v) { return v.is(Kind::kFloat); }
bool IsNumber(const Value& v) { return v.is_number(); }
bool IsString(const Value& v) { return v.is_text(); }
bool IsMapping(const Value& v) { return v.is(Kind::kDict); }
bool IsCallable(const Value& v) { return v.is(Kind::kCallable) || v.is(Kind::kLoop) || v.is_undefined(); }
bool IsEscaped(const Value& v) { return v.is_text() && v.text().is_markup; }

bool IsIterable(const Value& v) {
  return v.is_undefined() || v.is_text() || v.is(Kind::kSequence) || v.is(Kind::kDict) ||
         v.is(Kind::kRange) || v.is(Kind::kLoop);
}

// What has a length and is indexed; an undefined value pretends to.
bool IsSequence(const Value& v) {
  if (v.is(Kind::kSequence)) return v.sequence().flavor <= Flavor::kGroup;
  return v.is_undefined() || v.is_text() || v.is(Kind::kDict) || v.is(Kind::kRange);
}

Result<Value> Remainder(Workspace& workspace, const Value& self, const Value& divisor, Int expected) {
  TERN_TRY(const Value rest, Arithmetic(workspace, BinaryOp::kModulo, self, divisor));
  return Value(Equals(workspace, rest, Value(expected)));
}

Result<Value> IsOdd(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("odd", arguments, {}, 0, nullptr));
  return Remainder(workspace, self, Value(Int{2}), 1);
}

Result<Value> IsEven(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("even", arguments, {}, 0, nullptr));
  return Remainder(workspace, self, Value(Int{2}), 0);
}

Result<Value> IsDivisibleBy(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("divisibleby", arguments, {"num"}, 1));
  return Remainder(workspace, self, *bound[0], 0);
}

template <CompareOp kOp>
Result<Value> Compares(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("comparison test", arguments, {"other"}, 1));
  TERN_TRY(const bool holds, Compare(workspace, kOp, self, *bound[0]));
  return Value(holds);
}

Result<Value> IsSameAs(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("sameas", arguments, {"other"}, 1));
  const Value& other = *bound[0];
  if (self.kind() != other.kind()) return Value(false);
  switch (self.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return Value(true);
    case Kind::kBool:
    case Kind::kInt:
      return Value(self.integer() == other.integer());
    case Kind::kFloat:
      return Value(self.real() == other.real());
    case Kind::kText:
      return Value(self.bytes() == other.bytes());
    default:
      return Value(self.address() == other.address());
  }
}

Result<Value> IsLowerText(Workspace& workspace, const Value& self, const Arguments& arguments) {
  const Value text = ToText(workspace, self);
  return FindMethod(text, "islower")->function(workspace, text, arguments);
}

Result<Value> IsUpperText(Workspace& workspace, const Value& self, const Arguments& arguments) {
  const Value text = ToText(workspace, self);
  return FindMethod(text, "isupper")->function(workspace, text, arguments);
}

Status CheckHashable(const Value& value) {
  if (IsHashable(value)) return {};
  return TypeError(fmt::format("unhashable type: '{}'", TypeName(value)));
}

Result<Value> IsFilter(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("filter", arguments, {}, 0, nullptr));
  TERN_TRY_STATUS(CheckHashable(self));
  return Value(self.is_text() && FindFilter(self.bytes()) != nullptr);
}

Result<Value> IsTest(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("test", arguments, {}, 0, nullptr));
  TERN_TRY_STATUS(CheckHashable(self));
  return Value(self.is_text() && FindTest(self.bytes()) != nullptr);
}

constexpr NamedBuiltin kTests[] = {
    {"!=", Compares<CompareOp::kNotEqual>},
    {"<", Compares<CompareOp::kLess>},
    {"<=", Compares<CompareOp::kLessEqual>},
    {"==", Compares<CompareOp::kEqual>},
    {">", Compares<CompareOp::kGreater>},
    {">=", Compares<CompareOp::kGreaterEqual>},
    {"boolean", Plain<IsBoolean>},
    {"callable", Plain<IsCallable>},
    {"defined", Plain<IsDefined>},
    {"divisibleby", IsDivisibleBy},
    {"eq", Compares<CompareOp::kEqual>},
    {"equalto", Compares<CompareOp::kEqual>},
    {"escaped", Plain<IsEscaped>},
    {"even", IsEven},
    {"false", Plain<IsFalse>},
    {"filter", IsFilter},
    {"float", Plain<IsFloat>},
    {"ge", Compares<CompareOp::kGreaterEqual>},
    {"greaterthan", Compares<CompareOp::kGreater>},
    {"gt", Compares<CompareOp::kGreater>},
    {"in", Compares<CompareOp::kIn>},
    {"integer", Plain<IsInteger>},
    {"iterable", Plain<IsIterable>},
    {"le", Compares<CompareOp::kLessEqual>},
    {"lessthan", Compares<CompareOp::kLess>},
    {"lower", IsLowerText},
    {"lt", Compares<CompareOp::kLess>},
    {"mapping", Plain<IsMapping>},
    {"ne", Compares<CompareOp::kNotEqual>},
    {"none", Plain<IsNone>},
    {"number", Plain<IsNumber>},
    {"odd", IsOdd},
    {"sameas", IsSameAs},
    {"sequence", Plain<IsSequence>},
    {"string", Plain<IsString>},
    {"test", IsTest},
    {"true", Plain<IsTrue>},
    {"undefined", Plain<IsUndefined>},
    {"upper", IsUpperText},
};

}  // namespace

Builtin FindTest(std::string_view name) {
  const NamedBuiltin* found = FindIn(kTests, name);
  return found ? found->function : nullptr;
}

}  // namespace tern::jinja
