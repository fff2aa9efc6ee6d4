#pragma once
// Reads a regular expression into an expression. No back-references, no look-around: what is left is regular,
// and matched in linear time. Syntax: docs/structured-output.md.

#include <string_view>

#include "base/result.h"
#include "text/grammar/expressions.h"

namespace tern::grammar {

struct RegexReading {
  bool is_search = false;      // matches anywhere in the text, unless anchored
  bool is_ecmascript = false;  // "." leaves out all of ECMAScript's line terminators, not "\n" alone
};
// The expression consists of classes, sequences, choices and repetitions. Errors begin with "byte 17: ".
Result<ExprId> ReadRegex(std::string_view pattern, RegexReading reading, Expressions* expressions);

}  // namespace tern::grammar
