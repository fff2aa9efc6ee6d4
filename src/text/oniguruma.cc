#include "text/oniguruma.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "text/utf8.h"

namespace tern {
namespace {

constexpr int kMaxClassDepth = 8;

// Members of classes, as they stand between brackets.
// PCRE2's own \s has U+180E too.
constexpr std::string_view kSpace =
    "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
// Outside a class, Oniguruma's \w has Latin-1's superscripts and fractions too.
constexpr std::string_view kBareWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe";
constexpr std::string_view kHexDigit = "0-9A-Fa-f";

constexpr std::pair<std::string_view, std::string_view> kLongNames[] = {
    {"letter", "L"},
    {"lowercaseletter", "Ll"},
    {"uppercaseletter", "Lu"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"openpunctuation", "Ps"},
    {"closepunctuation", "Pe"},
    {"initialpunctuation", "Pi"},
    {"finalpunctuation", "Pf"},
    {"otherpunctuation", "Po"},
    {"symbol", "S"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"other", "C"},
    {"control", "Cc"},
    {"format", "Cf"},
    {"unassigned", "Cn"},
    {"privateuse", "Co"},
    {"alpha", "Alphabetic"},
    {"digit", "Nd"},
    {"upper", "Uppercase"},
    {"lower", "Lowercase"},
    {"space", "White_Space"},
};

// Properties of two values that patterns may name; all other long names are scripts.
constexpr std::string_view kBinary[] = {"any",
                                        "ascii",
                                        "alphabetic",
                                        "uppercase",
                                        "lowercase",
                                        "whitespace",
                                        "emoji",
                                        "emojipresentation",
                                        "emojimodifier",
                                        "emojimodifierbase",
                                        "emojicomponent",
                                        "extendedpictographic",
                                        "ideographic",
                                        "unifiedideograph",
                                        "math",
                                        "dash",
                                        "hexdigit",
                                        "diacritic",
                                        "extender",
                                        "variationselector",
                                        "defaultignorablecodepoint",
                                        "idstart",
                                        "idcontinue",
                                        "xidstart",
                                        "xidcontinue",
                                        "regionalindicator",
                                        "joincontrol",
                                        "quotationmark",
                                        "graphemebase",
                                        "graphemeextend"};

std::string PropertyName(std::string_view name) {
  std::string plain;
  for (char c : name) {
    if (c != ' ' && c != '_' && c != '-') plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  for (const auto& [long_name, short_name] : kLongNames) {
    if (plain == long_name) return std::string(short_name);
  }
  if (plain.size() <= 2 || std::ranges::find(kBinary, plain) != std::end(kBinary)) return std::string(name);
  return fmt::format("sc:{}", name);  // without it, PCRE2 takes in what the script shares with others
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : rest_(pattern) {}

  Result<std::string> Run() {
    while (!rest_.empty()) TERN_TRY_STATUS(Step());
    return std::move(out_);
  }

 private:
  // A class, or a part of one.
  struct Set {
    std::string members;              // as they stand between brackets
    std::vector<std::string> others;  // expressions for one character each: classes that brackets cannot hold
  };

  char Peek(size_t i = 0) const { return i < rest_.size() ? rest_[i] : '\0'; }
  std::string_view Take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  Status Step() {
    switch (Peek()) {
      case '\\':
        atom_ = out_.size();
        out_ += Escape(/*in_class=*/false);
        return {};
      case '[': {
        atom_ = out_.size();
        TERN_TRY(const std::string expression, Class(0));
        out_ += expression;
        return {};
      }
      case '(':
        groups_.push_back(out_.size());
        return Open();
      case ')':
        if (!groups_.empty()) {
          atom_ = groups_.back();
          groups_.pop_back();
        }
        out_ += Take(1);
        return {};
      case '{':
        if (Interval()) return {};
        break;
      case '*':
      case '+':
      case '?':
        out_ += Take(1);
        if (Peek() == '?' || Peek() == '+') out_ += Take(1);
        return {};
      default:
        break;
    }
    atom_ = out_.size();
    out_ += Take(Utf8Size(Peek()));
    return {};
  }

  // "(", and what follows it up to the group's content.
  Status Open() {
    out_ += Take(1);
    if (Peek() != '?') return {};
    const size_t end = rest_.find_first_of(":)=!<>#'P", 1);
    if (end == rest_.npos) return BadInput("a group without an end");
    std::string flags(Take(end));
    // To Ruby, (?m) lets the dot match a newline; PCRE2 says s for that.
    std::ranges::replace(flags, 'm', 's');
    out_ += flags;
    if (Peek() == ')') return {};
    out_ += Take(1);
    return {};
  }

  // {n,m}, if that is what stands here.
  bool Interval() {
    const size_t end = rest_.find('}');
    if (end == rest_.npos || end < 2) return false;
    const std::string_view inside = rest_.substr(1, end - 1);
    if (inside.find_first_not_of("0123456789,") != inside.npos || std::ranges::count(inside, ',') > 1 ||
        inside == ",") {
      return false;
    }
    const std::string repeat = fmt::format("{{{}{}}}", inside[0] == ',' ? "0" : "", inside);
    Take(end + 1);
    out_ += repeat;
    if (Peek() == '?') {
      out_ += Take(1);
    } else if (Peek() == '+') {  // possessive to PCRE2, a repeated repeat to Ruby
      out_.insert(atom_, "(?:");
      out_ += ')';
      out_ += Take(1);
    }
    return true;
  }

  // \x and what belongs to it.
  std::string Escape(bool in_class) {
    Take(1);
    if (rest_.empty()) return "\\";
    const char c = Peek();
    if (c == 'p' || c == 'P') return Property();
    if (c == 'u') return CodePoint();
    if (const size_t braced = Braced(); braced > 0) return fmt::format("\\{}", Take(braced));
    const std::string_view taken = Take(Utf8Size(c));
    const auto set = [&](std::string_view members) {
      return in_class ? std::string(members) : fmt::format("[{}]", members);
    };
    const auto complement = [&](std::string_view members) {
      return in_class ? Complement(members) : fmt::format("[^{}]", members);
    };
    switch (c) {
      case 's':
        return set(kSpace);
      case 'S':
        return complement(kSpace);
      case 'w':
        return set(in_class ? kWord : kBareWord);
      case 'W':
        return complement(in_class ? kWord : kBareWord);
      case 'h':
        return set(kHexDigit);
      case 'H':
        return complement(kHexDigit);
      case 'b':
        if (in_class) return "\\x08";
        return fmt::format("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))", kBareWord);
      case 'B':
        if (in_class) return "B";
        return fmt::format("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))", kBareWord);
      default:
        return fmt::format("\\{}", taken);
    }
  }

  // The size of x{...}, k<...> and the like, if one stands here.
  size_t Braced() const {
    if (std::string_view("xokg").find(Peek()) == std::string_view::npos) return 0;
    if (Peek(1) != '{' && Peek(1) != '<') return 0;
    const size_t end = rest_.find(Peek(1) == '{' ? '}' : '>');
    return end == rest_.npos ? 0 : end + 1;
  }

  // The complement of `members`, to be one of a class's other expressions.
  std::string Complement(std::string_view members) {
    complements_.push_back(fmt::format("[^{}]", members));
    return "";
  }

  std::string Property() {
    std::string letter(Take(1));
    if (Peek() != '{') return "\\" + letter + std::string(Take(1));
    const size_t end = rest_.find('}');
    if (end == rest_.npos) return "\\" + letter;
    std::string_view name = Take(end + 1);
    name = name.substr(1, name.size() - 2);
    if (name.starts_with('^')) {
      name.remove_prefix(1);
      letter = letter == "p" ? "P" : "p";
    }
    return fmt::format("\\{}{{{}}}", letter, PropertyName(name));
  }

  // \u0041.
  std::string CodePoint() {
    Take(1);
    const auto is_hex = [](char c) {
      return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
    };
    if (rest_.size() < 4 || !std::ranges::all_of(rest_.substr(0, 4), is_hex)) return "u";
    return fmt::format("\\x{{{}}}", Take(4));
  }

  // A class, from "[" to "]", as an expression that matches one character.
  Result<std::string> Class(int depth) {
    if (depth > kMaxClassDepth) return BadInput("character classes are nested too deeply");
    Take(1);
    const bool negated = Peek() == '^';
    if (negated) Take(1);
    std::vector<Set> all(1);  // what && stands between
    bool first = true;
    for (; first || Peek() != ']'; first = false) {
      if (rest_.empty()) return BadInput("a character class without an end");
      if (rest_.starts_with("&&")) {
        Take(2);
        all.emplace_back();
        continue;
      }
      TERN_TRY_STATUS(Member(depth, &all.back()));
    }
    Take(1);
    return Expression(all, negated);
  }

  Status Member(int depth, Set* set) {
    if (rest_.starts_with("[:")) {
      const size_t end = rest_.find(":]");
      if (end != rest_.npos && end < 16) {
        set->members += Take(end + 2);
        return {};
      }
    }
    if (Peek() == '[') {
      auto inner = Class(depth + 1);
      if (!inner.ok()) return inner.error();
      const std::string& text = inner.value();
      // A plain class within another adds its members.
      if (text[0] == '[' && text[1] != '^') {
        set->members += text.substr(1, text.size() - 2);
      } else {
        set->others.push_back(text);
      }
      return {};
    }
    if (Peek() == '\\') {
      set->members += Escape(/*in_class=*/true);
      std::move(complements_.begin(), complements_.end(), std::back_inserter(set->others));
      complements_.clear();
      return {};
    }
    if (Peek() == ']' || Peek() == '^') set->members += '\\';
    set->members += Take(Utf8Size(Peek()));
    return {};
  }

  static std::string Union(const Set& set) {
    std::string joined = set.members.empty() ? "" : fmt::format("[{}]", set.members);
    for (const std::string& other : set.others) joined += (joined.empty() ? "" : "|") + other;
    if (joined.empty()) return "(?!)";
    return set.others.empty() ? joined : fmt::format("(?:{})", joined);
  }

  static std::string Expression(const std::vector<Set>& all, bool negated) {
    const Set& last = all.back();
    if (all.size() == 1 && last.others.empty() && !last.members.empty()) {
      return fmt::format("[{}{}]", negated ? "^" : "", last.members);
    }
    if (all.size() == 1 && last.others.size() == 1 && last.members.empty() && !negated) return last.others[0];
    std::string joined;
    for (size_t i = 0; i + 1 < all.size(); ++i) joined += fmt::format("(?={})", Union(all[i]));
    joined += Union(last);
    return negated ? fmt::format("(?:(?!{})(?s:.))", joined) : fmt::format("(?:{})", joined);
  }

  std::string_view rest_;
  std::string out_;
  size_t atom_ = 0;                       // where in out_ the last thing begins that can be repeated
  std::vector<size_t> groups_;            // where in out_ the open groups begin
  std::vector<std::string> complements_;  // of the class member that is being read
};

}  // namespace

Result<std::string> PcreFromOniguruma(std::string_view pattern) { return Translator(pattern).Run(); }

}  // namespace tern
