#pragma once
// Parser: tokens to the tree of ast.h, with Jinja's grammar and Transformers' extensions (break, continue,
// {% generation %}). Every descent is counted: nesting beyond kMaxNesting, in the source or in the tree, is
// an error. Tags that would reach outside the template (include, import, from, extends, block) are errors.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/jinja/ast.h"
#include "text/jinja/heap.h"
#include "text/jinja/lexer.h"

namespace tern::jinja {

class Parser {
 public:
  // Values of literals go to `heap`, which must outlive the result.
  Parser(std::vector<Token> tokens, Heap* heap) : tokens_(std::move(tokens)), heap_(heap) {}
  // An error starts with "line N, column N: ".
  Result<Template> Run();

  static constexpr int kMaxNesting = 200;
  static constexpr size_t kMaxNamedArguments = 1000;  // of a call or a macro

 private:
  class Nested;  // one level of nesting while it lives
  using Names = std::initializer_list<std::string_view>;

  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token Next() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }
  bool IsOperator(std::string_view op) const;
  bool IsName(std::string_view name) const;
  bool SkipOperator(std::string_view op);
  bool SkipName(std::string_view name);
  Status ExpectOperator(std::string_view op);
  Status Expect(TokenKind kind, std::string_view what);
  Result<std::string> ExpectName();
  Error Fail(std::string_view what) const;  // at the current token
  static Error Fail(std::string_view what, Place place);
  Status CheckNesting() const;

  // A node whose subtrees are at most `depth` deep.
  template <class Node>
  Result<ExprPtr> Make(Place place, int depth, Node node);
  static int DepthOf(const ExprPtr& expr) { return expr ? expr->depth : 0; }
  static int DepthOf(const ExprList& list);
  static int DepthOf(const CallArguments& arguments);

  // parse_expressions.cc, loosest binding first.
  Result<ExprPtr> ParseExpression(bool with_conditional = true);
  Result<ExprPtr> ParseOr();
  Result<ExprPtr> ParseAnd();
  Result<ExprPtr> ParseNot();
  Result<ExprPtr> ParseCompare();
  Result<ExprPtr> ParseSum();
  Result<ExprPtr> ParseConcat();
  Result<ExprPtr> ParseProduct();
  Result<ExprPtr> ParsePower();
  Result<ExprPtr> ParseUnary(bool with_filter = true);
  Result<ExprPtr> ParsePostfix(ExprPtr expr);
  Result<ExprPtr> ParseFilters(ExprPtr expr);
  Result<ExprPtr> ParseFilterChain(ExprPtr input);
  Result<ExprPtr> ParseFilter(ExprPtr input);
  Result<ExprPtr> ParseTest(ExprPtr input);
  Result<ExprPtr> ParseCall(ExprPtr callee);
  Result<ExprPtr> ParseDot(ExprPtr object);
  Result<ExprPtr> ParseSubscript(ExprPtr object);
  Result<ExprPtr> ParsePrimary();
  Result<ExprPtr> ParseNameOrConstant();
  Result<ExprPtr> ParseString();
  Result<ExprPtr> ParseList();
  Result<ExprPtr> ParseDict();
  // A tuple, or one expression where no comma follows.
  Result<ExprPtr> ParseTuple(bool with_conditional, bool in_parentheses, std::string_view end_name = "");
  bool IsTupleEnd(std::string_view end_name) const;
  Result<CallArguments> ParseArguments();
  Status ParseArgument(CallArguments* arguments);
  Result<std::string> ParseDottedName();
  void NoteUnknown(std::string what, Place place);

  // parse_statements.cc
  Result<Block> ParseBlock(Names end_tags);   // up to one of the tags, whose name is then current
  Result<Block> ParseBranch(Names end_tags);  // the end of the opening tag, then ParseBlock
  Result<Body> ParseBody(Names end_tags);     // the same, as a scope of its own
  Status EndOfInput(Names end_tags) const;
  Result<std::unique_ptr<Statement>> ParseStatement();
  Result<std::unique_ptr<Statement>> ParseTag(const std::string& name);
  Status ParseIf(IfNode* node);
  Status ParseFor(ForLoop* node);
  Status ParseMacro(MacroNode* node);
  Status ParseCallBlock(CallBlockNode* node);
  Status ParseFilterBlock(FilterBlockNode* node);
  Status ParseWith(WithNode* node);
  Status ParseGeneration(GenerationNode* node);
  Result<PrintNode> ParsePrint();
  Result<std::unique_ptr<Statement>> ParseSet(Place place);
  Result<std::unique_ptr<Statement>> ParseLoopControl(const std::string& name, Place place);
  Status ParseSignature(Macro* macro);
  Status ParseMacroBody(Macro* macro, std::string_view end_tag);
  Result<Target> ParseTarget(bool with_attribute, std::string_view end_name = "");
  Result<Target> ParseOneTarget(bool with_attribute);
  Error UnknownTag(const std::string& name) const;

  std::vector<Token> tokens_;
  Heap* heap_;
  size_t at_ = 0;
  int nesting_ = 0;
  int loops_ = 0;      // open loops that break and continue can reach
  bool soft_ = false;  // in a branch of `if`
  // Unknown filters and tests are errors, but in a branch only when they run.
  std::vector<Error> unknown_;
  std::vector<Macro*> macros_;       // being parsed, innermost last
  std::vector<ForLoop*> for_loops_;  // whose bodies are being parsed
  std::vector<std::string> open_tags_;
};

class Parser::Nested {
 public:
  explicit Nested(Parser* parser) : parser_(parser) { ++parser_->nesting_; }
  ~Nested() { --parser_->nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  Parser* parser_;
};

template <class Node>
Result<ExprPtr> Parser::Make(Place place, int depth, Node node) {
  if (depth >= kMaxNesting) return Fail("expression nested too deeply", place);
  auto expr = std::make_unique<Expr>();
  expr->place = place;
  expr->depth = depth + 1;
  expr->node = std::move(node);
  return expr;
}

}  // namespace tern::jinja
