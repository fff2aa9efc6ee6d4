#include "text/jinja/arguments.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace tern::jinja {

const NamedBuiltin* FindIn(std::span<const NamedBuiltin> table, std::string_view name) {
  const auto at =
      std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.name == name; });
  return at == table.end() ? nullptr : &*at;
}

Value NameOf(Workspace& workspace, const Arguments& arguments, size_t i) {
  const size_t from_mapping = i - arguments.mapped;  // wraps where i is before
  if (from_mapping < arguments.mapped_keys.size()) return arguments.mapped_keys[from_mapping];
  return workspace.heap().BorrowText(arguments.named[i].first, true);
}

Status BindArguments(std::string_view function, const Arguments& arguments,
                     std::span<const std::string_view> names, size_t required, const Value** bound) {
  if (arguments.positional.size() > names.size()) {
    return BadInput(fmt::format("{}: {} arguments given, expected at most {}", function,
                                arguments.positional.size(), names.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      return BadInput(fmt::format("{}: unexpected keyword argument '{}'", function, name));
    }
    const Value*& slot = bound[at - names.begin()];
    if (slot) return BadInput(fmt::format("{}: multiple values for argument '{}'", function, name));
    slot = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!bound[i]) return BadInput(fmt::format("{}: missing argument '{}'", function, names[i]));
  }
  return {};
}

Result<int64_t> IntegerOr(const Value* argument, int64_t fallback, std::string_view what) {
  if (!argument) return fallback;
  if (!argument->is_integral()) {
    return BadInput(fmt::format("{}: {} where an integer was expected", what, TypeName(*argument)));
  }
  // A larger size or index than fits acts like the largest that does.
  const Int value = argument->integer();
  constexpr Int kMax = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::clamp(value, -kMax, kMax));
}

Result<const Text*> TextOr(const Value* argument, const Text* fallback, std::string_view what) {
  if (!argument) return fallback;
  if (argument->is_text()) return &argument->text();
  return BadInput(fmt::format("{}: {} where a string was expected", what, TypeName(*argument)));
}

}  // namespace tern::jinja
