#pragma once
// Lexer: template source to tokens, with the white-space rules that trim_blocks, lstrip_blocks, "-" and "+"
// ask for already applied. Linear in the source; no recursion.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/jinja/place.h"
#include "text/jinja/value.h"

namespace tern::jinja {

enum class TokenKind : uint8_t {
  kData,  // text between tags
  kPrintBegin,
  kPrintEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,  // escapes resolved
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Place place = {};
  std::string text;  // of data, names, strings and operators
  Int integer = 0;
  double real = 0;
};

// The last token is kEnd. An error starts with "line N, column N: ".
Result<std::vector<Token>> Tokenize(std::string_view source);

// "name 'x'", "end of print statement": how messages call a token.
std::string Describe(const Token& token);

}  // namespace tern::jinja
