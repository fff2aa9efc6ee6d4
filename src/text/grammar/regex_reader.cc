#include "text/grammar/regex_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/utf8.h"
#include "text/grammar/regex_class.h"
#include "text/utf8.h"

namespace tern::grammar {
namespace {

class RegexReader {
 public:
  RegexReader(std::string_view pattern, RegexReading reading, Expressions* expressions)
      : in_(pattern), reading_(reading), x_(*expressions), groups_(1) {}

  Result<ExprId> Read() {
    if (!IsUtf8(in_.text)) return BadInput("byte 0: not valid UTF-8");
    while (!in_.done()) {
      TERN_TRY_STATUS(ReadOne());
      if (x_.exhausted(kStepsPerPart)) return x_.Never();  // said by Compile
    }
    if (groups_.size() > 1) return in_.Bad(fmt::format("group of byte {} has no )", groups_.back().begin));
    EndAlternative();
    return x_.Choice(groups_[0].alternatives);
  }

 private:
  static constexpr size_t kStepsPerPart = 16;
  struct Group {
    size_t begin = 0;
    std::vector<ExprId> alternatives, sequence;
    bool from_start = false, to_end = false;  // anchored
    bool can_repeat = false;                  // the last part of the sequence is an atom
    bool has_only_looks = true;               // so far, in this alternative
    bool is_look = false, is_negative = false;
    bool is_at_start = false;  // of the text, where it is a look
  };
  Group& group() { return groups_.back(); }

  Status ReadOne() {
    const char c = in_.text[in_.at];
    switch (c) {
      case '(':
        return Open();
      case ')':
        return Close();
      case '|':
        ++in_.at;
        EndAlternative();
        return {};
      case '^':
        ++in_.at;
        return Anchor(true);
      case '$':
        ++in_.at;
        return Anchor(false);
      case '*':
      case '+':
      case '?':
      case '{':
        return Quantify();
      default:
        return Atom();
    }
  }

  Status Open() {
    const size_t begin = in_.at++;
    if (groups_.size() > kMostGroupDepth)
      return in_.Bad(fmt::format("more than {} groups in groups", kMostGroupDepth));
    if (in_.Skip("?")) {
      for (const std::string_view look : {"=", "!", "<=", "<!"}) {
        if (in_.Skip(look)) return OpenLook(look, begin);
      }
      if (in_.Skip("P<") || in_.Skip("<")) {
        const size_t end = in_.text.find('>', in_.at);
        if (end == in_.text.npos) return in_.Bad("a group's name has no >");
        in_.at = end + 1;
      } else if (in_.Skip("P=")) {
        return in_.NotSupported("back-reference (?P=...)");
      } else if (!in_.Skip(":")) {
        return in_.NotSupported(fmt::format("group (?{}", in_.text.substr(in_.at, 1)));
      }
    }
    groups_.emplace_back().begin = begin;
    return {};
  }

  Status OpenLook(std::string_view look, size_t begin) {
    const bool is_inside = std::ranges::any_of(groups_, [](const Group& g) { return g.is_look; });
    if (reading_.looks_ahead == nullptr || look.starts_with('<') || is_inside)
      return in_.NotSupported(fmt::format("look-around (?{}...)", look));
    *reading_.looks_ahead = true;
    const bool is_at_start = groups_.size() == 1 && group().from_start && group().has_only_looks;
    Group& g = groups_.emplace_back();
    g.begin = begin;
    g.is_look = true;
    g.is_negative = look == "!";
    g.is_at_start = is_at_start;
    return {};
  }

  Status Close() {
    if (groups_.size() == 1) return in_.Bad("a ) without its (");
    ++in_.at;
    EndAlternative();
    const Group closed = std::move(group());
    groups_.pop_back();
    const ExprId whole = x_.Choice(closed.alternatives);
    if (!closed.is_look) return Add(whole);
    if (group().to_end) return in_.NotSupported("$ in front of other parts");
    group().sequence.push_back(x_.Look(whole, closed.is_negative));
    group().can_repeat = false;
    return {};
  }

  Status Add(ExprId atom) {
    if (group().to_end) return in_.NotSupported("$ in front of other parts");
    group().sequence.push_back(atom);
    group().can_repeat = true;
    group().has_only_looks = false;
    return {};
  }

  void EndAlternative() {
    Group& g = group();
    std::vector<ExprId> parts;
    const bool is_search = reading_.is_search && groups_.size() == 1;
    if (is_search && !g.from_start) parts.push_back(Anything());
    parts.insert(parts.end(), g.sequence.begin(), g.sequence.end());
    if ((is_search || g.is_look) && !g.to_end) parts.push_back(Anything());
    g.alternatives.push_back(x_.Sequence(parts));
    g.sequence.clear();
    g.from_start = g.to_end = g.can_repeat = false;
    g.has_only_looks = true;
  }
  ExprId Anything() { return x_.Repeat(x_.Class(CharSet::All()), 0, kUnbounded); }

  // Only around whole alternatives, where it is known what an anchor means.
  Status Anchor(bool is_start) {
    Group& g = group();
    if (is_start && !g.sequence.empty()) return in_.NotSupported("^ behind other parts");
    // What a look asks for ends where the text does, or anywhere.
    if (groups_.size() > 1 && !(is_start ? g.is_at_start : g.is_look))
      return in_.NotSupported("an anchor inside a group");
    (is_start ? g.from_start : g.to_end) = true;
    g.can_repeat = false;
    return {};
  }

  Status Quantify() {
    uint32_t min = 0, max = kUnbounded;
    const char c = in_.text[in_.at];
    if (c == '{') {
      const size_t begin = in_.at;
      TERN_TRY(const bool is_count, ReadCount(&min, &max));
      if (!is_count) {
        in_.at = begin;
        return Atom();
      }
    } else {
      ++in_.at;
      min = c == '+';
      if (c == '?') max = 1;
    }
    if (!group().can_repeat) return in_.Bad("nothing to repeat");
    if (in_.Skip("+")) return in_.NotSupported("possessive repetition");
    in_.Skip("?");  // which reading is tried first does not matter for the whole text
    ExprId& last = group().sequence.back();
    last = x_.Repeat(last, min, max);
    group().can_repeat = false;
    return {};
  }

  // "{2}", "{2,}", "{,3}", "{2,3}"; false: the brace is an ordinary character.
  Result<bool> ReadCount(uint32_t* min, uint32_t* max) {
    ++in_.at;
    const std::optional<uint64_t> low = in_.Number();
    std::optional<uint64_t> high = low;
    const bool comma = in_.Skip(",");
    if (comma) high = in_.Number();
    if ((!low && !high) || !in_.Skip("}")) return false;
    for (const auto& bound : {low, high}) {
      if (bound.value_or(0) > kMostRepeats) {
        return in_.NotSupported(fmt::format("more than {} repetitions", kMostRepeats));
      }
    }
    *min = static_cast<uint32_t>(low.value_or(0));
    *max = high ? static_cast<uint32_t>(*high) : kUnbounded;
    if (*min > *max) return in_.Bad(fmt::format("at least {} and at most {} repetitions", *min, *max));
    return true;
  }

  Status Atom() {
    const char c = in_.text[in_.at];
    if (c == '.') {
      ++in_.at;
      CharSet ends = CharSet::Of("\n");
      if (reading_.is_ecmascript) ends.Add(CharSet{{'\r', '\r'}, {0x2028, 0x2029}});
      return Add(x_.Class(ends.Negated()));
    }
    if (c == '[') {
      TERN_TRY(const CharSet set, ReadBracketClass(&in_, &x_));
      return Add(x_.Class(set));
    }
    if (c == '\\') {
      if (in_.Skip("\\A")) return Anchor(true);
      if (in_.Skip("\\Z") || in_.Skip("\\z")) return Anchor(false);
      TERN_TRY(const CharSet set, ReadEscape(&in_, /*in_class=*/false));
      return Add(x_.Class(set));
    }
    const char32_t character = in_.Character();
    return Add(x_.Class(CharSet{{character, character}}));
  }

  PatternText in_;
  const RegexReading reading_;
  Expressions& x_;
  std::vector<Group> groups_;
};

}  // namespace

Result<ExprId> ReadRegex(std::string_view pattern, RegexReading reading, Expressions* expressions) {
  return RegexReader(pattern, reading, expressions).Read();
}

}  // namespace tern::grammar
