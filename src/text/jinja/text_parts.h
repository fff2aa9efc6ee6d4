#pragma once
// Text operations that methods and filters share.

#include "text/jinja/workspace.h"

namespace tern::jinja {

// Without the given characters (null: white space) at either end.
Value StripText(Workspace& workspace, const Text& text, const Text* chars, bool left, bool right);
// The first `count` occurrences (-1: all) of `before` replaced.
Result<Value> ReplaceText(Workspace& workspace, const Text& text, const Text& before, const Text& after,
                          int64_t count);
// The texts of the items with a separator between them; other values become text first unless `strict`.
Result<Value> JoinTexts(Workspace& workspace, const Text& separator, std::span<const Value> items,
                        bool strict);
// Padded on both sides to `width` code points.
Result<Value> CenterText(Workspace& workspace, const Text& text, int64_t width, const Text* fill);

enum class Case { kLower, kUpper, kTitle, kCapital, kSwapped, kFolded };
Value ChangeCase(Workspace& workspace, const Text& text, Case to);

}  // namespace tern::jinja
