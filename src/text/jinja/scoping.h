#pragma once
// Which names a scope hides before it assigns them.
//
// Jinja decides by reading ahead what a name in a scope refers to. If the first thing that a scope does with
// a name, in the order of its source and outside of branches, is to assign it, and no enclosing scope
// mentions it, then the name belongs to the scope from its start: inner scopes that read it earlier see it
// undefined, even if the template was given a variable of that name. {% for x in xs %}{{ a }}{% endfor %}{%
// set a = 1 %} prints nothing.

#include "text/jinja/ast.h"

namespace tern::jinja {

// Fills in Body::hidden everywhere.
void FindHiddenNames(Template* source);

}  // namespace tern::jinja
