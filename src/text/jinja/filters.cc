#include "text/jinja/filters.h"

#include <fmt/core.h>

#include <cmath>

#include "text/jinja/access.h"
#include "text/jinja/literals.h"
#include "text/jinja/operators.h"

namespace tern::jinja {
namespace {

Result<Value> Default(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("default", arguments, {"default_value", "boolean"}));
  const bool replace = self.is_undefined() || (bound[1] && Truth(*bound[1]) && !Truth(self));
  if (!replace) return self;
  return bound[0] ? *bound[0] : workspace.NewText(std::string(), true);
}

Result<Value> Attribute(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("attr", arguments, {"name"}, 1));
  TERN_TRY(const Text* name, TextOr(bound[0], nullptr, "attr: name"));
  // A dict's keys are no attributes, for this filter only.
  if (self.is(Kind::kDict) && self.dict().Find(name->bytes)) {
    return workspace.heap().NewUndefined(fmt::format("'dict object' has no attribute '{}'", name->bytes));
  }
  return GetAttribute(workspace, self, name->bytes);
}

Result<Value> LengthOf(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("length", arguments, {}, 0, nullptr));
  TERN_TRY(const size_t length, Length(self));
  return Value::Of(length);
}

Result<Value> Absolute(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("abs", arguments, {}, 0, nullptr));
  if (!self.is_number()) return TypeError(fmt::format("bad operand type for abs(): '{}'", TypeName(self)));
  if (self.is(Kind::kFloat)) return Value(std::abs(self.real()));
  return Signed(workspace, self.integer() < 0 ? UnaryOp::kMinus : UnaryOp::kPlus, self);
}

// Rounds to the nearest as decimal text would be rounded, which is what Python's round() does.
double RoundDecimal(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 320) return value;
  if (digits >= 0) {
    const auto parsed = TextToFloat(fmt::format("{:.{}f}", value, digits));
    return parsed.value_or(value);
  }
  if (digits < -320) return 0;
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  return std::isfinite(scale) ? std::nearbyint(value / scale) * scale : 0.0;
}

Result<Value> Round(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("round", arguments, {"precision", "method"}));
  TERN_TRY(const int64_t precision, IntegerOr(bound[0], 0, "round: precision"));
  TERN_TRY(const Text* method, TextOr(bound[1], nullptr, "round: method"));
  const std::string_view name = method ? method->bytes : "common";
  if (name != "common" && name != "ceil" && name != "floor") {
    return BadInput("round: method must be common, ceil or floor");
  }
  if (!self.is_number()) return TypeError(fmt::format("round: {} is not a number", TypeName(self)));
  if (name == "common") {
    if (self.is_integral() && precision >= 0) return Value(self.integer());
    const double rounded = RoundDecimal(self.real(), precision);
    return self.is_integral() ? Value(static_cast<Int>(rounded)) : Value(rounded);
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = self.real() * scale;
  const double whole = name == "ceil" ? std::ceil(scaled) : std::floor(scaled);
  return Value((whole + 0.0) / scale);  // Python's whole is an integer, which has no negative zero
}

// int(value), where it has one.
Result<std::optional<Int>> Truncated(double value) {
  if (std::isinf(value)) return BadInput("cannot convert float infinity to integer");
  if (std::isnan(value)) return std::optional<Int>();
  if (std::abs(value) >= 1e38) return BadInput("integer: too large");
  return std::optional<Int>(static_cast<Int>(value));
}

Result<Value> ToInteger(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("int", arguments, {"default", "base"}));
  TERN_TRY(const int64_t base, IntegerOr(bound[1], 10, "int: base"));
  const Value fallback = bound[0] ? *bound[0] : Value(Int{0});
  if (self.is_undefined()) return UndefinedError(self);
  if (self.is_integral()) return Value(self.integer());
  if (self.is(Kind::kFloat)) {
    TERN_TRY(const auto truncated, Truncated(self.real()));
    return truncated ? Value(*truncated) : fallback;
  }
  if (!self.is_text()) return fallback;
  if (const auto integer = TextToInteger(self.bytes(), static_cast<int>(base))) return Value(*integer);
  const auto real = TextToFloat(self.bytes());
  if (!real || std::isinf(*real)) return fallback;
  TERN_TRY(const auto truncated, Truncated(*real));
  return truncated ? Value(*truncated) : fallback;
}

Result<Value> ToFloat(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("float", arguments, {"default"}));
  if (self.is_undefined()) return UndefinedError(self);
  if (self.is_number()) return Value(self.real());
  const auto real = self.is_text() ? TextToFloat(self.bytes()) : std::nullopt;
  if (real) return Value(*real);
  return bound[0] ? *bound[0] : Value(0.0);
}

constexpr NamedBuiltin kFilters[] = {
    {"abs", Absolute},  {"attr", Attribute}, {"count", LengthOf},  {"d", Default},   {"default", Default},
    {"float", ToFloat}, {"int", ToInteger},  {"length", LengthOf}, {"round", Round},
};

}  // namespace

std::span<const NamedBuiltin> ValueFilters() { return kFilters; }

Builtin FindFilter(std::string_view name) {
  for (const auto table : {TextFilters(), SequenceFilters(), MappingFilters(), ValueFilters()}) {
    if (const NamedBuiltin* found = FindIn(table, name)) return found->function;
  }
  return nullptr;
}

}  // namespace tern::jinja
