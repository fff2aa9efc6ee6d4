#pragma once
// Runs a graph by the references of its ops: slow, obviously right, and the same on every machine. Tests
// compare rewritten graphs, models and backends with it.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace tern {

struct ReferenceInputs {
  // Gives the graph inputs tokens, positions [T] and output_rows [R] by their names, and the values of T and
  // R.
  Batch batch;
  KvStore* kv = nullptr;  // where the graph has attention
  // Other graph inputs, row-major; quantized here where the graph wants quantized rows.
  std::map<std::string, std::vector<float>, std::less<>> rows;
};

// The graph outputs, row-major f32; quantized outputs dequantized. Errors name an input that is missing or
// has the wrong size.
Result<std::vector<std::vector<float>>> RunReference(const Graph& graph, const ReferenceInputs& inputs);

}  // namespace tern
