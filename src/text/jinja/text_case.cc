// str methods about letters: upper, title, isdigit and their kin.

#include "text/jinja/methods.h"
#include "text/jinja/text_parts.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

bool IsCasedLetter(uint32_t cp) { return IsUpper(cp) || IsLower(cp) || IsTitle(cp); }

void AppendCased(std::string_view s, size_t pos, Case to, bool after_letter, std::string* out) {
  size_t next = pos;
  const uint32_t cp = DecodeAt(s, &next);
  switch (to) {
    case Case::kLower:
      return AppendLower(s, pos, out);
    case Case::kUpper:
      return AppendUpper(cp, out);
    case Case::kTitle:
      return after_letter ? AppendLower(s, pos, out) : AppendTitle(cp, out);
    case Case::kCapital:
      return pos > 0 ? AppendLower(s, pos, out) : AppendTitle(cp, out);
    case Case::kSwapped:
      return IsUpper(cp) ? AppendLower(s, pos, out) : AppendUpper(cp, out);
    case Case::kFolded:
      return AppendCaseFold(cp, out);
  }
}

template <Case kTo>
Result<Value> CaseMethod(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("case method", arguments, {}, 0, nullptr));
  return ChangeCase(workspace, self.text(), kTo);
}

// All code points are of the class, and there is at least one.
template <bool (*kClass)(uint32_t)>
Result<Value> All(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("class method", arguments, {}, 0, nullptr));
  const std::string_view s = self.bytes();
  workspace.SpendBytes(s.size());
  for (size_t pos = 0; pos < s.size();) {
    if (!kClass(DecodeAt(s, &pos))) return Value(false);
  }
  return Value(!s.empty());
}

bool IsAscii(uint32_t cp) { return cp < 0x80; }

Result<Value> IsAsciiText(Workspace& workspace, const Value& self, const Arguments& arguments) {
  if (self.bytes().empty()) return Value(true);
  return All<IsAscii>(workspace, self, arguments);
}

Result<Value> IsPrintableText(Workspace& workspace, const Value& self, const Arguments& arguments) {
  if (self.bytes().empty()) return Value(true);
  return All<IsPrintable>(workspace, self, arguments);
}

// At least one letter has case, and none has the other.
template <bool (*kOther)(uint32_t)>
Result<Value> Uncased(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("case test", arguments, {}, 0, nullptr));
  const std::string_view s = self.bytes();
  workspace.SpendBytes(s.size());
  bool cased = false;
  for (size_t pos = 0; pos < s.size();) {
    const uint32_t cp = DecodeAt(s, &pos);
    if (kOther(cp) || IsTitle(cp)) return Value(false);
    cased |= IsCasedLetter(cp);
  }
  return Value(cased);
}

Result<Value> IsTitleText(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("istitle", arguments, {}, 0, nullptr));
  const std::string_view s = self.bytes();
  workspace.SpendBytes(s.size());
  bool cased = false, after_letter = false;
  for (size_t pos = 0; pos < s.size();) {
    const uint32_t cp = DecodeAt(s, &pos);
    const bool starts = IsUpper(cp) || IsTitle(cp);
    if (starts ? after_letter : (IsLower(cp) && !after_letter)) return Value(false);
    after_letter = starts || IsLower(cp);
    cased |= after_letter;
  }
  return Value(cased);
}

Result<Value> IsIdentifier(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("isidentifier", arguments, {}, 0, nullptr));
  const std::string_view s = self.bytes();
  workspace.SpendBytes(s.size());
  for (size_t pos = 0; pos < s.size();) {
    const bool first = pos == 0;
    const uint32_t cp = DecodeAt(s, &pos);
    if (cp != '_' && !(first ? IsAlpha(cp) : IsAlpha(cp) || IsDecimal(cp))) return Value(false);
  }
  return Value(!s.empty());
}

constexpr Method kCaseMethods[] = {
    {"capitalize", CaseMethod<Case::kCapital>},
    {"casefold", CaseMethod<Case::kFolded>},
    {"isalnum", All<IsAlnum>},
    {"isalpha", All<IsAlpha>},
    {"isascii", IsAsciiText},
    {"isdecimal", All<IsDecimal>},
    {"isdigit", All<IsDigit>},
    {"isidentifier", IsIdentifier},
    {"islower", Uncased<IsUpper>},
    {"isnumeric", All<IsNumeric>},
    {"isprintable", IsPrintableText},
    {"isspace", All<IsSpace>},
    {"istitle", IsTitleText},
    {"isupper", Uncased<IsLower>},
    {"lower", CaseMethod<Case::kLower>},
    {"swapcase", CaseMethod<Case::kSwapped>},
    {"title", CaseMethod<Case::kTitle>},
    {"upper", CaseMethod<Case::kUpper>},
};

}  // namespace

Value ChangeCase(Workspace& workspace, const Text& text, Case to) {
  workspace.SpendBytes(4 * text.bytes.size());
  // Each code point stays in its run, so the runs' ends move with the text.
  TextBuilder builder;
  std::string piece;
  size_t run = 0;
  bool after_letter = false;
  for (size_t pos = 0; pos < text.bytes.size();) {
    while (run < text.runs.size() && text.runs[run].end <= pos) ++run;
    piece.clear();
    AppendCased(text.bytes, pos, to, after_letter, &piece);
    after_letter = IsCasedLetter(DecodeAt(text.bytes, &pos));
    builder.Append(piece, run < text.runs.size() ? text.runs[run].is_template : text.is_template);
  }
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), text.is_markup);
}

std::span<const Method> TextCaseMethods() { return kCaseMethods; }

}  // namespace tern::jinja
