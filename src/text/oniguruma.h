#pragma once
// Published tokenizers write their patterns for Oniguruma (Ruby syntax); ours run in PCRE2. Pure functions.

#include <string>
#include <string_view>

#include "base/result.h"

namespace tern {

// `pattern` in PCRE2's syntax, for PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE. It differs where the two read the
// same text in another way: \s, \w, \h, \b, \u, nested classes and &&, long property names, {1,3}+, {,3},
// (?m). Errors: classes nested too deeply, a class or group that does not end.
Result<std::string> PcreFromOniguruma(std::string_view pattern);

}  // namespace tern
