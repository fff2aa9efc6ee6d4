#pragma once
// One value laid out by a format specification: Python's format() mini-language, which % formatting shares.

#include <string>
#include <string_view>

#include "text/jinja/workspace.h"

namespace tern::jinja {

struct FormatSpec {
  std::string fill = " ";  // one code point
  char align = 0;          // '<', '>', '^', '=' (between sign and digits), or 0: as the type likes
  char sign = '-';         // '-', '+' or ' '
  bool alternate = false;  // 0x, 0o, 0b
  int64_t width = 0;
  char group = 0;  // ',' or '_' between thousands
  int64_t precision = -1;
  char type = 0;
};

// "[[fill]align][sign][#][0][width][grouping][.precision][type]"
Result<FormatSpec> ParseFormatSpec(std::string_view text);

// Appends the value; texts keep their origin, what numbers become counts as text from outside.
Status AppendFormatted(Workspace& workspace, const Value& value, const FormatSpec& spec, TextBuilder* out);

}  // namespace tern::jinja
