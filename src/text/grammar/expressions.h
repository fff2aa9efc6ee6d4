#pragma once
// Expressions: a context-free grammar as rules whose bodies are trees of expressions over characters. All
// front ends (JSON schema, regular expressions, GBNF, ...) build one of these, and Compile (automaton.h)
// makes an automaton of it.
//
// An expression is a number; it is made after its parts, so a part has a smaller number and every walk over
// them is a loop. Not thread-safe.

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/char_set.h"
#include "text/grammar/deadline.h"

namespace tern::grammar {

using ExprId = uint32_t;
using RuleId = uint32_t;
inline constexpr uint32_t kUnbounded = std::numeric_limits<uint32_t>::max();

// What a grammar may cost to compile.
struct Budget {
  size_t expressions = 400'000;  // nodes and their parts
  size_t literal_bytes = size_t{4} << 20;
  size_t states = 300'000;  // of the automaton, and edges twice as many
  int milliseconds = 250;   // of processor time, reading included
};

// That there was no time to compile it.
Error LateError(const Budget& budget);

enum class ExprKind : uint8_t {
  kNever,
  kLiteral,
  kClass,
  kSequence,
  kChoice,
  kRepeat,
  kRule,
  kMembers,
  kGraph,
  kLook  // of patterns only, until they are a Dfa
};

struct Expr {
  ExprKind kind;
  uint32_t first = 0, count = 0;  // kLiteral: bytes; kClass: the set; kRule: the rule; others: parts
  uint32_t min = 0, max = 0;      // kRepeat; kGraph: its shape; kLook: min 1: must not follow
};

// One of a list's members: see Members.
struct Member {
  ExprId expr;
  bool required;
};

// An expression that leads from one place of a graph to another.
struct GraphEdge {
  uint32_t from, to;
  ExprId expr;
};

class Expressions {
 public:
  explicit Expressions(const Budget& budget = {}) : Expressions(budget, Deadline(budget.milliseconds)) {}
  Expressions(const Budget& budget, const Deadline& deadline) : budget_(budget), deadline_(deadline) {}

  ExprId Never();  // matches nothing
  ExprId Empty() { return Literal(""); }
  ExprId Literal(std::string_view bytes);
  ExprId Class(CharSet set);
  ExprId Sequence(std::span<const ExprId> parts);
  ExprId Sequence(std::initializer_list<ExprId> parts) { return Sequence({parts.begin(), parts.size()}); }
  ExprId Choice(std::span<const ExprId> parts);
  ExprId Choice(std::initializer_list<ExprId> parts) { return Choice({parts.begin(), parts.size()}); }
  ExprId Repeat(ExprId part, uint32_t min, uint32_t max);
  ExprId Optional(ExprId part) { return Repeat(part, 0, 1); }
  ExprId Rule(RuleId rule);
  // Members in this order, those not required may be missing, with `separator` between those that are there;
  // then any number of `extra` in the same way.
  ExprId Members(std::span<const Member> members, ExprId separator, ExprId extra);

  // What lies on a way from place 0 to one of `ends`.
  ExprId Graph(uint32_t places, std::span<const GraphEdge> edges, std::span<const uint32_t> ends);
  // Matches nothing where `part` follows, or does not.
  ExprId Look(ExprId part, bool is_negative);

  RuleId NewRule(std::string_view name);
  void Define(RuleId rule, ExprId body) { rules_[rule].body = body; }

  // Set once the budget is used up: what was built since is worth nothing. Compile says so; readers look at
  // it in loops that go on without building anything, and count there what they do.
  bool exhausted(size_t steps = 0) {
    if (deadline_.IsOver(steps)) exhausted_ = true;
    return exhausted_;
  }
  Status status();
  const Budget& budget() const { return budget_; }
  Deadline& deadline() { return deadline_; }

  const Expr& operator[](ExprId id) const { return exprs_[id]; }
  size_t size() const { return exprs_.size(); }
  std::span<const ExprId> parts(const Expr& e) const { return std::span(parts_).subspan(e.first, e.count); }
  std::string_view literal(const Expr& e) const { return std::string_view(bytes_).substr(e.first, e.count); }
  const CharSet& set(const Expr& e) const { return sets_[e.first]; }
  size_t rule_count() const { return rules_.size(); }
  const std::string& rule_name(RuleId rule) const { return rules_[rule].name; }
  ExprId rule_body(RuleId rule) const { return rules_[rule].body; }
  // kMembers: bit i of what is required.
  bool is_required(const Expr& e, size_t i) const { return required_[e.min + i]; }
  static constexpr size_t kMembersExtra = 2;  // of the parts: separator, extra, then the members
  struct GraphShape {
    uint32_t places;
    std::vector<std::pair<uint32_t, uint32_t>> edges;  // of the parts: from, to
    std::vector<uint32_t> ends;
  };
  const GraphShape& graph(const Expr& e) const { return graphs_[e.min]; }

 private:
  struct RuleBody {
    std::string name;
    ExprId body = 0;
  };
  ExprId Add(Expr e);
  bool Spend(size_t nodes);

  Budget budget_;
  Deadline deadline_;
  std::vector<Expr> exprs_ = {{ExprKind::kNever}};
  std::vector<ExprId> parts_;
  std::vector<CharSet> sets_;
  std::vector<bool> required_;
  std::vector<GraphShape> graphs_;
  std::string bytes_;
  std::vector<RuleBody> rules_;
  bool exhausted_ = false;
};

}  // namespace tern::grammar
