#pragma once
// What the operators of an expression do: Python's semantics of truth, equality, order, membership,
// arithmetic and iteration. Errors say what Python would: "unsupported operand type(s) for +: 'int' and
// 'str'".

#include <span>

#include "text/jinja/ast.h"
#include "text/jinja/workspace.h"

namespace tern::jinja {

// The error of using an undefined value for what needs a value.
Error UndefinedError(const Value& value);
// "line 3: 'int' object is not iterable" and its like.
Error TypeError(std::string_view what);

bool Truth(const Value& value);
bool Equals(Workspace& workspace, const Value& a, const Value& b);
Result<bool> Compare(Workspace& workspace, CompareOp op, const Value& a, const Value& b);
Result<bool> Contains(Workspace& workspace, const Value& container, const Value& item);
Result<Value> Arithmetic(Workspace& workspace, BinaryOp op, const Value& a, const Value& b);
Result<Value> Signed(Workspace& workspace, UnaryOp op, const Value& value);

// The items that iterating yields: keys of a dict, code points of a text. What a generator yields, it yields
// once. The span lives as long as the workspace.
Result<std::span<const Value>> Items(Workspace& workspace, const Value& value);
Result<size_t> Length(const Value& value);

// a + b for texts, with the escaping that markup asks for.
Value Concatenate(Workspace& workspace, const Text& a, const Text& b);
// & < > ' " as HTML entities; markup stays as it is.
Value Escape(Workspace& workspace, const Text& text);

}  // namespace tern::jinja
