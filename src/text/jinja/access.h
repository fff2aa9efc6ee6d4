#pragma once
// Reaching into values: attributes, items, slices, as Jinja's immutable sandbox allows them.

#include <string_view>

#include "text/jinja/workspace.h"

namespace tern::jinja {

// value.name: a method or attribute first, then a dict's key. What is missing is an undefined value, not an
// error; reaching into an undefined value is an error.
Result<Value> GetAttribute(Workspace& workspace, const Value& value, std::string_view name);
// value[index]: an item first, then an attribute.
Result<Value> GetItem(Workspace& workspace, const Value& value, const Value& index);
// value[start:stop:step]; each may be none.
Result<Value> GetSlice(Workspace& workspace, const Value& value, const Value& start, const Value& stop,
                       const Value& step);
// Follows "a.b.0" item by item, as the attribute arguments of filters do. What is missing on the way becomes
// `fallback`, unless that is none.
Result<Value> GetPath(Workspace& workspace, Value value, const Value& path, const Value& fallback);

}  // namespace tern::jinja
