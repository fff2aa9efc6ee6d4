#include "engine/node_work.h"

#include <algorithm>

#include "graph/memory.h"
#include "ops/attention.h"

namespace tern {
namespace {

double KvTokenBytes(const WorkContext& c, int64_t layer) {
  if (layer < 0 || static_cast<size_t>(layer) >= c.kv_layers.size()) return 0;
  const KvLayer& kv = c.kv_layers[static_cast<size_t>(layer)];
  return static_cast<double>(KvStore::BlockBytes({kv}, c.kv_type)) / kKvBlockTokens;
}

void CountAttention(const WorkContext& c, const Node& node, NodeWork& work) {
  const auto form = ParseAttention(node.attrs);
  if (!form.ok()) return;
  const AttentionForm& f = form.value();
  double products = 0, tokens = 0;
  for (const StepProfile::Span& span : c.step.spans) {
    const int last = span.first_position + span.rows - 1;
    const int end = f.End({.rows = span.rows,
                           .first_position = span.first_position,
                           .blocks = {},
                           .source_tokens = span.source_tokens});
    const auto seen = [&](int p) {
      return f.block_sparse() ? MostSeen(p, f.choice) : f.Last(p, end) - f.First(p) + 1;
    };
    for (int p = span.first_position; p <= last; ++p) products += seen(p);
    // Of many rows every key is likely seen by one.
    if (span.rows == 1) tokens += seen(last);
    if (span.rows > 1) tokens += f.Last(last, end) - f.First(span.first_position) + 1;
  }
  work.f32_ops += 2.0 * f.heads * (f.head_dim + f.v_dim) * products;
  work.kv_bytes += tokens * KvTokenBytes(c, f.layer);
}

// Every row of a moe_mlp's step may choose experts of its own.
double ExpertFactor(const WorkContext& c, const Node& node, double rows) {
  const double experts = static_cast<double>(c.graph.value(node.inputs[3]).type.shape[0]);
  const double top_k = static_cast<double>(c.graph.value(node.inputs[1]).type.shape[1]);
  return std::min(rows * top_k, experts) / std::min(top_k, experts);
}

double UnpackedBytes(const WorkContext& c, const Node& node, double rows) {
  double bytes = 0;
  for (const ValueId id : node.inputs) {
    const Value& value = c.graph.value(id);
    if (!value.is_weight()) continue;
    const Tensor tensor = value.tensor();
    const double read = node.op->name == "embed" ? rows : static_cast<double>(tensor.rows());
    bytes += read * static_cast<double>(tensor.row_bytes());
  }
  return bytes;
}

double Rows(const WorkContext& c, const Node& node) {
  const Value& out = c.graph.value(node.outputs[0]);
  const Shape& shape = out.type.shape.empty() ? c.graph.value(node.inputs[0]).type.shape : out.type.shape;
  if (shape.empty()) return 1;
  if (shape[0] == kDimTokens) return c.step.rows;
  return shape[0] == kDimOutputs ? c.step.outputs : static_cast<double>(shape[0]);
}

}  // namespace

NodeWork& NodeWork::operator+=(const NodeWork& other) {
  weight_bytes += other.weight_bytes;
  kv_bytes += other.kv_bytes;
  activation_bytes += other.activation_bytes;
  int8_ops += other.int8_ops;
  f32_ops += other.f32_ops;
  return *this;
}

NodeWork CountWork(const WorkContext& c, const PlanLayout::Item& item) {
  const Node& node = c.graph.nodes()[item.node];
  const double rows = Rows(c, node);
  NodeWork work;
  work.int8_ops = rows * item.int8_ops_per_row;
  work.f32_ops = rows * item.f32_ops_per_row;
  if (rows == 0) return work;
  work.weight_bytes =
      item.weight_bytes > 0 ? static_cast<double>(item.weight_bytes) : UnpackedBytes(c, node, rows);
  if (node.op->name == "moe_mlp") work.weight_bytes *= ExpertFactor(c, node, rows);
  const StepLimits shape{.tokens = c.step.rows, .outputs = c.step.outputs};
  for (const std::vector<ValueId>* values : {&node.inputs, &node.outputs}) {
    for (const ValueId id : *values) {
      work.activation_bytes += static_cast<double>(ValueBytes(c.graph.value(id).type, shape));
    }
  }
  if (node.op->name == "attention") CountAttention(c, node, work);
  if (node.op->name == "kv_append") work.kv_bytes += rows * KvTokenBytes(c, node.attrs.Int("layer"));
  return work;
}

LimitTime TimeAtLimits(const NodeWork& work, const MachineLimits& limits) {
  // 1 GB/s is 1000 bytes per microsecond.
  return {
      .memory_us = (work.weight_bytes + work.kv_bytes) / (limits.read_gb_s * 1e3),
      .compute_us = work.int8_ops / (limits.int8_gop_s * 1e3) + work.f32_ops / (limits.fp32_gflop_s * 1e3)};
}

}  // namespace tern
