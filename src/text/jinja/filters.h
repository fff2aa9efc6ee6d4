#pragma once
// Filters by name: `value | name(arguments)`. The value is `self`.

#include <string_view>

#include "text/jinja/arguments.h"

namespace tern::jinja {

// Null if there is no such filter.
Builtin FindFilter(std::string_view name);

// The parts of the table, one file each.
std::span<const NamedBuiltin> TextFilters();      // upper, trim, indent, tojson
std::span<const NamedBuiltin> SequenceFilters();  // first, sort, batch, groupby
std::span<const NamedBuiltin> MappingFilters();   // map, select, rejectattr
std::span<const NamedBuiltin> ValueFilters();     // default, int, round, length

}  // namespace tern::jinja
