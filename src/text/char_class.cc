#include "text/char_class.h"

#include <utf8proc.h>

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <iterator>
#include <span>

#include "text/utf8.h"

namespace tern {
namespace {

struct CharRange {
  char32_t first, last;
  int32_t value = 0;
};

#include "text/char_tables.inc"

// The range of an ascending table that holds `c`, or nullptr.
const CharRange* RangeOf(std::span<const CharRange> ranges, char32_t c) {
  const auto found = std::ranges::lower_bound(ranges, c, {}, &CharRange::last);
  return found != ranges.end() && found->first <= c ? &*found : nullptr;
}

bool Differs(char32_t c, bool is_in, std::span<const CharRange> too, std::span<const CharRange> never) {
  return RangeOf(is_in ? never : too, c) != nullptr;
}

utf8proc_category_t CategoryOf(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

bool IsBetween(char32_t c, utf8proc_category_t first, utf8proc_category_t last) {
  const utf8proc_category_t category = CategoryOf(c);
  return category >= first && category <= last;
}

// By bits 6 and up: whether a character of the basic plane may be in kNewer.
std::bitset<1024> NewerBlocks() {
  std::bitset<1024> blocks;
  for (const CharRange& range : kNewer) {
    for (char32_t block = range.first >> 6; block <= range.last >> 6 && block < 1024; ++block)
      blocks.set(block);
  }
  return blocks;
}

}  // namespace

bool IsNonspacingMark(char32_t c) {
  if (c < 0x300) return false;
  const bool is_mark = CategoryOf(c) == UTF8PROC_CATEGORY_MN;
  return is_mark != Differs(c, is_mark, kNonspacingMarkToo, kNonspacingMarkNot);
}

bool IsMark(char32_t c) {
  if (c < 0x300) return false;
  const bool is_mark = IsBetween(c, UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME);
  return is_mark != Differs(c, is_mark, kMarkToo, kMarkNot);
}

bool IsPunctuation(char32_t c) {
  if (c < 0x80)
    return c > 0x20 && c < 0x7F && !(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  const bool is_punctuation = IsBetween(c, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO);
  return is_punctuation != Differs(c, is_punctuation, kPunctuationToo, kPunctuationNot);
}

bool IsNumeric(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const bool is_numeric = IsBetween(c, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
  return is_numeric != Differs(c, is_numeric, kNumericToo, kNumericNot);
}

bool IsOther(char32_t c) { return RangeOf(kOther, c) != nullptr; }

bool IsIdeograph(char32_t c) {
  // U+2B920 is as published, the block begins at U+2B820.
  return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

bool IsWordCharacter(char32_t c) {
  if (RangeOf(kNewer, c) != nullptr) c = static_cast<char32_t>(RangeOf(kNewer, c)->value);
  // Letters with a circle or square around them are alphabetic, though symbols.
  const bool is_framed = (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
                         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
  return IsBetween(c, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_NL) || CategoryOf(c) == UTF8PROC_CATEGORY_PC ||
         c == 0x200C || c == 0x200D || is_framed;
}

void AppendLowerCase(char32_t c, std::string* out) {
  if (c == 0x130) {  // the only one that becomes two characters
    out->append("i\u0307");
    return;
  }
  if (const CharRange* range = RangeOf(kLowerCase, c); range != nullptr) {
    AppendUtf8(static_cast<char32_t>(static_cast<int32_t>(c) + range->value), out);
    return;
  }
  AppendUtf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
}

int CombiningClass(char32_t c) {
  const auto in_library = utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
  return in_library == 0 || RangeOf(kMarkNot, c) != nullptr ? 0 : in_library;
}

bool HasDecomposition(char32_t c, bool is_compatible) {
  if (RangeOf(kNewer, c) != nullptr) return false;
  return is_compatible ? RangeOf(kNoNfkd, c) == nullptr : RangeOf(kNoNfd, c) == nullptr;
}

bool HasNewerCharacters(std::string_view text) {
  static const std::bitset<1024> blocks = NewerBlocks();
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0xE0) continue;
    if (lead >= 0xF0) {
      if (RangeOf(kNewer, DecodeUtf8(text.substr(i))) != nullptr) return true;
    } else if (blocks[(lead & 0x0Fu) << 6 | (static_cast<unsigned char>(text[i + 1]) & 0x3Fu)]) {
      if (RangeOf(kNewer, DecodeUtf8(text.substr(i))) != nullptr) return true;
    }
  }
  return false;
}

std::string WithOlderCharacters(std::string_view text) {
  std::string older;
  older.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t size = Utf8Size(text[i]);
    const CharRange* range = size < 3 ? nullptr : RangeOf(kNewer, DecodeUtf8(text.substr(i)));
    if (range == nullptr) {
      older += text.substr(i, size);
    } else {
      AppendUtf8(static_cast<char32_t>(range->value), &older);
    }
    i += size;
  }
  return older;
}

}  // namespace tern
