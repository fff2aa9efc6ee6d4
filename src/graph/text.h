#pragma once
// The textual form of a graph, read back: what Print writes, and what people write in tests
// (docs/formats/gt.md). Weights carry a type and a name only; unless the text lists their numbers they get
// numbers made from the name, so that two texts with the same names compute the same.

#include <string_view>

#include "base/result.h"
#include "graph/graph.h"

namespace tern {

// The graph, verified. Errors name the line: "line 4: %7: no such value".
Result<Graph> ParseGraph(std::string_view text);

}  // namespace tern
