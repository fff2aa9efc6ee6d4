#include "text/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "text/jinja/case_table.h"

namespace tern::jinja {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

// Bytes of the sequence that `lead` starts; 1 for a byte that starts none.
size_t SequenceBytes(unsigned char lead) {
  if (lead < 0xC2) return 1;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 1;
}

utf8proc_category_t CategoryOf(uint32_t cp) { return utf8proc_category(static_cast<utf8proc_int32_t>(cp)); }

const SpecialCase* FindSpecial(uint32_t cp) {
  const auto at = std::lower_bound(std::begin(kSpecialCases), std::end(kSpecialCases), cp,
                                   [](const SpecialCase& entry, uint32_t key) { return entry.from < key; });
  return at != std::end(kSpecialCases) && at->from == cp ? at : nullptr;
}

void AppendAll(const uint16_t (&mapped)[3], std::string* out) {
  for (uint16_t cp : mapped) {
    if (cp != 0) AppendUtf8(cp, out);
  }
}

bool IsCased(uint32_t cp) {
  const auto category = CategoryOf(cp);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

bool IsCaseIgnorable(uint32_t cp) {
  switch (CategoryOf(cp)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return cp == '\'' || cp == '.' || cp == ':' || cp == 0xB7 || cp == 0x2019;
  }
}

// Whether the sigma at `pos` ends a word: a cased letter before it, none after it. The look-around is
// bounded, so that lowering stays linear.
bool IsFinalSigma(std::string_view text, size_t pos) {
  constexpr int kLookAround = 32;
  size_t back = pos;
  bool cased_before = false;
  for (int i = 0; i < kLookAround && back > 0; ++i) {
    do --back;
    while (back > 0 && (static_cast<unsigned char>(text[back]) & 0xC0) == 0x80);
    size_t at = back;
    const uint32_t cp = DecodeAt(text, &at);
    if (IsCaseIgnorable(cp)) continue;
    cased_before = IsCased(cp);
    break;
  }
  if (!cased_before) return false;
  DecodeAt(text, &pos);
  for (int i = 0; i < kLookAround && pos < text.size(); ++i) {
    const uint32_t cp = DecodeAt(text, &pos);
    if (!IsCaseIgnorable(cp)) return !IsCased(cp);
  }
  return true;
}

}  // namespace

uint32_t DecodeAt(std::string_view s, size_t* pos) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(*pos);
  const size_t bytes = SequenceBytes(lead);
  if (bytes == 1 || bytes > s.size() - *pos) {
    ++*pos;
    return lead < 0x80 ? lead : kReplacement;
  }
  uint32_t cp = lead & (0xFFu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(*pos + i) & 0xC0) != 0x80) {
      ++*pos;
      return kReplacement;
    }
    cp = cp << 6 | (byte(*pos + i) & 0x3Fu);
  }
  *pos += bytes;
  return cp;
}

void AppendUtf8(uint32_t cp, std::string* out) {
  if (cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) cp = kReplacement;
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(cp), bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

size_t CountCodePoints(std::string_view s) {
  size_t continuation = 0;
  for (char c : s) continuation += (static_cast<unsigned char>(c) & 0xC0) == 0x80;
  return s.size() - continuation;
}

size_t ByteOffset(std::string_view s, size_t index) {
  size_t pos = 0;
  for (; pos < s.size(); ++pos) {
    if ((static_cast<unsigned char>(s[pos]) & 0xC0) == 0x80) continue;
    if (index-- == 0) break;
  }
  return pos;
}

bool IsValidUtf8(std::string_view s) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(s.data());
  const auto* end = at + s.size();
  while (at < end) {
    if (*at < 0x80) {
      ++at;
      continue;
    }
    utf8proc_int32_t cp;
    const auto used = utf8proc_iterate(at, end - at, &cp);
    if (used <= 0) return false;
    at += used;
  }
  return true;
}

std::string RepairUtf8(std::string_view s) {
  std::string out;
  for (size_t pos = 0; pos < s.size();) {
    utf8proc_int32_t cp;
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(s.data()) + pos;
    const auto used = utf8proc_iterate(at, static_cast<utf8proc_ssize_t>(s.size() - pos), &cp);
    AppendUtf8(used > 0 ? static_cast<uint32_t>(cp) : kReplacement, &out);
    pos += used > 0 ? static_cast<size_t>(used) : 1;
  }
  return out;
}

bool IsSpace(uint32_t cp) {
  if (cp < 0x80) return cp == ' ' || (cp >= 9 && cp <= 13) || (cp >= 28 && cp <= 31);
  return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 ||
         cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

bool IsLineBreak(uint32_t cp) {
  return (cp >= 10 && cp <= 13) || (cp >= 28 && cp <= 30) || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

bool IsAlpha(uint32_t cp) {
  const auto category = CategoryOf(cp);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool IsDecimal(uint32_t cp) { return CategoryOf(cp) == UTF8PROC_CATEGORY_ND; }

bool IsDigit(uint32_t cp) {
  // Superscripts, subscripts and the circled digits count too.
  return IsDecimal(cp) || cp == 0xB2 || cp == 0xB3 || cp == 0xB9 || cp == 0x2070 ||
         (cp >= 0x2074 && cp <= 0x2079) || (cp >= 0x2080 && cp <= 0x2089) || (cp >= 0x2460 && cp <= 0x2468);
}

bool IsNumeric(uint32_t cp) {
  const auto category = CategoryOf(cp);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

bool IsLower(uint32_t cp) { return utf8proc_islower(static_cast<utf8proc_int32_t>(cp)) != 0; }

bool IsUpper(uint32_t cp) { return utf8proc_isupper(static_cast<utf8proc_int32_t>(cp)) != 0; }

bool IsTitle(uint32_t cp) { return CategoryOf(cp) == UTF8PROC_CATEGORY_LT; }

bool IsPrintable(uint32_t cp) {
  if (cp < 0x7F) return cp >= 0x20;
  switch (CategoryOf(cp)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

void AppendUpper(uint32_t cp, std::string* out) {
  if (const SpecialCase* special = FindSpecial(cp)) return AppendAll(special->upper, out);
  AppendUtf8(static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(cp))), out);
}

void AppendTitle(uint32_t cp, std::string* out) {
  if (const SpecialCase* special = FindSpecial(cp)) return AppendAll(special->title, out);
  AppendUtf8(static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(cp))), out);
}

void AppendLower(std::string_view text, size_t pos, std::string* out) {
  size_t next = pos;
  const uint32_t cp = DecodeAt(text, &next);
  if (cp == 0x130) {  // capital i with dot: the only one that grows
    out->append("i\xCC\x87");
  } else if (cp == 0x3A3) {
    AppendUtf8(IsFinalSigma(text, pos) ? 0x3C2 : 0x3C3, out);
  } else {
    AppendUtf8(static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(cp))), out);
  }
}

void AppendCaseFold(uint32_t cp, std::string* out) {
  utf8proc_int32_t folded[8];
  int boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(cp), folded, 8, UTF8PROC_CASEFOLD, &boundary);
  if (count < 0 || count > 8) return AppendUtf8(cp, out);
  for (utf8proc_ssize_t i = 0; i < count; ++i) AppendUtf8(static_cast<uint32_t>(folded[i]), out);
}

}  // namespace tern::jinja
