#pragma once
// Methods of values: what `value.name(...)` may call. Only plain data has methods, and none changes its
// object.

#include <span>
#include <string_view>

#include "text/jinja/arguments.h"

namespace tern::jinja {

// A null function: Python's object has the method, but it would change the object, which the sandbox forbids.
using Method = NamedBuiltin;

// Null if values of this kind have no such method.
const Method* FindMethod(const Value& value, std::string_view name);

// The parts of str, one file each.
std::span<const Method> TextStripMethods();   // strip, split, partition
std::span<const Method> TextSearchMethods();  // find, count, startswith, replace
std::span<const Method> TextCaseMethods();    // upper, title, isdigit
std::span<const Method> TextLayoutMethods();  // join, center, zfill, format

}  // namespace tern::jinja
