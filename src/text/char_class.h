#pragma once
// Classes of characters as the published tokenizers know them. They were built with other versions of Unicode
// than our libraries; where those differ, theirs is right here. Pure functions; any thread.

#include <string>
#include <string_view>

namespace tern {

bool IsNonspacingMark(char32_t c);  // category Mn, as BertNormalizer strips it
bool IsMark(char32_t c);            // categories M, as StripAccents strips it
bool IsPunctuation(char32_t c);     // categories P, and all of ASCII's punctuation and symbols
bool IsNumeric(char32_t c);         // categories N
bool IsOther(char32_t c);           // controls, formats, private use: what BertNormalizer cleans away
bool IsIdeograph(char32_t c);       // what BertNormalizer puts spaces around
bool IsWordCharacter(char32_t c);   // \w: letters, marks, decimal digits, connectors, joiners
void AppendLowerCase(char32_t c, std::string* out);

int CombiningClass(char32_t c);
// Whether a normalization form decomposes it, where our library says that it does.
bool HasDecomposition(char32_t c, bool is_compatible);

// Whether `text`, valid UTF-8, has characters that regular expressions know in the published tokenizers, but
// perhaps not in our library.
bool HasNewerCharacters(std::string_view text);
// `text` with an older character of the same category and size in place of each of those.
std::string WithOlderCharacters(std::string_view text);

}  // namespace tern
