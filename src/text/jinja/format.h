#pragma once
// Python's two ways to fill a text with values: "%s" % x and "{}".format(x).

#include "text/jinja/arguments.h"

namespace tern::jinja {

// `pattern` % `values`: a tuple gives several values, a dict named ones.
Result<Value> FormatPercent(Workspace& workspace, const Text& pattern, const Value& values);
// pattern.format(...): fields may look up attributes and items, as the sandbox allows.
Result<Value> FormatBraces(Workspace& workspace, const Text& pattern, const Arguments& arguments);

}  // namespace tern::jinja
