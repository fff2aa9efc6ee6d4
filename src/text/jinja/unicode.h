#pragma once
// Code points of UTF-8 text and what Python's str says about them: white space, classes, full case mapping.
//
// Text is made valid where it enters a template; a stray byte still counts as one code point and is never
// read past the end. All functions are pure.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tern::jinja {

// The code point at byte *pos (which must be < s.size()); moves *pos behind it.
uint32_t DecodeAt(std::string_view s, size_t* pos);
// Surrogates and values above U+10FFFF become U+FFFD.
void AppendUtf8(uint32_t cp, std::string* out);
size_t CountCodePoints(std::string_view s);
// The byte where code point `index` starts; s.size() if there are fewer.
size_t ByteOffset(std::string_view s, size_t index);
bool IsValidUtf8(std::string_view s);
// Each byte that belongs to no well-formed sequence becomes U+FFFD.
std::string RepairUtf8(std::string_view s);

// What str.isspace, str.strip() and the pattern \s mean.
bool IsSpace(uint32_t cp);
// What str.splitlines breaks at.
bool IsLineBreak(uint32_t cp);
bool IsAlpha(uint32_t cp);
bool IsDecimal(uint32_t cp);
bool IsDigit(uint32_t cp);
bool IsNumeric(uint32_t cp);
bool IsLower(uint32_t cp);
bool IsUpper(uint32_t cp);
bool IsTitle(uint32_t cp);
// False for what repr() escapes.
bool IsPrintable(uint32_t cp);
inline bool IsAlnum(uint32_t cp) { return IsAlpha(cp) || IsNumeric(cp); }

// Full case mappings: one code point may become three. `text` and `pos` give the context of a final sigma.
void AppendUpper(uint32_t cp, std::string* out);
void AppendTitle(uint32_t cp, std::string* out);
void AppendLower(std::string_view text, size_t pos, std::string* out);
void AppendCaseFold(uint32_t cp, std::string* out);

}  // namespace tern::jinja
