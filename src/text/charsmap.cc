#include "text/charsmap.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <cstring>
#include <span>

#include "io/cursor.h"
#include "text/utf8.h"

namespace tern {
namespace {

// Fields of a unit of the double array.
constexpr uint32_t kIsLeaf = 1u << 31, kHasLeaf = 1u << 8;
uint32_t LabelOf(uint32_t unit) { return unit & (kIsLeaf | 0xFF); }
uint32_t OffsetOf(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

// The bytes of the first grapheme of `text`.
size_t GraphemeSize(std::string_view text) {
  const auto is_ascii = [&](size_t i) { return i >= text.size() || (text[i] & 0x80) == 0; };
  if (is_ascii(0) && is_ascii(1) && text[0] != '\r') return 1;
  utf8proc_int32_t state = 0;
  char32_t previous = DecodeUtf8(text);
  size_t at = Utf8Size(text[0]);
  while (at < text.size()) {
    const char32_t next = DecodeUtf8(text.substr(at));
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(previous),
                                         static_cast<utf8proc_int32_t>(next), &state)) {
      break;
    }
    previous = next;
    at += Utf8Size(text[at]);
  }
  return at;
}

}  // namespace

Result<Charsmap> Charsmap::Parse(std::string_view bytes) {
  Cursor cursor(std::as_bytes(std::span(bytes)));
  uint32_t trie_bytes = 0;
  Charsmap charsmap;
  if (!cursor.Read(&trie_bytes))
    return BadInput(fmt::format("{} bytes, expected a size and a trie", bytes.size()));
  if (trie_bytes % 4 != 0 || trie_bytes == 0 || trie_bytes > cursor.remaining()) {
    return BadInput(fmt::format("a trie of {} bytes in {} bytes, expected a multiple of 4 that fits",
                                trie_bytes, bytes.size()));
  }
  if (!cursor.ReadArray<uint32_t>(trie_bytes / 4, &charsmap.units_)) return BadInput("the trie is cut short");
  charsmap.replacements_ = bytes.substr(cursor.position());
  if (!charsmap.replacements_.empty() && charsmap.replacements_.back() != '\0') {
    return BadInput("the last replacement does not end in a zero byte");
  }
  return charsmap;
}

std::optional<Charsmap::Match> Charsmap::Find(std::string_view text, bool shortest) const {
  std::optional<Match> found;
  uint32_t at = OffsetOf(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    if (at >= units_.size() || LabelOf(units_[at]) != byte) break;
    const uint32_t unit = units_[at];
    at ^= OffsetOf(unit);
    if ((unit & kHasLeaf) == 0) continue;
    if (at >= units_.size()) break;
    const uint32_t begin = units_[at] & ~kIsLeaf;
    if (begin >= replacements_.size()) break;
    found =
        Match{i + 1, std::string_view(replacements_).substr(begin, replacements_.find('\0', begin) - begin)};
    if (shortest) break;
  }
  return found;
}

std::string NormalizeByGraphemes(const Charsmap& charsmap, std::string_view text) {
  constexpr size_t kMostBytes = 5;  // of a grapheme that is looked up as a whole
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::string_view grapheme = text.substr(0, GraphemeSize(text));
    text.remove_prefix(grapheme.size());
    if (grapheme.size() <= kMostBytes) {
      if (const auto match = charsmap.Shortest(grapheme); match) {
        out += match->replacement;
        continue;
      }
    }
    while (!grapheme.empty()) {
      const std::string_view character = grapheme.substr(0, Utf8Size(grapheme[0]));
      const auto match = charsmap.Shortest(character);
      out += match ? match->replacement : character;
      grapheme.remove_prefix(character.size());
    }
  }
  return out;
}

}  // namespace tern
