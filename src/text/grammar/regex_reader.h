#pragma once
// Reads a regular expression into an expression. No back-references, no look-behind: what is left is regular,
// and matched in linear time. Syntax: docs/structured-output.md.

#include <string_view>

#include "base/result.h"
#include "text/grammar/expressions.h"

namespace tern::grammar {

struct RegexReading {
  bool is_search = false;       // matches anywhere in the text, unless anchored
  bool is_ecmascript = false;   // "." leaves out all of ECMAScript's line terminators, not "\n" alone
  bool* looks_ahead = nullptr;  // set where it does; nothing: that is not supported
};
// The expression consists of classes, sequences, choices, repetitions and look-ahead (which only DfaOf
// takes). Errors begin with "byte 17: ".
Result<ExprId> ReadRegex(std::string_view pattern, RegexReading reading, Expressions* expressions);

}  // namespace tern::grammar
