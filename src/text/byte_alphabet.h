#pragma once
// The alphabet of byte-level vocabularies: each byte as one printable character, itself where it is printable
// Latin-1, else U+0100 and up. Pure functions; any thread.

#include <string>
#include <string_view>

namespace tern {

// The bytes of `text` in the alphabet.
std::string SpellBytes(std::string_view text);
// Appends the bytes that `spelled`, valid UTF-8, stands for; false, with some of them appended, if a
// character of it is not in the alphabet.
bool AppendSpelledBytes(std::string_view spelled, std::string* bytes);

// The byte that a piece such as "<0xE2>" stands for, in vocabularies that fall back to bytes; -1 if it is
// something else.
int ByteOfPiece(std::string_view text);

}  // namespace tern
