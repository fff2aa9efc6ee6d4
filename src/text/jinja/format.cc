#include "text/jinja/format.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "text/jinja/access.h"
#include "text/jinja/format_spec.h"
#include "text/jinja/literals.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace tern::jinja {
namespace {

Value Finished(Workspace& workspace, TextBuilder builder, bool is_markup) {
  workspace.SpendBytes(builder.size());
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), is_markup);
}

// Fills "%" conversions from a tuple, a dict, or one value.
class PercentFormatter {
 public:
  PercentFormatter(Workspace* workspace, const Text& pattern, const Value& values)
      : workspace_(*workspace), pattern_(pattern), s_(pattern.bytes), values_(values) {
    is_tuple_ = values.is(Kind::kSequence) && values.sequence().flavor == Flavor::kTuple;
  }

  Result<Value> Run() {
    for (size_t at; (at = s_.find('%', pos_)) != s_.npos;) {
      out_.Append(pattern_, pos_, at);
      pos_ = at + 1;
      TERN_TRY_STATUS(Conversion());
      TERN_TRY_STATUS(workspace_.Reserve(out_.size()));
    }
    out_.Append(pattern_, pos_, s_.size());
    const bool is_mapping =  // to Python: whatever has items
        values_.is(Kind::kDict) || values_.is(Kind::kRange) || (values_.is(Kind::kSequence) && !is_tuple_);
    if (is_tuple_ ? used_ < values_.sequence().items.size() : (used_ == 0 && !is_mapping)) {
      return TypeError("not all arguments converted during string formatting");
    }
    return Finished(workspace_, std::move(out_), pattern_.is_markup);
  }

 private:
  Result<Value> NextValue() {
    if (keyed_) return *keyed_;
    if (is_tuple_ ? used_ >= values_.sequence().items.size() : used_ > 0) {
      return TypeError("not enough arguments for format string");
    }
    const size_t i = used_++;
    return is_tuple_ ? values_.sequence().items[i] : values_;
  }

  Status Key() {
    if (pos_ >= s_.size() || s_[pos_] != '(') return {};
    int open = 1;
    const size_t begin = ++pos_;
    for (; pos_ < s_.size() && open > 0; ++pos_) open += s_[pos_] == '(' ? 1 : s_[pos_] == ')' ? -1 : 0;
    if (open > 0) return BadInput("incomplete format key");
    if (!values_.is(Kind::kDict)) return TypeError("format requires a mapping");
    const std::string_view key = s_.substr(begin, pos_ - 1 - begin);
    const Value* found = values_.dict().Find(key);
    if (!found) return BadInput(fmt::format("format: no key '{}'", key));
    keyed_ = *found;
    ++used_;
    return {};
  }

  void Flags(FormatSpec* spec) {
    for (; pos_ < s_.size(); ++pos_) {
      const char c = s_[pos_];
      if (c == '-') {
        spec->align = '<';
        spec->fill = " ";
      } else if (c == '+' || (c == ' ' && spec->sign == '-')) {
        spec->sign = c;
      } else if (c == '0' && spec->align != '<') {
        spec->align = '=';
        spec->fill = "0";
      } else if (c == '#') {
        spec->alternate = true;
      } else if (c != ' ' && c != '0') {
        return;
      }
    }
  }

  // A number in the pattern, or "*": the next value.
  Result<int64_t> Number(int64_t fallback) {
    if (pos_ < s_.size() && s_[pos_] == '*') {
      ++pos_;
      TERN_TRY(const Value value, NextValue());
      return IntegerOr(&value, fallback, "format: *");
    }
    const size_t begin = pos_;
    int64_t value = 0;
    for (; pos_ < s_.size() && s_[pos_] >= '0' && s_[pos_] <= '9'; ++pos_) {
      value = std::min<int64_t>(value * 10 + (s_[pos_] - '0'), int64_t{1} << 40);
    }
    return pos_ == begin ? fallback : value;
  }

  Status Conversion() {
    keyed_.reset();
    FormatSpec spec;
    TERN_TRY_STATUS(Key());
    Flags(&spec);
    TERN_TRY(spec.width, Number(0));
    if (spec.width < 0) {
      spec.align = '<';
      spec.width = std::min<int64_t>(-spec.width, int64_t{1} << 40);
    }
    if (pos_ < s_.size() && s_[pos_] == '.') {
      ++pos_;
      TERN_TRY(spec.precision, Number(0));
      spec.precision = std::max<int64_t>(spec.precision, 0);
    }
    while (pos_ < s_.size() && (s_[pos_] == 'h' || s_[pos_] == 'l' || s_[pos_] == 'L')) ++pos_;
    if (pos_ >= s_.size()) return BadInput("incomplete format");
    spec.type = s_[pos_++];
    if (spec.type == '%') {
      out_.Append(pattern_, pos_ - 1, pos_);
      return {};
    }
    TERN_TRY(const Value value, NextValue());
    return Append(value, spec);
  }

  Status Append(const Value& value, FormatSpec spec) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a':
        return AppendAsText(value, spec);
      case 'c':
        if (value.is_text() && value.text().length == 1) return AppendAsText(value, spec);
        return AppendAsInteger(value, spec);
      case 'd':
      case 'i':
      case 'u':
        spec.type = 'd';
        return AppendAsInteger(value, spec);
      case 'o':
      case 'x':
      case 'X':
        if (value.is(Kind::kFloat)) break;
        return AppendAsInteger(value, spec);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (!value.is_number()) break;
        return AppendFormatted(workspace_, Value(value.real()), spec, &out_);
      default:
        return BadInput(fmt::format("unsupported format character '{}'", spec.type));
    }
    return TypeError(fmt::format("%{} format: a number is required, not {}", spec.type, TypeName(value)));
  }

  Status AppendAsText(const Value& value, FormatSpec spec) {
    Value text = spec.type == 'r' || spec.type == 'a' ? workspace_.NewText(Repr(workspace_, value), false)
                                                      : ToText(workspace_, value);
    if (pattern_.is_markup) text = Escape(workspace_, text.text());
    spec.type = 's';
    spec.fill = " ";
    spec.align = spec.align == '<' ? '<' : '>';
    return AppendFormatted(workspace_, text, spec, &out_);
  }

  Status AppendAsInteger(const Value& value, FormatSpec spec) {
    if (value.is_undefined()) return UndefinedError(value);
    if (!value.is_number()) {
      return TypeError(
          fmt::format("%{} format: a real number is required, not {}", spec.type, TypeName(value)));
    }
    const double real = value.real();
    if (!value.is_integral() && !(std::abs(real) < 1e38)) return BadInput("format: float out of range");
    const Value integer(value.is_integral() ? value.integer() : static_cast<Int>(real));
    if (spec.precision >= 0) {  // the least number of digits
      if (spec.precision > 1000) return BadInput("format: precision too large");
      FormatSpec digits{.fill = "0", .align = '=', .width = spec.precision, .type = spec.type};
      digits.width += integer.integer() < 0;
      TextBuilder padded;
      TERN_TRY_STATUS(AppendFormatted(workspace_, integer, digits, &padded));
      spec.precision = -1;
      spec.type = 's';
      spec.align = spec.align == '<' ? '<' : '>';
      spec.fill = " ";
      return AppendFormatted(workspace_, workspace_.NewText(std::move(padded)), spec, &out_);
    }
    return AppendFormatted(workspace_, integer, spec, &out_);
  }

  Workspace& workspace_;
  const Text& pattern_;
  const std::string_view s_;
  const Value& values_;
  bool is_tuple_ = false;
  size_t pos_ = 0;
  size_t used_ = 0;
  std::optional<Value> keyed_;
  TextBuilder out_;
};

// Fills "{}" fields.
class BraceFormatter {
 public:
  BraceFormatter(Workspace* workspace, const Text& pattern, const Arguments& arguments)
      : workspace_(*workspace), pattern_(pattern), arguments_(arguments) {}

  Result<Value> Run() {
    TextBuilder out;
    TERN_TRY_STATUS(Expand(pattern_, 0, &out));
    return Finished(workspace_, std::move(out), pattern_.is_markup);
  }

 private:
  // A specification may hold fields of its own, but those may not.
  Status Expand(const Text& pattern, int level, TextBuilder* out) {
    if (level > 1) return BadInput("format: max string recursion exceeded");
    const std::string_view s = pattern.bytes;
    for (size_t pos = 0; pos < s.size();) {
      const size_t at = std::min(s.find_first_of("{}", pos), s.size());
      out->Append(pattern, pos, at);
      pos = at;
      if (at == s.size()) break;
      if (at + 1 < s.size() && s[at + 1] == s[at]) {
        out->Append(pattern, at, at + 1);
        pos += 2;
        continue;
      }
      if (s[at] == '}') return BadInput("format: single '}' encountered in format string");
      const size_t end = FieldEnd(s, at);
      if (end == s.npos) return BadInput("format: expected '}' before end of string");
      TERN_TRY_STATUS(Field(workspace_.heap().Part(pattern, at + 1, end).text(), level, out));
      TERN_TRY_STATUS(workspace_.Reserve(out->size()));
      pos = end + 1;
    }
    return {};
  }

  static size_t FieldEnd(std::string_view s, size_t begin) {
    int open = 0;
    for (size_t i = begin; i < s.size(); ++i) {
      open += s[i] == '{' ? 1 : s[i] == '}' ? -1 : 0;
      if (open == 0) return i;
    }
    return s.npos;
  }

  // "name.attribute[item]!conversion:specification"
  Status Field(const Text& field, int level, TextBuilder* out) {
    const std::string_view s = field.bytes;
    size_t name_end = 0;
    for (bool in_index = false; name_end < s.size(); ++name_end) {
      if (s[name_end] == '[') in_index = true;
      if (s[name_end] == ']') in_index = false;
      if (!in_index && (s[name_end] == '!' || s[name_end] == ':')) break;
    }
    TERN_TRY(Value value, Lookup(s.substr(0, name_end)));
    size_t pos = name_end;
    if (pos < s.size() && s[pos] == '!') {
      const char conversion = pos + 1 < s.size() ? s[pos + 1] : '\0';
      if (conversion != 's' && conversion != 'r' && conversion != 'a') {
        return BadInput("format: unknown conversion specifier");
      }
      value =
          conversion == 's' ? ToText(workspace_, value) : workspace_.NewText(Repr(workspace_, value), false);
      pos += 2;
      if (pos < s.size() && s[pos] != ':') return BadInput("format: expected ':' after conversion specifier");
    }
    if (pos >= s.size() || pos + 1 == s.size()) return AppendPlain(value, out);
    TextBuilder spec_text;
    TERN_TRY_STATUS(Expand(workspace_.heap().Part(field, pos + 1, s.size()).text(), level + 1, &spec_text));
    if (spec_text.size() == 0) return AppendPlain(value, out);
    TERN_TRY(const FormatSpec spec, ParseFormatSpec(spec_text.bytes()));
    if (!pattern_.is_markup || !value.is_text()) return AppendFormatted(workspace_, value, spec, out);
    return AppendFormatted(workspace_, Escape(workspace_, value.text()), spec, out);
  }

  Status AppendPlain(const Value& value, TextBuilder* out) {
    const Value text = ToText(workspace_, value);
    out->Append(pattern_.is_markup ? Escape(workspace_, text.text()).text() : text.text());
    return {};
  }

  Result<Value> Lookup(std::string_view path) {
    const size_t first_end = std::min(path.find_first_of(".["), path.size());
    TERN_TRY(Value value, Argument(path.substr(0, first_end)));
    for (size_t pos = first_end; pos < path.size();) {
      const bool is_attribute = path[pos] == '.';
      const size_t end =
          is_attribute ? std::min(path.find_first_of(".[", pos + 1), path.size()) : path.find(']', pos);
      if (end == path.npos) return BadInput("format: missing ']' in format string");
      const std::string_view key = path.substr(pos + 1, end - pos - 1);
      if (key.empty()) return BadInput("format: empty attribute in format string");
      if (is_attribute) {
        TERN_TRY(value, GetAttribute(workspace_, value, key));
      } else {
        const bool is_number = key.find_first_not_of("0123456789") == key.npos;
        const auto number = is_number ? TextToInteger(key, 10) : std::nullopt;
        TERN_TRY(value, GetItem(workspace_, value,
                                number ? Value(*number) : workspace_.heap().BorrowText(key, false)));
      }
      pos = is_attribute ? end : end + 1;
    }
    return value;
  }

  Result<Value> Argument(std::string_view name) {
    const bool is_number = name.find_first_not_of("0123456789") == name.npos;
    if (!is_number) {
      for (const auto& [key, value] : arguments_.named) {
        if (key == name) return value;
      }
      return BadInput(fmt::format("format: no argument '{}'", name));
    }
    Numbering& numbering = numbering_;
    const Numbering now = name.empty() ? Numbering::kAutomatic : Numbering::kManual;
    if (numbering != Numbering::kNone && numbering != now) {
      return BadInput("format: cannot switch between automatic and manual field numbering");
    }
    numbering = now;
    const auto index = name.empty() ? std::optional<Int>(next_++) : TextToInteger(name, 10);
    if (!index || *index >= static_cast<Int>(arguments_.positional.size())) {
      return BadInput(fmt::format("format: no argument {} for the format string", name));
    }
    return arguments_.positional[static_cast<size_t>(*index)];
  }

  enum class Numbering { kNone, kAutomatic, kManual };

  Workspace& workspace_;
  const Text& pattern_;
  const Arguments& arguments_;
  Numbering numbering_ = Numbering::kNone;
  int next_ = 0;
};

}  // namespace

Result<Value> FormatPercent(Workspace& workspace, const Text& pattern, const Value& values) {
  return PercentFormatter(&workspace, pattern, values).Run();
}

Result<Value> FormatBraces(Workspace& workspace, const Text& pattern, const Arguments& arguments) {
  return BraceFormatter(&workspace, pattern, arguments).Run();
}

}  // namespace tern::jinja
