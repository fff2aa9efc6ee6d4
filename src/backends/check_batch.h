#pragma once
// What every plan checks before it touches memory: the batch fits the plan, its rows the sequences, and its
// block tables the KV store.

#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "graph/memory.h"
#include "ops/batch.h"
#include "ops/kv_store.h"

namespace tern {

struct BatchRules {
  // A KV layer as the graph's attention nodes read it.
  struct KvUse {
    int layer = 0;
    int kv_heads = 0;
    int head_dim = 0;
    int v_dim = 0;
    bool means = false;  // of blocks' keys
    int window = 0;      // of causal attention; 0: none
  };
  StepLimits limits;
  std::vector<KvUse> kv_uses;
  bool reads_source = false;  // of an encoder-decoder
  // Rows of the smallest table that is looked up by the step's tokens, positions, token types; 0: none is.
  int64_t vocabulary = 0, positions = 0, token_types = 0;
};
BatchRules RulesOf(const Graph& graph, const StepLimits& limits);

// Allocates nothing unless it fails.
Status CheckBatch(const Batch& batch, const KvStore* kv, const BatchRules& rules);

}  // namespace tern
