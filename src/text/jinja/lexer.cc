#include "text/jinja/lexer.h"

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/literals.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

bool IsNameByte(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// One kind of line break, and without the one at the very end.
std::string NormalizeLines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      out += '\n';
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)), s_(source_) {}

  Result<std::vector<Token>> Run() {
    while (pos_ < s_.size()) TERN_TRY_STATUS(Root());
    Push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  Status Fail(std::string_view what) { return At(Here(), BadInput(std::string(what))); }

  // The place of pos_. Counts on from the last one.
  Place Here() {
    for (; place_end_ < pos_; ++place_end_) {
      if (s_[place_end_] == '\n') {
        place_ = {place_.line + 1, 1};
      } else if ((static_cast<unsigned char>(s_[place_end_]) & 0xC0) != 0x80) {
        ++place_.column;
      }
    }
    return place_;
  }

  Token& Push(TokenKind kind, std::string text) {
    tokens_.push_back({.kind = kind, .place = Here(), .text = std::move(text)});
    return tokens_.back();
  }

  size_t SkipSpace(size_t at) const {
    while (at < s_.size()) {
      size_t next = at;
      if (!IsSpace(DecodeAt(s_, &next))) break;
      at = next;
    }
    return at;
  }

  bool StartsAt(size_t at, std::string_view what) const { return s_.substr(at).starts_with(what); }

  // Where a tag's end that starts at `at` ends, with what it swallows; npos if none starts there.
  size_t TagEnd(size_t at, std::string_view end, bool is_print) const {
    if (StartsAt(at, "-") && StartsAt(at + 1, end)) return SkipSpace(at + 1 + end.size());
    if (!is_print && StartsAt(at, "+") && StartsAt(at + 1, end)) return at + 1 + end.size();
    if (!StartsAt(at, end)) return std::string_view::npos;
    at += end.size();
    return !is_print && StartsAt(at, "\n") ? at + 1 : at;
  }

  // The text in front of a tag, as the tag's sign and lstrip_blocks leave it.
  std::string_view Stripped(std::string_view text, char sign, bool is_print) const {
    if (sign == '-') return StripRight(text);
    if (sign == '+' || is_print) return text;
    const size_t line_start = text.rfind('\n') + 1;  // npos + 1 is 0
    if (line_start == 0 && !line_starting_) return text;
    const std::string_view indent = text.substr(line_start);
    return !indent.empty() && StripRight(indent).empty() ? text.substr(0, line_start) : text;
  }

  static std::string_view StripRight(std::string_view text) {
    while (!text.empty()) {
      size_t at = text.size() - 1;
      while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
      size_t next = at;
      if (!IsSpace(DecodeAt(text, &next))) break;
      text = text.substr(0, at);
    }
    return text;
  }

  char SignAt(size_t at) const { return StartsAt(at, "-") || StartsAt(at, "+") ? s_[at] : '\0'; }

  void PushData(std::string_view text) {
    if (!text.empty()) Push(TokenKind::kData, std::string(text));
  }

  // Text up to the next tag, and the tag.
  Status Root() {
    size_t tag = pos_;
    do tag = s_.find('{', tag);
    while (tag != s_.npos && !StartsAt(tag, "{%") && !StartsAt(tag, "{#") && !StartsAt(tag, "{{") && ++tag);
    if (tag == s_.npos) {
      PushData(s_.substr(pos_));
      pos_ = s_.size();
      return {};
    }
    const char sign = SignAt(tag + 2);
    const char type = s_[tag + 1];
    PushData(Stripped(s_.substr(pos_, tag - pos_), sign, type == '{'));
    if (const size_t raw = type == '%' ? RawBegin(tag) : s_.npos; raw != s_.npos) return Raw(raw);
    pos_ = tag + (sign ? 3 : 2);
    if (type == '#') return Comment();
    return Tag(type == '{');
  }

  Status Comment() {
    if (pos_ == s_.size()) return {};  // as in Jinja
    const size_t end = s_.find("#}", pos_);
    if (end == s_.npos) return Fail("Missing end of comment tag");
    const size_t from = end > pos_ && SignAt(end - 1) ? end - 1 : end;
    Leave(TagEnd(from, "#}", false));
    return {};
  }

  // Where `{% raw %}` at `at` ends; npos if it is another tag.
  size_t RawBegin(size_t at) const {
    at = SkipSpace(at + 2 + (SignAt(at + 2) != 0));
    if (!StartsAt(at, "raw")) return s_.npos;
    at = SkipSpace(at + 3);
    if (StartsAt(at, "-%}")) return SkipSpace(at + 3);
    return StartsAt(at, "%}") ? at + 2 : s_.npos;
  }

  Status Raw(size_t begin) {
    pos_ = begin;
    line_starting_ = false;
    for (size_t tag = s_.find("{%", pos_); tag != s_.npos; tag = s_.find("{%", tag + 2)) {
      const char sign = SignAt(tag + 2);
      const size_t name = SkipSpace(tag + 2 + (sign != 0));
      if (!StartsAt(name, "endraw")) continue;
      const size_t end = TagEnd(SkipSpace(name + 6), "%}", false);
      if (end == s_.npos) continue;
      PushData(Stripped(s_.substr(pos_, tag - pos_), sign, false));
      Leave(end);
      return {};
    }
    if (pos_ == s_.size()) return {};  // as in Jinja
    return Fail("Missing end of raw directive");
  }

  void Leave(size_t end) {
    pos_ = end;
    line_starting_ = end > 0 && s_[end - 1] == '\n';
  }

  // The inside of {{ }} or {% %}.
  Status Tag(bool is_print) {
    Push(is_print ? TokenKind::kPrintBegin : TokenKind::kBlockBegin, "");
    std::string open;  // brackets, innermost last
    while (pos_ < s_.size()) {
      const size_t end = open.empty() ? TagEnd(pos_, is_print ? "}}" : "%}", is_print) : s_.npos;
      if (end != s_.npos) {
        Push(is_print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd, "");
        Leave(end);
        return {};
      }
      if (const size_t next = SkipSpace(pos_); next != pos_) {
        pos_ = next;
        continue;
      }
      TERN_TRY_STATUS(Item(&open));
    }
    return {};  // the parser reports what is missing
  }

  Status Item(std::string* open) {
    const char c = s_[pos_];
    if (c >= '0' && c <= '9') return Number();
    if (IsNameByte(c) || static_cast<unsigned char>(c) >= 0x80) return Name();
    if (c == '\'' || c == '"') return String();
    return Operator(open);
  }

  Status Number() {
    const bool after_dot = pos_ > 0 && s_[pos_ - 1] == '.';
    if (const size_t end = after_dot ? pos_ : FloatEnd(s_, pos_); end != pos_) {
      Push(TokenKind::kFloat, "").real = ParseFloat(s_.substr(pos_, end - pos_));
      pos_ = end;
      return {};
    }
    const size_t end = IntegerEnd(s_, pos_);
    const auto value = ParseIntegerLiteral(s_.substr(pos_, end - pos_));
    if (!value.ok()) return Fail(value.error().what);
    Push(TokenKind::kInteger, "").integer = value.value();
    pos_ = end;
    return {};
  }

  Status Name() {
    size_t end = pos_;
    while (end < s_.size()) {
      size_t next = end;
      const uint32_t cp = DecodeAt(s_, &next);
      if (cp < 0x80 ? !IsNameByte(static_cast<char>(cp)) : !IsAlnum(cp)) break;
      end = next;
    }
    if (end == pos_) return Unexpected();
    Push(TokenKind::kName, std::string(s_.substr(pos_, end - pos_)));
    pos_ = end;
    return {};
  }

  Status String() {
    size_t end = pos_ + 1;
    while (end < s_.size() && s_[end] != s_[pos_]) end += s_[end] == '\\' ? 2 : 1;
    if (end >= s_.size()) return Unexpected();
    auto text = UnescapeString(s_.substr(pos_ + 1, end - pos_ - 1));
    if (!text.ok()) return Fail(text.error().what);
    Push(TokenKind::kString, std::move(text).value());
    pos_ = end + 1;
    return {};
  }

  Status Operator(std::string* open) {
    static constexpr std::string_view kDouble[] = {"//", "**", "==", "!=", ">=", "<="};
    for (std::string_view op : kDouble) {
      if (!StartsAt(pos_, op)) continue;
      Push(TokenKind::kOperator, std::string(op));
      pos_ += 2;
      return {};
    }
    const char c = s_[pos_];
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos) return Unexpected();
    if (c == '(' || c == '[' || c == '{') open->push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (open->empty()) return Fail(fmt::format("unexpected '{}'", c));
      if (open->back() != c) return Fail(fmt::format("unexpected '{}', expected '{}'", c, open->back()));
      open->pop_back();
    }
    Push(TokenKind::kOperator, std::string(1, c));
    ++pos_;
    return {};
  }

  Status Unexpected() {
    size_t end = pos_;
    DecodeAt(s_, &end);
    return Fail(fmt::format("unexpected char '{}'", s_.substr(pos_, end - pos_)));
  }

  const std::string source_;
  const std::string_view s_;
  size_t pos_ = 0;
  Place place_;
  size_t place_end_ = 0;  // where place_ is
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view source) {
  if (!IsValidUtf8(source)) return BadInput("template: not valid UTF-8");
  return Lexer(NormalizeLines(source)).Run();
}

std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "template data";
    case TokenKind::kPrintBegin:
      return "begin of print statement";
    case TokenKind::kPrintEnd:
      return "end of print statement";
    case TokenKind::kBlockBegin:
      return "begin of statement block";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kName:
    case TokenKind::kOperator:
      return fmt::format("'{}'", token.text);
    case TokenKind::kString:
      return fmt::format("string '{}'", token.text);
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "number";
    case TokenKind::kEnd:
      return "end of template";
  }
  return "";
}

}  // namespace tern::jinja
