#include "text/utf8.h"

#include <utf8proc.h>

#include <algorithm>

namespace tern {
namespace {

// The number of ASCII bytes at the start.
size_t AsciiRun(std::string_view bytes) {
  const auto end = std::find_if(bytes.begin(), bytes.end(), [](char c) { return (c & 0x80) != 0; });
  return static_cast<size_t>(end - bytes.begin());
}

}  // namespace

Utf8Step NextUtf8(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {Utf8Step::kCharacter, 1};
  if (lead < 0xC2 || lead > 0xF4) return {Utf8Step::kInvalid, 1};
  const size_t size = Utf8Size(bytes[0]);
  // The second byte's range rules out overlong forms, surrogates and what lies above U+10FFFF.
  unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < size; ++i) {
    if (i == bytes.size()) return {Utf8Step::kIncomplete, i};
    if (at(i) < low || at(i) > high) return {Utf8Step::kInvalid, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Utf8Step::kCharacter, size};
}

void AppendValidUtf8(std::string_view bytes, std::string* out) {
  while (!bytes.empty()) {
    const size_t ascii = AsciiRun(bytes);
    out->append(bytes.substr(0, ascii));
    bytes.remove_prefix(ascii);
    if (bytes.empty()) return;
    const Utf8Step step = NextUtf8(bytes);
    out->append(step.kind == Utf8Step::kCharacter ? bytes.substr(0, step.size) : kReplacementCharacter);
    bytes.remove_prefix(step.size);
  }
}

char32_t DecodeUtf8(std::string_view text) {
  const size_t size = Utf8Size(text[0]);
  const auto lead = static_cast<unsigned char>(text[0]);
  if (size == 1) return lead;
  char32_t code_point = lead & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    code_point = code_point << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  return code_point;
}

void AppendUtf8(char32_t code_point, std::string* out) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool IsWhiteSpace(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

size_t LeadingWhiteSpace(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && IsWhiteSpace(DecodeUtf8(text.substr(size)))) size += Utf8Size(text[size]);
  return size;
}

std::string_view WithoutTrailingWhiteSpace(std::string_view text) {
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while (last > 0 && (text[last] & 0xC0) == 0x80) --last;
    if (!IsWhiteSpace(DecodeUtf8(text.substr(last)))) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

void AppendReplaced(std::string_view text, std::string_view from, std::string_view to, std::string* out) {
  for (;;) {
    const size_t at = text.find(from);
    out->append(text.substr(0, at));
    if (at == std::string_view::npos) return;
    out->append(to);
    text.remove_prefix(at + from.size());
  }
}

std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  AppendReplaced(text, from, to, &out);
  return out;
}

}  // namespace tern
