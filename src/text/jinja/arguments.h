#pragma once
// Arguments of a call, and their binding to parameter names as Python does it.

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/workspace.h"

namespace tern::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;
  // Of `named`, those that came from a mapping (**) start at `mapped`; their names are its keys, and text
  // from wherever it has them.
  size_t mapped = 0;
  std::vector<Value> mapped_keys = {};
};

// The name of named argument i as a value: the template's own text where the template spells it.
Value NameOf(Workspace& workspace, const Arguments& arguments, size_t i);

// An entry of a table of functions.
struct NamedBuiltin {
  std::string_view name;
  Builtin function;
};
// Null if the table has no such entry.
const NamedBuiltin* FindIn(std::span<const NamedBuiltin> table, std::string_view name);

// The arguments in the order of `names`; null where one was left out. An error if the first `required` are
// not all given, if there are too many, or if a name is unknown or given twice. `function` names it in
// messages.
Status BindArguments(std::string_view function, const Arguments& arguments,
                     std::span<const std::string_view> names, size_t required, const Value** bound);

template <size_t N>
Result<std::array<const Value*, N>> Bind(std::string_view function, const Arguments& arguments,
                                         const std::array<std::string_view, N>& names, size_t required = 0) {
  std::array<const Value*, N> bound{};
  TERN_TRY_STATUS(BindArguments(function, arguments, names, required, bound.data()));
  return bound;
}

// What a bound argument must be; `fallback` where it was left out.
Result<int64_t> IntegerOr(const Value* argument, int64_t fallback, std::string_view what);
Result<const Text*> TextOr(const Value* argument, const Text* fallback, std::string_view what);

}  // namespace tern::jinja
