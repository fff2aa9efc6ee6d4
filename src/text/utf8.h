#pragma once
// UTF-8 as the tokenizers need it: the WHATWG decoder's rule for invalid bytes, code point classes. Pure
// functions; any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tern {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";             // U+2581, SentencePiece's space

// One step of the WHATWG UTF-8 decoder (https://encoding.spec.whatwg.org/#utf-8-decoder) at the start of
// `bytes`, which is not empty.
struct Utf8Step {
  enum Kind {
    kCharacter,   // `size` bytes are one character
    kInvalid,     // `size` bytes (a maximal subpart) stand for one U+FFFD
    kIncomplete,  // all `size` bytes are the beginning of a character whose end is missing
  };
  Kind kind;
  size_t size;
};
Utf8Step NextUtf8(std::string_view bytes);

// Appends `bytes` with every invalid sequence replaced by U+FFFD; an incomplete end is one such sequence.
void AppendValidUtf8(std::string_view bytes, std::string* out);

// The character at the start of `text`, which is valid and not empty.
char32_t DecodeUtf8(std::string_view text);
inline size_t Utf8Size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
void AppendUtf8(char32_t code_point, std::string* out);

// Unicode property White_Space.
bool IsWhiteSpace(char32_t code_point);
// The bytes of white space at the start of valid UTF-8.
size_t LeadingWhiteSpace(std::string_view text);
std::string_view WithoutTrailingWhiteSpace(std::string_view text);

// `text` with `to` for every `from`, which is not empty.
std::string Replaced(std::string_view text, std::string_view from, std::string_view to);
void AppendReplaced(std::string_view text, std::string_view from, std::string_view to, std::string* out);

}  // namespace tern
