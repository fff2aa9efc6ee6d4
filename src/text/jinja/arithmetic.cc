// Arithmetic of operators.h. Integers are exact or an error; floats follow Python's floor division and
// modulo.

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/format.h"
#include "text/jinja/operators.h"

namespace tern::jinja {
namespace {

std::string_view Symbol(BinaryOp op) {
  static constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[static_cast<size_t>(op)];
}

Error Unsupported(BinaryOp op, const Value& a, const Value& b) {
  return TypeError(
      fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", Symbol(op), TypeName(a), TypeName(b)));
}

// By reference: the overflow check that fills in the value is the other argument.
Result<Value> Checked(bool overflow, const Int& value) {
  if (overflow) return BadInput("integer: result too large");
  return Value(value);
}

Result<Value> IntegerPower(Int base, Int exponent) {
  if (exponent < 0) {
    if (base == 0) return BadInput("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  Int result = 1;
  bool overflow = false, square_overflow = false;
  for (; exponent > 0 && !overflow; exponent >>= 1) {
    if (exponent & 1) overflow = square_overflow || __builtin_mul_overflow(result, base, &result);
    square_overflow |= __builtin_mul_overflow(base, base, &base);
    // 0, 1 and -1 never overflow; anything else does after 7 squarings, so the loop is short.
  }
  return Checked(overflow, result);
}

Result<Value> IntegerArithmetic(BinaryOp op, Int a, Int b) {
  Int result = 0;
  switch (op) {
    case BinaryOp::kAdd:
      return Checked(__builtin_add_overflow(a, b, &result), result);
    case BinaryOp::kSubtract:
      return Checked(__builtin_sub_overflow(a, b, &result), result);
    case BinaryOp::kMultiply:
      return Checked(__builtin_mul_overflow(a, b, &result), result);
    case BinaryOp::kPower:
      return IntegerPower(a, b);
    default:
      break;
  }
  if (b == 0) return BadInput(op == BinaryOp::kDivide ? "division by zero" : "integer modulo by zero");
  if (op == BinaryOp::kDivide) return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {
    // The one quotient that does not fit.
    if (op == BinaryOp::kModulo) return Value(Int{0});
    return Checked(__builtin_sub_overflow(Int{0}, a, &result), result);
  }
  const bool inexact = a % b != 0 && (a < 0) != (b < 0);
  if (op == BinaryOp::kFloorDivide) return Value(a / b - (inexact ? 1 : 0));
  return Value(a % b + (inexact ? b : 0));
}

double FloorModulo(double a, double b) {
  const double m = std::fmod(a, b);
  if (m == 0) return std::copysign(0.0, b);
  return (m < 0) != (b < 0) ? m + b : m;
}

double FloorDivide(double a, double b) {
  const double quotient = (a - FloorModulo(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

Result<Value> FloatArithmetic(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value(a + b);
    case BinaryOp::kSubtract:
      return Value(a - b);
    case BinaryOp::kMultiply:
      return Value(a * b);
    case BinaryOp::kPower: {
      if (a == 0 && b < 0) return BadInput("0.0 cannot be raised to a negative power");
      const double power = std::pow(a, b);
      if (std::isfinite(a) && std::isfinite(b) && !std::isfinite(power)) {
        return BadInput("float: result of ** out of range");
      }
      return Value(power);
    }
    default:
      break;
  }
  if (b == 0) return BadInput("float division by zero");
  if (op == BinaryOp::kDivide) return Value(a / b);
  return Value(op == BinaryOp::kModulo ? FloorModulo(a, b) : FloorDivide(a, b));
}

TextBuilder Repeated(const Text& text, size_t count) {
  TextBuilder builder;
  if (text.bytes.empty()) return builder;
  if (!text.runs.empty()) {
    for (size_t i = 0; i < count && !builder.overflowed(); ++i) builder.Append(text);
    return builder;
  }
  // Many copies of a short text at a time: one by one, the steps between them would take far longer than they
  // do.
  constexpr size_t kBlockBytes = 4096;
  const size_t in_block = std::min(count, std::max<size_t>(kBlockBytes / text.bytes.size(), 1));
  std::string block;
  for (size_t i = 0; i < in_block; ++i) block += text.bytes;
  for (size_t left = count; left > 0 && !builder.overflowed();) {
    const size_t copies = std::min(left, in_block);
    builder.Append(std::string_view(block).substr(0, copies * text.bytes.size()), text.is_template);
    left -= copies;
  }
  return builder;
}

Result<Value> Repeat(Workspace& workspace, const Value& value, Int times) {
  constexpr Int kMost = Int{1} << 62;
  const size_t count = times < 0 ? 0 : static_cast<size_t>(times < kMost ? times : kMost);
  if (value.is_text()) {
    if (!value.bytes().empty()) {
      TERN_TRY_STATUS(workspace.Reserve(count, value.bytes().size()));
    }
    workspace.SpendBytes(value.bytes().size() * count);
    const Value made = workspace.NewText(Repeated(value.text(), count));
    return workspace.heap().WithMarkup(made.text(), value.text().is_markup);
  }
  const std::vector<Value>& items = value.sequence().items;
  if (!items.empty()) {
    TERN_TRY_STATUS(workspace.Reserve(count, items.size() * sizeof(Value)));
  }
  workspace.Spend(items.size() * count);
  std::vector<Value> repeated;
  for (size_t i = 0; i < count && !items.empty(); ++i) {
    repeated.insert(repeated.end(), items.begin(), items.end());
  }
  return workspace.heap().NewSequence(value.sequence().flavor, std::move(repeated));
}

bool IsListOrTuple(const Value& value) {
  return value.is(Kind::kSequence) && value.sequence().flavor <= Flavor::kTuple;
}

Result<Value> Concatenate(Workspace& workspace, const Value& a, const Value& b) {
  if (a.is_text() && b.is_text()) return Concatenate(workspace, a.text(), b.text());
  if (IsListOrTuple(a) && IsListOrTuple(b) && a.sequence().flavor == b.sequence().flavor) {
    std::vector<Value> items = a.sequence().items;
    items.insert(items.end(), b.sequence().items.begin(), b.sequence().items.end());
    workspace.Spend(items.size());
    return workspace.heap().NewSequence(a.sequence().flavor, std::move(items));
  }
  if (a.is_text()) {
    return TypeError(fmt::format("can only concatenate str (not \"{}\") to str", TypeName(b)));
  }
  return Unsupported(BinaryOp::kAdd, a, b);
}

}  // namespace

Result<Value> Arithmetic(Workspace& workspace, BinaryOp op, const Value& a, const Value& b) {
  if (a.is_undefined()) return UndefinedError(a);
  if (op == BinaryOp::kModulo && a.is_text()) return FormatPercent(workspace, a.text(), b);
  if (b.is_undefined()) return UndefinedError(b);
  if (a.is_integral() && b.is_integral()) return IntegerArithmetic(op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return FloatArithmetic(op, a.real(), b.real());
  if (op == BinaryOp::kAdd) return Concatenate(workspace, a, b);
  if (op == BinaryOp::kMultiply) {
    const bool left = a.is_text() || IsListOrTuple(a);
    const bool right = b.is_text() || IsListOrTuple(b);
    if (left && b.is_integral()) return Repeat(workspace, a, b.integer());
    if (right && a.is_integral()) return Repeat(workspace, b, a.integer());
  }
  return Unsupported(op, a, b);
}

Result<Value> Signed(Workspace&, UnaryOp op, const Value& value) {
  if (value.is_undefined()) return UndefinedError(value);
  if (!value.is_number()) {
    return TypeError(fmt::format("bad operand type for unary {}: '{}'", op == UnaryOp::kMinus ? "-" : "+",
                                 TypeName(value)));
  }
  if (value.is(Kind::kFloat)) return Value(op == UnaryOp::kMinus ? -value.real() : value.real());
  if (op == UnaryOp::kPlus) return Value(value.integer());
  return IntegerArithmetic(BinaryOp::kSubtract, 0, value.integer());
}

}  // namespace tern::jinja
