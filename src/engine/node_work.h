#pragma once
// What a node of a graph has to do in one step, counted from shapes, attributes and packed sizes: the bytes
// and operations that its time is held against.

#include <span>

#include "backends/cpu/limits/limits.h"
#include "backends/step_profile.h"
#include "ops/kv_store.h"

namespace tern {

struct NodeWork {
  double weight_bytes = 0;      // packed, or as in the file where they are used as they lie there
  double kv_bytes = 0;          // read by attention, each position once; written by kv_append
  double activation_bytes = 0;  // values read and written, by shape; mostly in caches
  double int8_ops = 0;          // 2 per multiply-add; int16-class activations count twice
  double f32_ops = 0;           // of linears in f32 and of attention's two products

  NodeWork& operator+=(const NodeWork& other);
};

// What the counts depend on, beside the node.
struct WorkContext {
  const Graph& graph;
  const StepProfile& step;  // rows, outputs and spans of it
  std::span<const KvLayer> kv_layers;
  KvType kv_type;
};
// Experts are counted as if each row chose others, while there are any.
NodeWork CountWork(const WorkContext& context, const PlanLayout::Item& item);

// Microseconds that the work takes at the machine's limits: its weights and KV at the read rate, its
// operations at their peaks.
struct LimitTime {
  double memory_us = 0, compute_us = 0;
  bool memory_bound() const { return memory_us >= compute_us; }
  double us() const { return memory_bound() ? memory_us : compute_us; }
};
LimitTime TimeAtLimits(const NodeWork& work, const MachineLimits& limits);

}  // namespace tern
