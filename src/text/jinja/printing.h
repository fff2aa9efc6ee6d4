#pragma once
// How values look as text: Python's str(), repr() and json.dumps().

#include <string>

#include "text/jinja/workspace.h"

namespace tern::jinja {

std::string FormatInteger(Int value);
// The shortest digits that read back as the same number, laid out as Python's repr does.
std::string FormatFloat(double value);

// str(value). Texts stay what they are; what is made from other values counts as text from outside.
Value ToText(Workspace& workspace, const Value& value);
std::string Repr(Workspace& workspace, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  // of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// json.dumps(value): an error for what JSON has no word for.
Result<std::string> DumpJson(Workspace& workspace, const Value& value, const JsonStyle& style);

}  // namespace tern::jinja
