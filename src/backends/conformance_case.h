#pragma once
// For the conformance suite: what it compares with the references, and the part of its cases about attention
// and what stands around it.

#include <functional>
#include <string>
#include <vector>

#include "backends/test_graph.h"

namespace tern {

// What one tie that rounds the other way changes: a step of a code in one of a few hundred products.
inline constexpr double kQuantizedTolerance = 2e-3;

// One graph to compare. Its KV layers, if any, are written by its kv_append nodes.
struct Case {
  std::string name;
  std::function<void(TestGraph&)> build;
  double tolerance = 1e-5;  // of the largest |result|
  std::vector<KvLayer> kv = {};
  KvType kv_type = KvType::kF32;
};

struct AttentionShape {
  int heads, kv_heads, head_dim, window;
  int v_dim = 0;  // 0: as head_dim

  int value_dim() const { return v_dim > 0 ? v_dim : head_dim; }
};

// Attention beyond the plain form: more attributes, and the weights behind the state.
struct AttentionExtra {
  const char* name = "nothing more";
  Attrs attrs = {};
  enum Weight : uint8_t { kPerHead, kBuckets };
  std::vector<Weight> weights = {};
};
inline constexpr int64_t kTestBuckets = 32;
// All of them at once; causal.
AttentionExtra EveryExtra();

Attrs AttentionAttrs(const AttentionShape& s, int64_t layer);
ValueId AddAttention(TestGraph& g, std::vector<ValueId> inputs, const AttentionShape& s,
                     const AttentionExtra& extra);

void AddAttentions(std::vector<Case>& cases);
void AddColumnOps(std::vector<Case>& cases);  // slice, concat, head_linear

}  // namespace tern
