#pragma once
// Place: where something stands in a template's source.

#include <fmt/core.h>

#include <string>

#include "base/result.h"

namespace tern::jinja {

struct Place {
  int line = 1, column = 1;  // columns count code points
};

// The error as it is told: "line 3, column 14: what".
inline Error At(Place place, const Error& error) {
  return {error.code, fmt::format("line {}, column {}: {}", place.line, place.column, error.what)};
}

}  // namespace tern::jinja
