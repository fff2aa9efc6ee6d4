#pragma once
// Parts of regular expressions that stand for sets of characters: escapes and bracket classes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/grammar/expressions.h"

namespace tern::grammar {

inline constexpr size_t kMostGroupDepth = 256;     // in each other
inline constexpr uint32_t kMostRepeats = 100'000;  // counted

// A pattern and where its reader is.
struct PatternText {
  std::string_view text;  // valid UTF-8
  size_t at = 0;
  PatternText(std::string_view whole) : text(whole) {}

  bool done() const { return at >= text.size(); }
  bool Skip(std::string_view word);
  std::optional<uint64_t> Number();  // decimal, saturating
  char32_t Character();              // takes one; there is one
  Error Bad(std::string_view problem) const;
  Error NotSupported(std::string_view what) const;
};

// "\d", "\n", "\x41", "\p{Lu}", "\.": takes it.
Result<CharSet> ReadEscape(PatternText* in, bool in_class);
// "[a-z]", "[^\s]": takes it, unless the expressions are exhausted.
Result<CharSet> ReadBracketClass(PatternText* in, Expressions* expressions);

}  // namespace tern::grammar
