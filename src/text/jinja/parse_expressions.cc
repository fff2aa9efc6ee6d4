#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/parser.h"
#include "text/jinja/tests.h"

namespace tern::jinja {

bool Parser::IsOperator(std::string_view op) const {
  return current().kind == TokenKind::kOperator && current().text == op;
}

bool Parser::IsName(std::string_view name) const {
  return current().kind == TokenKind::kName && current().text == name;
}

bool Parser::SkipOperator(std::string_view op) {
  const bool found = IsOperator(op);
  if (found) Next();
  return found;
}

bool Parser::SkipName(std::string_view name) {
  const bool found = IsName(name);
  if (found) Next();
  return found;
}

Error Parser::Fail(std::string_view what) const { return Fail(what, current().place); }

Error Parser::Fail(std::string_view what, Place place) { return At(place, BadInput(std::string(what))); }

Status Parser::ExpectOperator(std::string_view op) {
  if (SkipOperator(op)) return {};
  return Fail(fmt::format("expected '{}', got {}", op, Describe(current())));
}

Status Parser::Expect(TokenKind kind, std::string_view what) {
  if (current().kind != kind) return Fail(fmt::format("expected {}, got {}", what, Describe(current())));
  Next();
  return {};
}

Result<std::string> Parser::ExpectName() {
  if (current().kind != TokenKind::kName) {
    return Fail(fmt::format("expected a name, got {}", Describe(current())));
  }
  return Next().text;
}

Status Parser::CheckNesting() const {
  if (nesting_ <= kMaxNesting) return {};
  return Fail(fmt::format("nested deeper than {}", kMaxNesting));
}

int Parser::DepthOf(const ExprList& list) {
  int depth = 0;
  for (const ExprPtr& expr : list) depth = std::max(depth, DepthOf(expr));
  return depth;
}

int Parser::DepthOf(const CallArguments& arguments) {
  int depth = std::max(DepthOf(arguments.star), DepthOf(arguments.double_star));
  for (const auto& [name, expr] : arguments.named) depth = std::max(depth, DepthOf(expr));
  return std::max(depth, DepthOf(arguments.positional));
}

Result<ExprPtr> Parser::ParseExpression(bool with_conditional) {
  const Nested nested(this);
  TERN_TRY_STATUS(CheckNesting());
  const Place place = current().place;
  const size_t unknown = unknown_.size();
  TERN_TRY(ExprPtr expr, ParseOr());
  while (with_conditional && SkipName("if")) {
    TERN_TRY(ExprPtr test, ParseOr());
    ExprPtr no;
    if (SkipName("else")) {
      TERN_TRY(no, ParseExpression());
    }
    const int depth = std::max({DepthOf(expr), DepthOf(test), DepthOf(no)});
    TERN_TRY(expr, Make(place, depth, ConditionalExpr{std::move(test), std::move(expr), std::move(no)}));
    unknown_.resize(unknown);  // what stands in a branch may never run
  }
  return expr;
}

Result<ExprPtr> Parser::ParseOr() {
  const Place place = current().place;
  TERN_TRY(ExprPtr left, ParseAnd());
  while (SkipName("or")) {
    TERN_TRY(ExprPtr right, ParseAnd());
    const int depth = std::max(DepthOf(left), DepthOf(right));
    TERN_TRY(left, Make(place, depth, LogicExpr{false, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::ParseAnd() {
  const Place place = current().place;
  TERN_TRY(ExprPtr left, ParseNot());
  while (SkipName("and")) {
    TERN_TRY(ExprPtr right, ParseNot());
    const int depth = std::max(DepthOf(left), DepthOf(right));
    TERN_TRY(left, Make(place, depth, LogicExpr{true, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  const Nested nested(this);
  TERN_TRY_STATUS(CheckNesting());
  const Place place = Next().place;
  TERN_TRY(ExprPtr operand, ParseNot());
  const int depth = DepthOf(operand);
  return Make(place, depth, UnaryExpr{UnaryOp::kNot, std::move(operand)});
}

Result<ExprPtr> Parser::ParseCompare() {
  static constexpr std::pair<std::string_view, CompareOp> kOperators[] = {
      {"==", CompareOp::kEqual},     {"!=", CompareOp::kNotEqual}, {"<", CompareOp::kLess},
      {"<=", CompareOp::kLessEqual}, {">", CompareOp::kGreater},   {">=", CompareOp::kGreaterEqual}};
  const Place place = current().place;
  CompareExpr compare;
  TERN_TRY(compare.first, ParseSum());
  int depth = DepthOf(compare.first);
  while (true) {
    const auto known = std::find_if(std::begin(kOperators), std::end(kOperators),
                                    [&](const auto& entry) { return IsOperator(entry.first); });
    CompareOp op = CompareOp::kIn;
    if (known != std::end(kOperators)) {
      op = known->second;
    } else if (IsName("not") && ahead().kind == TokenKind::kName && ahead().text == "in") {
      op = CompareOp::kNotIn;
      Next();
    } else if (!IsName("in")) {
      break;
    }
    Next();
    TERN_TRY(ExprPtr operand, ParseSum());
    depth = std::max(depth, DepthOf(operand));
    compare.rest.emplace_back(op, std::move(operand));
  }
  if (compare.rest.empty()) return std::move(compare.first);
  return Make(place, depth, std::move(compare));
}

Result<ExprPtr> Parser::ParseSum() {
  TERN_TRY(ExprPtr left, ParseConcat());
  while (IsOperator("+") || IsOperator("-")) {
    const Place place = current().place;
    const BinaryOp op = Next().text == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    TERN_TRY(ExprPtr right, ParseConcat());
    const int depth = std::max(DepthOf(left), DepthOf(right));
    TERN_TRY(left, Make(place, depth, BinaryExpr{op, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::ParseConcat() {
  const Place place = current().place;
  ConcatExpr concat;
  do {
    TERN_TRY(ExprPtr part, ParseProduct());
    concat.parts.push_back(std::move(part));
  } while (SkipOperator("~"));
  if (concat.parts.size() == 1) return std::move(concat.parts[0]);
  const int depth = DepthOf(concat.parts);
  return Make(place, depth, std::move(concat));
}

Result<ExprPtr> Parser::ParseProduct() {
  static constexpr std::pair<std::string_view, BinaryOp> kOperators[] = {
      {"*", BinaryOp::kMultiply},
      {"/", BinaryOp::kDivide},
      {"//", BinaryOp::kFloorDivide},
      {"%", BinaryOp::kModulo},
  };
  TERN_TRY(ExprPtr left, ParsePower());
  while (true) {
    const auto known = std::find_if(std::begin(kOperators), std::end(kOperators),
                                    [&](const auto& entry) { return IsOperator(entry.first); });
    if (known == std::end(kOperators)) return left;
    const Place place = Next().place;
    TERN_TRY(ExprPtr right, ParsePower());
    const int depth = std::max(DepthOf(left), DepthOf(right));
    TERN_TRY(left, Make(place, depth, BinaryExpr{known->second, std::move(left), std::move(right)}));
  }
}

Result<ExprPtr> Parser::ParsePower() {
  const Place place = current().place;
  TERN_TRY(ExprPtr left, ParseUnary());
  while (SkipOperator("**")) {
    TERN_TRY(ExprPtr right, ParseUnary());
    const int depth = std::max(DepthOf(left), DepthOf(right));
    TERN_TRY(left, Make(place, depth, BinaryExpr{BinaryOp::kPower, std::move(left), std::move(right)}));
  }
  return left;
}

Result<ExprPtr> Parser::ParseUnary(bool with_filter) {
  const Nested nested(this);
  TERN_TRY_STATUS(CheckNesting());
  ExprPtr expr;
  if (IsOperator("-") || IsOperator("+")) {
    const Token sign = Next();
    TERN_TRY(ExprPtr operand, ParseUnary(false));
    const int depth = DepthOf(operand);
    const UnaryOp op = sign.text == "-" ? UnaryOp::kMinus : UnaryOp::kPlus;
    TERN_TRY(expr, Make(sign.place, depth, UnaryExpr{op, std::move(operand)}));
  } else {
    TERN_TRY(expr, ParsePrimary());
  }
  TERN_TRY(expr, ParsePostfix(std::move(expr)));
  if (!with_filter) return expr;
  return ParseFilters(std::move(expr));
}

Result<ExprPtr> Parser::ParsePostfix(ExprPtr expr) {
  while (true) {
    if (IsOperator(".")) {
      TERN_TRY(expr, ParseDot(std::move(expr)));
    } else if (IsOperator("[")) {
      TERN_TRY(expr, ParseSubscript(std::move(expr)));
    } else if (IsOperator("(")) {
      TERN_TRY(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> Parser::ParseFilters(ExprPtr expr) {
  while (true) {
    if (IsOperator("|")) {
      TERN_TRY(expr, ParseFilterChain(std::move(expr)));
    } else if (IsName("is")) {
      TERN_TRY(expr, ParseTest(std::move(expr)));
    } else if (IsOperator("(")) {
      TERN_TRY(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> Parser::ParseFilterChain(ExprPtr input) {
  while (SkipOperator("|")) {
    TERN_TRY(input, ParseFilter(std::move(input)));
  }
  return input;
}

Result<std::string> Parser::ParseDottedName() {
  TERN_TRY(std::string name, ExpectName());
  while (SkipOperator(".")) {
    TERN_TRY(const std::string part, ExpectName());
    name += '.' + part;
  }
  return name;
}

Result<ExprPtr> Parser::ParseFilter(ExprPtr input) {
  const Place place = current().place;
  FilterExpr filter;
  TERN_TRY(filter.name, ParseDottedName());
  filter.function = FindFilter(filter.name);
  if (!filter.function) NoteUnknown(fmt::format("No filter named '{}'.", filter.name), place);
  if (IsOperator("(")) {
    TERN_TRY(filter.arguments, ParseArguments());
  }
  const int depth = std::max(DepthOf(input), DepthOf(filter.arguments));
  filter.input = std::move(input);
  return Make(place, depth, std::move(filter));
}

Result<ExprPtr> Parser::ParseTest(ExprPtr input) {
  const Place place = Next().place;
  const bool negated = SkipName("not");
  TestExpr test;
  TERN_TRY(test.name, ParseDottedName());
  test.function = FindTest(test.name);
  if (!test.function) NoteUnknown(fmt::format("No test named '{}'.", test.name), place);
  const TokenKind kind = current().kind;
  if (IsOperator("(")) {
    TERN_TRY(test.arguments, ParseArguments());
  } else if (kind == TokenKind::kString || kind == TokenKind::kInteger || kind == TokenKind::kFloat ||
             IsOperator("[") || IsOperator("{") ||
             (kind == TokenKind::kName && !IsName("else") && !IsName("or") && !IsName("and"))) {
    if (IsName("is")) return Fail("You cannot chain multiple tests with is");
    TERN_TRY(ExprPtr argument, ParsePrimary());
    TERN_TRY(argument, ParsePostfix(std::move(argument)));
    test.arguments.positional.push_back(std::move(argument));
  }
  const int depth = std::max(DepthOf(input), DepthOf(test.arguments));
  test.input = std::move(input);
  TERN_TRY(ExprPtr expr, Make(place, depth, std::move(test)));
  if (!negated) return expr;
  return Make(place, depth + 1, UnaryExpr{UnaryOp::kNot, std::move(expr)});
}

Result<ExprPtr> Parser::ParseCall(ExprPtr callee) {
  const Place place = current().place;
  TERN_TRY(CallArguments arguments, ParseArguments());
  const int depth = std::max(DepthOf(callee), DepthOf(arguments));
  return Make(place, depth, CallExpr{std::move(callee), std::move(arguments)});
}

Result<CallArguments> Parser::ParseArguments() {
  TERN_TRY_STATUS(ExpectOperator("("));
  CallArguments arguments;
  bool first = true;
  while (!IsOperator(")")) {
    if (!first) {
      TERN_TRY_STATUS(ExpectOperator(","));
      if (IsOperator(")")) break;
    }
    first = false;
    TERN_TRY_STATUS(ParseArgument(&arguments));
  }
  TERN_TRY_STATUS(ExpectOperator(")"));
  return arguments;
}

Status Parser::ParseArgument(CallArguments* arguments) {
  const Error misplaced = Fail("invalid syntax for function call expression");
  if (SkipOperator("*")) {
    if (arguments->star || arguments->double_star) return misplaced;
    TERN_TRY(arguments->star, ParseExpression());
    return {};
  }
  if (SkipOperator("**")) {
    if (arguments->double_star) return misplaced;
    TERN_TRY(arguments->double_star, ParseExpression());
    return {};
  }
  const bool is_named =
      current().kind == TokenKind::kName && ahead().kind == TokenKind::kOperator && ahead().text == "=";
  if (arguments->double_star) return misplaced;
  if (!is_named) {
    if (arguments->star || !arguments->named.empty()) return misplaced;
    TERN_TRY(ExprPtr value, ParseExpression());
    arguments->positional.push_back(std::move(value));
    return {};
  }
  std::string name = Next().text;
  if (arguments->named.size() >= kMaxNamedArguments) return Fail("too many keyword arguments");
  for (const auto& [other, unused] : arguments->named) {
    if (other == name) return Fail(fmt::format("keyword argument repeated: {}", name));
  }
  Next();
  TERN_TRY(ExprPtr value, ParseExpression());
  arguments->named.emplace_back(std::move(name), std::move(value));
  return {};
}

Result<ExprPtr> Parser::ParseDot(ExprPtr object) {
  const Place place = Next().place;
  const int depth = DepthOf(object);
  const Token name = Next();
  if (name.kind == TokenKind::kName) return Make(place, depth, AttributeExpr{std::move(object), name.text});
  if (name.kind != TokenKind::kInteger) return Fail("expected name or number", name.place);
  TERN_TRY(ExprPtr index, Make(place, 0, ConstExpr{Value(name.integer)}));
  return Make(place, depth, SubscriptExpr{std::move(object), std::move(index)});
}

Result<ExprPtr> Parser::ParseSubscript(ExprPtr object) {
  const Place place = Next().place;
  SliceExpr slice;
  ExprPtr index;
  if (!IsOperator(":")) {
    TERN_TRY(index, ParseTuple(true, false));
  }
  if (!IsOperator(":")) {
    TERN_TRY_STATUS(ExpectOperator("]"));
    const int depth = std::max(DepthOf(object), DepthOf(index));
    return Make(place, depth, SubscriptExpr{std::move(object), std::move(index)});
  }
  slice.start = std::move(index);
  Next();
  if (!IsOperator(":") && !IsOperator("]")) {
    TERN_TRY(slice.stop, ParseExpression());
  }
  if (SkipOperator(":") && !IsOperator("]")) {
    TERN_TRY(slice.step, ParseExpression());
  }
  TERN_TRY_STATUS(ExpectOperator("]"));
  const int depth =
      std::max({DepthOf(object), DepthOf(slice.start), DepthOf(slice.stop), DepthOf(slice.step)});
  slice.object = std::move(object);
  return Make(place, depth, std::move(slice));
}

Result<ExprPtr> Parser::ParsePrimary() {
  const Token& token = current();
  switch (token.kind) {
    case TokenKind::kName:
      return ParseNameOrConstant();
    case TokenKind::kString:
      return ParseString();
    case TokenKind::kInteger:
      return Make(token.place, 0, ConstExpr{Value(Next().integer)});
    case TokenKind::kFloat:
      return Make(token.place, 0, ConstExpr{Value(Next().real)});
    default:
      break;
  }
  if (SkipOperator("(")) {
    TERN_TRY(ExprPtr expr, ParseTuple(true, true));
    TERN_TRY_STATUS(ExpectOperator(")"));
    return expr;
  }
  if (IsOperator("[")) return ParseList();
  if (IsOperator("{")) return ParseDict();
  return Fail(fmt::format("unexpected {}", Describe(token)));
}

Result<ExprPtr> Parser::ParseNameOrConstant() {
  Token token = Next();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return Make(token.place, 0, ConstExpr{Value(true)});
  if (name == "false" || name == "False") return Make(token.place, 0, ConstExpr{Value(false)});
  if (name == "none" || name == "None") return Make(token.place, 0, ConstExpr{Value::None()});
  for (Macro* macro : macros_) {
    macro->takes_varargs |= name == "varargs";
    macro->takes_kwargs |= name == "kwargs";
    macro->takes_caller |= name == "caller";
  }
  for (ForLoop* loop : for_loops_) loop->uses_loop |= name == "loop";
  return Make(token.place, 0, NameExpr{std::move(token.text)});
}

Result<ExprPtr> Parser::ParseString() {
  const Place place = current().place;
  std::string text;
  while (current().kind == TokenKind::kString) text += Next().text;
  return Make(place, 0, ConstExpr{heap_->NewText(std::move(text), true)});
}

Result<ExprPtr> Parser::ParseList() {
  const Place place = Next().place;
  ListExpr list;
  while (!IsOperator("]")) {
    if (!list.items.empty()) {
      TERN_TRY_STATUS(ExpectOperator(","));
      if (IsOperator("]")) break;
    }
    TERN_TRY(ExprPtr item, ParseExpression());
    list.items.push_back(std::move(item));
  }
  Next();
  const int depth = DepthOf(list.items);
  return Make(place, depth, std::move(list));
}

Result<ExprPtr> Parser::ParseDict() {
  const Place place = Next().place;
  DictExpr dict;
  int depth = 0;
  while (!IsOperator("}")) {
    if (!dict.items.empty()) {
      TERN_TRY_STATUS(ExpectOperator(","));
      if (IsOperator("}")) break;
    }
    TERN_TRY(ExprPtr key, ParseExpression());
    TERN_TRY_STATUS(ExpectOperator(":"));
    TERN_TRY(ExprPtr value, ParseExpression());
    depth = std::max({depth, DepthOf(key), DepthOf(value)});
    dict.items.emplace_back(std::move(key), std::move(value));
  }
  Next();
  return Make(place, depth, std::move(dict));
}

void Parser::NoteUnknown(std::string what, Place place) {
  if (!soft_) unknown_.push_back(Fail(what, place));
}

bool Parser::IsTupleEnd(std::string_view end_name) const {
  return current().kind == TokenKind::kPrintEnd || current().kind == TokenKind::kBlockEnd ||
         IsOperator(")") || IsOperator("]") || (!end_name.empty() && IsName(end_name));
}

Result<ExprPtr> Parser::ParseTuple(bool with_conditional, bool in_parentheses, std::string_view end_name) {
  const Place place = current().place;
  ExprList items;
  bool comma = false;
  while (!IsTupleEnd(end_name)) {
    TERN_TRY(ExprPtr item, ParseExpression(with_conditional));
    items.push_back(std::move(item));
    comma = SkipOperator(",");
    if (!comma) break;
  }
  if (items.size() == 1 && !comma) return std::move(items[0]);
  if (items.empty() && !in_parentheses) {
    return Fail(fmt::format("Expected an expression, got {}", Describe(current())));
  }
  const int depth = DepthOf(items);
  return Make(place, depth, TupleExpr{std::move(items)});
}

}  // namespace tern::jinja
