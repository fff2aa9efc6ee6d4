// GBNF, llama.cpp's notation:
//
//   root ::= "yes" | "no" ( " " word )*     # the whole text
//   word ::= [a-z]{1,12} | "\u00e4"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "base/utf8.h"
#include "text/grammar/grammar.h"
#include "text/grammar/regex_class.h"
#include "text/utf8.h"

namespace tern {
namespace {

using grammar::CharSet;
using grammar::ExprId;
using grammar::kMostGroupDepth;
using grammar::kMostRepeats;
using grammar::kUnbounded;
using grammar::PatternText;
using grammar::RuleId;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class GbnfReader {
 public:
  GbnfReader(std::string_view source, grammar::Expressions* x) : in_(source), x_(*x) {}

  Result<RuleId> Read() {
    if (!IsUtf8(in_.text)) return BadInput("byte 0: not valid UTF-8");
    for (SkipSpace(true); !in_.done(); SkipSpace(true)) {
      TERN_TRY_STATUS(ReadRule());
      if (x_.exhausted()) return RuleId{0};  // said by Compile
    }
    for (const auto& [name, rule] : rules_) {
      if (!rule.is_defined)
        return BadInput(fmt::format("byte {}: {}: there is no such rule", rule.used_at, name));
    }
    const auto root = rules_.find("root");
    if (root == rules_.end())
      return BadInput("root: there is no such rule, expected one that is the whole text");
    return root->second.id;
  }

 private:
  static constexpr size_t kStepsPerPart = 16;
  struct Named {
    RuleId id;
    size_t used_at;
    bool is_defined = false;
  };
  struct Group {
    std::vector<ExprId> alternatives, sequence;
    bool can_repeat = false;
  };

  void SkipSpace(bool lines_too) {
    while (!in_.done()) {
      const char c = in_.text[in_.at];
      if (c == '#') {
        in_.at = std::min(in_.text.find('\n', in_.at), in_.text.size());
      } else if (c == ' ' || c == '\t' || (lines_too && (c == '\r' || c == '\n'))) {
        ++in_.at;
      } else {
        return;
      }
    }
  }
  std::string_view Name() {
    const size_t begin = in_.at;
    while (!in_.done() && IsNameCharacter(in_.text[in_.at])) ++in_.at;
    return in_.text.substr(begin, in_.at - begin);
  }
  Named& RuleOf(std::string_view name) {
    auto at = rules_.find(name);
    if (at == rules_.end()) at = rules_.emplace(name, Named{x_.NewRule(name), in_.at}).first;
    return at->second;
  }

  Status ReadRule() {
    const std::string_view name = Name();
    if (name.empty()) return in_.Bad("expected a rule's name");
    SkipSpace(false);
    if (!in_.Skip("::=")) return in_.Bad(fmt::format("{}: expected ::= behind the name", name));
    if (RuleOf(name).is_defined) return in_.Bad(fmt::format("{}: is defined twice", name));
    RuleOf(name).is_defined = true;
    groups_.assign(1, {});
    for (SkipSpace(true); !AtEndOfRule(); SkipSpace(groups_.size() > 1)) {
      TERN_TRY_STATUS(ReadOne());
      if (x_.exhausted(kStepsPerPart)) return {};
    }
    if (groups_.size() > 1) return in_.Bad(fmt::format("{}: a ( without its )", name));
    x_.Define(RuleOf(name).id, EndGroup());
    return {};
  }

  // At a line's end the rule ends, unless the next line goes on with another alternative.
  bool AtEndOfRule() {
    if (in_.done()) return true;
    const char c = in_.text[in_.at];
    if (c != '\r' && c != '\n') return false;
    SkipSpace(true);
    return in_.done() || in_.text[in_.at] != '|';
  }

  Status ReadOne() {
    const char c = in_.text[in_.at];
    Group& group = groups_.back();
    switch (c) {
      case '"':
        return ReadLiteral();
      case '[': {
        TERN_TRY(const CharSet set, grammar::ReadBracketClass(&in_, &x_));
        return Add(x_.Class(set));
      }
      case '.':
        ++in_.at;
        return Add(x_.Class(CharSet::All()));
      case '(':
        ++in_.at;
        if (groups_.size() > kMostGroupDepth)
          return in_.Bad(fmt::format("more than {} groups in groups", kMostGroupDepth));
        groups_.emplace_back();
        return {};
      case ')': {
        if (groups_.size() == 1) return in_.Bad("a ) without its (");
        ++in_.at;
        const ExprId whole = EndGroup();
        groups_.pop_back();
        return Add(whole);
      }
      case '|':
        ++in_.at;
        group.alternatives.push_back(x_.Sequence(group.sequence));
        group.sequence.clear();
        group.can_repeat = false;
        SkipSpace(true);
        return {};
      case '*':
      case '+':
      case '?':
      case '{':
        return Repeat();
      default:
        break;
    }
    if (c == '<' || c == '!') return in_.NotSupported("a token's name");
    const std::string_view name = Name();
    if (name.empty()) return in_.Bad("expected a literal, a class, a group or a rule's name");
    return Add(x_.Rule(RuleOf(name).id));
  }

  Status Add(ExprId part) {
    groups_.back().sequence.push_back(part);
    groups_.back().can_repeat = true;
    return {};
  }
  ExprId EndGroup() {
    Group& group = groups_.back();
    group.alternatives.push_back(x_.Sequence(group.sequence));
    return x_.Choice(group.alternatives);
  }

  Status ReadLiteral() {
    std::string bytes;
    for (++in_.at; !in_.Skip("\"");) {
      if (in_.done()) return in_.Bad("a \" without its end");
      char32_t c = 0;
      if (in_.text[in_.at] == '\\') {
        TERN_TRY(const CharSet set, grammar::ReadEscape(&in_, true));
        if (set.ranges().size() != 1 || set.ranges()[0].first != set.ranges()[0].last) {
          return in_.Bad("an escape that is no single character");
        }
        c = set.ranges()[0].first;
      } else {
        c = in_.Character();
      }
      AppendUtf8(c, &bytes);
    }
    return Add(x_.Literal(bytes));
  }

  Status Repeat() {
    const char c = in_.text[in_.at++];
    uint64_t min = c == '+', max = c == '?' ? 1 : kUnbounded;
    if (c == '{') {
      const auto low = in_.Number();
      const bool comma = in_.Skip(",");
      const auto high = comma ? in_.Number() : low;
      if ((!low && !high) || !in_.Skip("}")) return in_.Bad("expected {m}, {m,}, {,n} or {m,n}");
      min = low.value_or(0);
      max = high.value_or(kUnbounded);
      if (min > kMostRepeats || (high && max > kMostRepeats)) {
        return in_.NotSupported(fmt::format("more than {} repetitions", kMostRepeats));
      }
      if (min > max) return in_.Bad(fmt::format("at least {} and at most {} repetitions", min, max));
    }
    Group& group = groups_.back();
    if (!group.can_repeat) return in_.Bad("nothing to repeat");
    ExprId& last = group.sequence.back();
    last = x_.Repeat(last, static_cast<uint32_t>(min), static_cast<uint32_t>(max));
    return {};
  }

  PatternText in_;
  grammar::Expressions& x_;
  std::map<std::string, Named, std::less<>> rules_;
  std::vector<Group> groups_;
};

Result<RuleId> Read(std::string_view source, grammar::Expressions* x) {
  auto root = GbnfReader(source, x).Read();
  if (!root.ok()) return Error{root.error().code, "gbnf: " + root.error().what};
  return root;
}

}  // namespace

extern const GrammarFormDesc k_grammarform_gbnf;
const GrammarFormDesc k_grammarform_gbnf = {
    .name = "gbnf",
    .summary = "text of a grammar in GBNF",
    .read = Read,
};

}  // namespace tern
