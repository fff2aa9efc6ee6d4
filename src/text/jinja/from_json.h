#pragma once
// JSON documents as values of a template.

#include <boost/json/value.hpp>

#include "text/jinja/workspace.h"

namespace tern::jinja {

// The variables of a rendering. All text in them is text from outside, but for special tokens (bos_token and
// its kin at the top level) and, if `trust_roles`, the plain words that name a message's role. Strings are
// borrowed: `variables` must outlive the workspace. An error names what is nested too deeply or too large.
// Whether a variable of that name holds a special token.
bool IsTokenVariable(std::string_view name);
Result<Value> VariablesFromJson(Workspace& workspace, const boost::json::object& variables, bool trust_roles);

}  // namespace tern::jinja
