#include "backends/check_batch.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/attention.h"

namespace tern {
namespace {

Status CheckBlocks(std::span<const int32_t> ids, size_t index, int blocks) {
  for (const int32_t block : ids) {
    if (block >= 0 && block < blocks) continue;
    return BadInput(fmt::format("sequence {}: KV block {}, expected 0 to {}", index, block, blocks - 1));
  }
  return {};
}

// What the first row sees, in the layer with the widest window, and all behind it.
Status CheckWindowBlocks(const SequenceSpan& s, size_t index, const KvStore& kv, const BatchRules& rules) {
  int window = 0;
  for (const BatchRules::KvUse& use : rules.kv_uses) {
    if (kv.layer(use.layer).windowed) window = std::max(window, use.window);
  }
  if (window == 0) return {};
  const auto first = static_cast<size_t>(std::max(0, s.first_position - window + 1) / kKvBlockTokens);
  const auto end = static_cast<size_t>((s.first_position + s.rows + kKvBlockTokens - 1) / kKvBlockTokens);
  if (s.window_blocks.size() < end) {
    return BadInput(fmt::format("sequence {}: {} KV blocks of windows for {} positions, expected {}", index,
                                s.window_blocks.size(), s.first_position + s.rows, end));
  }
  return CheckBlocks(s.window_blocks.subspan(first, end - first), index, kv.window_blocks());
}

Status CheckSequence(const SequenceSpan& s, size_t index, int next_row, const KvStore* kv,
                     const BatchRules& rules) {
  if (s.first_row != next_row || s.rows < 0 || s.first_position < 0) {
    return BadInput(fmt::format("sequence {}: rows {} to {}, expected to start at row {}", index, s.first_row,
                                s.first_row + s.rows, next_row));
  }
  if (s.source_tokens < (rules.reads_source ? 1 : 0)) {
    return BadInput(
        fmt::format("sequence {}: a source of {} tokens, expected at least one", index, s.source_tokens));
  }
  const int end = std::max(s.first_position + s.rows, s.source_tokens);
  if (rules.limits.context > 0 && end > rules.limits.context) {
    return BadInput(fmt::format("sequence {}: {} positions, the plan takes at most {}", index, end,
                                rules.limits.context));
  }
  const size_t blocks = static_cast<size_t>((end + kKvBlockTokens - 1) / kKvBlockTokens);
  if (s.blocks.size() < blocks) {
    return BadInput(fmt::format("sequence {}: {} KV blocks for {} positions, expected {}", index,
                                s.blocks.size(), end, blocks));
  }
  TERN_TRY_STATUS(CheckBlocks(s.blocks.first(blocks), index, kv->blocks()));
  return CheckWindowBlocks(s, index, *kv, rules);
}

Status CheckStore(const KvStore* kv, const BatchRules& rules) {
  if (kv == nullptr) return BadInput("KV store: missing, the graph has attention");
  for (const BatchRules::KvUse& use : rules.kv_uses) {
    if (use.layer >= kv->layers()) {
      return BadInput(fmt::format("KV store: {} layers, the graph uses layer {}", kv->layers(), use.layer));
    }
    const KvLayer& layer = kv->layer(use.layer);
    if (layer.kv_heads != use.kv_heads || layer.head_dim != use.head_dim) {
      return BadInput(fmt::format("KV store: layer {} has {} heads of {}, expected {} of {}", use.layer,
                                  layer.kv_heads, layer.head_dim, use.kv_heads, use.head_dim));
    }
    if (layer.value_dim() != use.v_dim) {
      return BadInput(fmt::format("KV store: layer {} has values of {} channels, expected {}", use.layer,
                                  layer.value_dim(), use.v_dim));
    }
    if (layer.windowed && use.window == 0) {
      return BadInput(fmt::format("KV store: layer {} is windowed, attention sees all of it", use.layer));
    }
    if (use.means && !layer.means) {
      return BadInput(fmt::format(
          "KV store: layer {} has no means of blocks, block-sparse attention needs them", use.layer));
    }
  }
  return {};
}

Status CheckIds(std::string_view what, std::span<const int32_t> ids, int64_t rows) {
  for (const int32_t id : ids) {
    if (rows == 0 || (id >= 0 && id < rows)) continue;
    return BadInput(fmt::format("step: {} {}, expected 0 to {}", what, id, rows - 1));
  }
  return {};
}

Status CheckRows(const Batch& batch, const BatchRules& rules) {
  if (batch.rows() > rules.limits.tokens || batch.outputs() > rules.limits.outputs) {
    return Exhausted(fmt::format("step: {} rows and {} outputs, the plan takes at most {} and {}",
                                 batch.rows(), batch.outputs(), rules.limits.tokens, rules.limits.outputs));
  }
  if (batch.positions.size() != batch.tokens.size()) {
    return BadInput(fmt::format("step: {} positions, expected one for each of {} tokens",
                                batch.positions.size(), batch.tokens.size()));
  }
  if (!batch.token_types.empty() && batch.token_types.size() != batch.tokens.size()) {
    return BadInput(fmt::format("step: {} token types, expected one for each of {} tokens, or none",
                                batch.token_types.size(), batch.tokens.size()));
  }
  if (!batch.likeliest.empty() && batch.likeliest.size() != batch.output_rows.size()) {
    return BadInput(
        fmt::format("step: {} wishes for likeliest tokens, expected one for each of {} outputs, or none",
                    batch.likeliest.size(), batch.output_rows.size()));
  }
  for (const WantedLogits& l : batch.likeliest) {
    TERN_TRY_STATUS(CheckIds("likeliest: token id", l.always, rules.vocabulary));
    if (!std::is_sorted(l.always.begin(), l.always.end())) {
      return BadInput("step: likeliest: tokens out of order, expected ascending");
    }
  }
  TERN_TRY_STATUS(CheckIds("token id", batch.tokens, rules.vocabulary));
  TERN_TRY_STATUS(CheckIds("position", batch.positions, rules.positions));
  TERN_TRY_STATUS(CheckIds("token type", batch.token_types, rules.token_types));
  for (const int32_t row : batch.output_rows) {
    if (row >= 0 && row < batch.rows()) continue;
    return BadInput(fmt::format("step: output row {}, expected 0 to {}", row, batch.rows() - 1));
  }
  return {};
}

}  // namespace

BatchRules RulesOf(const Graph& graph, const StepLimits& limits) {
  BatchRules rules;
  rules.limits = limits;
  for (const Node& node : graph.nodes()) {
    if (node.op->name == "attention") {
      const AttentionForm form = ParseAttention(node.attrs).value();  // the graph is verified
      rules.reads_source = rules.reads_source || form.source;
      rules.kv_uses.push_back({form.layer, form.kv_heads, form.head_dim, form.v_dim, form.block_sparse(),
                               form.causal && !form.source ? form.window : 0});
    }
    if (node.op->name == "embed") {
      const int64_t rows = graph.value(node.inputs[1]).type.shape[0];
      const std::string& by = graph.value(node.inputs[0]).name;
      int64_t& most = by == "positions"     ? rules.positions
                      : by == "token_types" ? rules.token_types
                                            : rules.vocabulary;
      most = most == 0 ? rows : std::min(most, rows);
    }
  }
  return rules;
}

Status CheckBatch(const Batch& batch, const KvStore* kv, const BatchRules& rules) {
  TERN_TRY_STATUS(CheckRows(batch, rules));
  if (rules.kv_uses.empty()) return {};
  TERN_TRY_STATUS(CheckStore(kv, rules));
  int next_row = 0;
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    TERN_TRY_STATUS(CheckSequence(batch.sequences[i], i, next_row, kv, rules));
    next_row += batch.sequences[i].rows;
  }
  if (next_row == batch.rows()) return {};
  return BadInput(fmt::format("step: its sequences have {} rows, its tokens {}", next_row, batch.rows()));
}

}  // namespace tern
