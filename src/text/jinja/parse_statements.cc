#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "text/jinja/parser.h"
#include "text/jinja/scoping.h"
#include "text/jinja/swapped.h"

namespace tern::jinja {
namespace {

template <class Node>
std::unique_ptr<Statement> MakeStatement(Place place, Node node) {
  auto statement = std::make_unique<Statement>();
  statement->place = place;
  statement->node = std::move(node);
  return statement;
}

// What breaks out of the template or needs more than one.
constexpr std::string_view kForbiddenTags[] = {"include", "import", "from", "extends", "block", "autoescape"};

}  // namespace

Result<Template> Parser::Run() {
  Template result;
  TERN_TRY(result.body.statements, ParseBlock({}));
  if (!unknown_.empty()) return unknown_[0];
  FindHiddenNames(&result);
  return result;
}

Result<Block> Parser::ParseBlock(Names end_tags) {
  Block block;
  while (current().kind != TokenKind::kEnd) {
    const Place place = current().place;
    if (current().kind == TokenKind::kData) {
      block.push_back(MakeStatement(place, DataNode{heap_->NewText(Next().text, true)}));
    } else if (current().kind == TokenKind::kPrintBegin) {
      Next();
      PrintNode print;
      TERN_TRY(ExprPtr value, ParseTuple(true, false));
      print.values.push_back(std::move(value));
      TERN_TRY_STATUS(Expect(TokenKind::kPrintEnd, "'}}'"));
      block.push_back(MakeStatement(place, std::move(print)));
    } else {
      Next();
      if (std::any_of(end_tags.begin(), end_tags.end(), [&](auto name) { return IsName(name); })) {
        return block;
      }
      TERN_TRY(auto statement, ParseStatement());
      block.push_back(std::move(statement));
      TERN_TRY_STATUS(Expect(TokenKind::kBlockEnd, "'%}'"));
    }
  }
  if (end_tags.size() > 0) TERN_TRY_STATUS(EndOfInput(end_tags));
  return block;
}

Status Parser::EndOfInput(Names end_tags) const {
  return Fail(fmt::format("Unexpected end of template: expected '{}'; the innermost open tag is '{}'",
                          fmt::join(end_tags, "' or '"), open_tags_.empty() ? "" : open_tags_.back()));
}

Result<Block> Parser::ParseBranch(Names end_tags) {
  SkipOperator(":");
  TERN_TRY_STATUS(Expect(TokenKind::kBlockEnd, "'%}'"));
  return ParseBlock(end_tags);
}

Result<Body> Parser::ParseBody(Names end_tags) {
  TERN_TRY(Block statements, ParseBranch(end_tags));
  return Body{std::move(statements), {}};
}

Result<std::unique_ptr<Statement>> Parser::ParseStatement() {
  const Nested nested(this);
  TERN_TRY_STATUS(CheckNesting());
  if (current().kind != TokenKind::kName) return Fail("tag name expected");
  const std::string name = current().text;
  open_tags_.push_back(name);
  auto statement = ParseTag(name);
  open_tags_.pop_back();
  return statement;
}

Result<std::unique_ptr<Statement>> Parser::ParseTag(const std::string& name) {
  const Place place = Next().place;
  const auto parse = [&]<class Node>(Status (Parser::*method)(Node*)) -> Result<std::unique_ptr<Statement>> {
    Node node;
    TERN_TRY_STATUS((this->*method)(&node));
    return MakeStatement(place, std::move(node));
  };
  if (name == "if") return parse(&Parser::ParseIf);
  if (name == "for") return parse(&Parser::ParseFor);
  if (name == "set") return ParseSet(place);
  if (name == "macro") return parse(&Parser::ParseMacro);
  if (name == "call") return parse(&Parser::ParseCallBlock);
  if (name == "filter") return parse(&Parser::ParseFilterBlock);
  if (name == "with") return parse(&Parser::ParseWith);
  if (name == "generation") return parse(&Parser::ParseGeneration);
  if (name == "break" || name == "continue") return ParseLoopControl(name, place);
  if (name == "print") {
    TERN_TRY(PrintNode print, ParsePrint());
    return MakeStatement(place, std::move(print));
  }
  return UnknownTag(name);
}

Error Parser::UnknownTag(const std::string& name) const {
  const bool forbidden = std::count(std::begin(kForbiddenTags), std::end(kForbiddenTags), name) > 0;
  if (forbidden) return Fail(fmt::format("tag '{}' is not allowed in a chat template", name));
  return Fail(fmt::format("Encountered unknown tag '{}'.", name));
}

Result<PrintNode> Parser::ParsePrint() {
  PrintNode print;
  while (current().kind != TokenKind::kBlockEnd) {
    if (!print.values.empty()) TERN_TRY_STATUS(ExpectOperator(","));
    TERN_TRY(ExprPtr value, ParseExpression());
    print.values.push_back(std::move(value));
  }
  return print;
}

Status Parser::ParseIf(IfNode* node) {
  const Swapped soft(&soft_, true);
  while (true) {
    TERN_TRY(ExprPtr test, ParseTuple(false, false));
    TERN_TRY(Block body, ParseBranch({"elif", "else", "endif"}));
    node->branches.emplace_back(std::move(test), std::move(body));
    const std::string tag = Next().text;
    if (tag == "elif") continue;
    if (tag == "else") {
      TERN_TRY(node->otherwise, ParseBranch({"endif"}));
      Next();
    }
    return {};
  }
}

Status Parser::ParseFor(ForLoop* node) {
  {
    const Swapped loops(&loops_, loops_ + 1);
    TERN_TRY(node->target, ParseTarget(false, "in"));
  }
  if (!SkipName("in")) return Fail(fmt::format("expected 'in', got {}", Describe(current())));
  TERN_TRY(node->items, ParseTuple(false, false, "recursive"));
  const Swapped soft(&soft_, false);
  if (SkipName("if")) {
    TERN_TRY(node->test, ParseExpression());
  }
  node->recursive = SkipName("recursive");
  {
    const Swapped loops(&loops_, loops_ + 1);
    for_loops_.push_back(node);
    auto body = ParseBody({"endfor", "else"});
    for_loops_.pop_back();
    if (!body.ok()) return body.error();
    node->body = std::move(body).value();
  }
  if (Next().text == "else") {
    TERN_TRY(node->otherwise, ParseBody({"endfor"}));
    Next();
  }
  return {};
}

Result<std::unique_ptr<Statement>> Parser::ParseSet(Place place) {
  TERN_TRY(Target target, ParseTarget(true));
  if (SkipOperator("=")) {
    TERN_TRY(ExprPtr value, ParseTuple(true, false));
    return MakeStatement(place, SetNode{std::move(target), std::move(value)});
  }
  SetBlockNode node{.target = std::move(target), .filter = nullptr, .body = {}};
  const Swapped soft(&soft_, false);
  TERN_TRY(node.filter, ParseFilterChain(nullptr));
  TERN_TRY(node.body, ParseBody({"endset"}));
  Next();
  return MakeStatement(place, std::move(node));
}

Result<std::unique_ptr<Statement>> Parser::ParseLoopControl(const std::string& name, Place place) {
  if (loops_ == 0) return Fail(fmt::format("'{}' outside loop", name), place);
  if (name == "break") return MakeStatement(place, BreakNode{});
  return MakeStatement(place, ContinueNode{});
}

Status Parser::ParseSignature(Macro* macro) {
  TERN_TRY_STATUS(ExpectOperator("("));
  while (!IsOperator(")")) {
    if (!macro->parameters.empty()) TERN_TRY_STATUS(ExpectOperator(","));
    TERN_TRY(std::string name, ExpectName());
    if (macro->parameters.size() >= kMaxNamedArguments) return Fail("too many parameters");
    if (std::count(macro->parameters.begin(), macro->parameters.end(), name) > 0) {
      return Fail(fmt::format("duplicate argument '{}'", name));
    }
    macro->parameters.push_back(std::move(name));
    if (SkipOperator("=")) {
      TERN_TRY(ExprPtr value, ParseExpression());
      macro->defaults.push_back(std::move(value));
    } else if (!macro->defaults.empty()) {
      return Fail("non-default argument follows default argument");
    }
  }
  return ExpectOperator(")");
}

Status Parser::ParseMacroBody(Macro* macro, std::string_view end_tag) {
  const Swapped soft(&soft_, false);
  const Swapped loops(&loops_, 0);
  macros_.push_back(macro);
  auto body = ParseBody({end_tag});
  macros_.pop_back();
  if (!body.ok()) return body.error();
  Next();
  macro->body = std::move(body).value();
  const auto is_parameter = [&](std::string_view name) {
    return std::count(macro->parameters.begin(), macro->parameters.end(), name) > 0;
  };
  macro->takes_varargs &= !is_parameter("varargs");
  macro->takes_kwargs &= !is_parameter("kwargs");
  macro->takes_caller &= !is_parameter("caller");
  return {};
}

Status Parser::ParseMacro(MacroNode* node) {
  TERN_TRY(node->macro.name, ExpectName());
  TERN_TRY_STATUS(ParseSignature(&node->macro));
  return ParseMacroBody(&node->macro, "endmacro");
}

Status Parser::ParseCallBlock(CallBlockNode* node) {
  node->body.name = "caller";
  if (IsOperator("(")) TERN_TRY_STATUS(ParseSignature(&node->body));
  const Place place = current().place;
  TERN_TRY(node->call, ParseExpression());
  if (!std::holds_alternative<CallExpr>(node->call->node)) return Fail("expected call", place);
  return ParseMacroBody(&node->body, "endcall");
}

Status Parser::ParseFilterBlock(FilterBlockNode* node) {
  const Swapped soft(&soft_, false);
  TERN_TRY(node->filter, ParseFilter(nullptr));
  TERN_TRY(node->filter, ParseFilterChain(std::move(node->filter)));
  TERN_TRY(node->body, ParseBody({"endfilter"}));
  Next();
  return {};
}

Status Parser::ParseWith(WithNode* node) {
  while (current().kind != TokenKind::kBlockEnd) {
    if (!node->bindings.empty()) TERN_TRY_STATUS(ExpectOperator(","));
    TERN_TRY(Target target, ParseTarget(false));
    TERN_TRY_STATUS(ExpectOperator("="));
    TERN_TRY(ExprPtr value, ParseExpression());
    node->bindings.emplace_back(std::move(target), std::move(value));
  }
  const Swapped soft(&soft_, false);
  TERN_TRY(node->body, ParseBody({"endwith"}));
  Next();
  return {};
}

Status Parser::ParseGeneration(GenerationNode* node) {
  const Swapped soft(&soft_, false);
  const Swapped loops(&loops_, 0);  // the body is a function of its own, as in Transformers
  TERN_TRY(node->body, ParseBody({"endgeneration"}));
  Next();
  return {};
}

Result<Target> Parser::ParseOneTarget(bool with_attribute) {
  const Nested nested(this);
  TERN_TRY_STATUS(CheckNesting());
  if (SkipOperator("(")) {
    TERN_TRY(Target inner, ParseTarget(with_attribute, ")"));
    TERN_TRY_STATUS(ExpectOperator(")"));
    return inner;
  }
  Target target;
  TERN_TRY(target.name, ExpectName());
  static constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
  if (std::count(std::begin(kConstants), std::end(kConstants), target.name) > 0) {
    return Fail(fmt::format("can't assign to '{}'", target.name));
  }
  if (loops_ > 0 && target.name == "loop") return Fail("can't assign to special loop variable in for-loop");
  if (with_attribute && SkipOperator(".")) {
    TERN_TRY(target.attribute, ExpectName());
  }
  return target;
}

Result<Target> Parser::ParseTarget(bool with_attribute, std::string_view end_name) {
  Target tuple;
  bool comma = false;
  while (!IsTupleEnd(end_name)) {
    TERN_TRY(Target item, ParseOneTarget(with_attribute));
    tuple.items.push_back(std::move(item));
    comma = SkipOperator(",");
    if (!comma) break;
  }
  if (tuple.items.empty()) return Fail(fmt::format("expected a name, got {}", Describe(current())));
  if (tuple.items.size() == 1 && !comma) return std::move(tuple.items[0]);
  tuple.is_tuple = true;
  return tuple;
}

}  // namespace tern::jinja
