#include <algorithm>
#include <cmath>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectRows("q", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectState("kv", inputs[1]));
  TERN_TRY([[maybe_unused]] const int64_t layer, ExpectAttr(attrs, "layer", 0));
  TERN_TRY([[maybe_unused]] const int64_t window, ExpectAttr(attrs, "window", 0));
  TERN_TRY(const int64_t heads, ExpectAttr(attrs, "heads", 1));
  TERN_TRY(const int64_t kv_heads, ExpectAttr(attrs, "kv_heads", 1));
  TERN_TRY(const int64_t head_dim, ExpectAttr(attrs, "head_dim", 1));
  if (heads % kv_heads != 0) {
    return BadInput("attribute kv_heads: " + std::to_string(kv_heads) + ", expected a divisor of " +
                    std::to_string(heads) + " heads");
  }
  if (Columns(inputs[0]) != heads * head_dim) {
    return BadInput("q: " + Describe(inputs[0]) + ", expected " + std::to_string(heads * head_dim) +
                    " columns");
  }
  return std::vector<ValueType>{inputs[0]};
}

struct Head {
  const OpArgs& args;
  const SequenceSpan& sequence;
  int layer, head_dim, kv_head, window;
  double scale;
};

// softmax(scale q K^T) V over the positions that `position` sees (Vaswani et al. 2017, arXiv 1706.03762).
void AttendRow(const Head& h, int position, const float* q, float* out) {
  const int first = h.window > 0 ? std::max(0, position - h.window + 1) : 0;
  const auto dim = static_cast<size_t>(h.head_dim);
  std::vector<float> k(dim), v(dim);
  std::vector<double> score;
  const auto load = [&](int j) {
    const int32_t block = h.sequence.blocks[static_cast<size_t>(j / kKvBlockTokens)];
    h.args.kv->LoadRow(h.layer, block, h.kv_head, j % kKvBlockTokens, k.data(), v.data());
  };
  for (int j = first; j <= position; ++j) {
    load(j);
    double dot = 0;
    for (size_t c = 0; c < dim; ++c) dot += static_cast<double>(q[c]) * k[c];
    score.push_back(dot * h.scale);
  }
  const double top = *std::max_element(score.begin(), score.end());
  std::vector<double> sum(dim, 0);
  double total = 0;
  for (int j = first; j <= position; ++j) {
    load(j);
    const double p = std::exp(score[static_cast<size_t>(j - first)] - top);
    total += p;
    for (size_t c = 0; c < dim; ++c) sum[c] += p * v[c];
  }
  for (size_t c = 0; c < dim; ++c) out[c] = static_cast<float>(sum[c] / total);
}

void Reference(const OpArgs& args) {
  const Attrs& attrs = args.attrs;
  const int heads = static_cast<int>(attrs.Int("heads"));
  const int head_dim = static_cast<int>(attrs.Int("head_dim"));
  const int group = heads / static_cast<int>(attrs.Int("kv_heads"));
  const double scale = attrs.Float("scale", 1);
  for (const SequenceSpan& sequence : args.batch.sequences) {
    for (int i = 0; i < sequence.rows; ++i) {
      for (int head = 0; head < heads; ++head) {
        const int64_t at = (int64_t{sequence.first_row} + i) * heads * head_dim + int64_t{head} * head_dim;
        const Head h{args,     sequence,     static_cast<int>(attrs.Int("layer")),
                     head_dim, head / group, static_cast<int>(attrs.Int("window")),
                     scale};
        AttendRow(h, sequence.first_position + i, args.inputs[0].f32() + at, args.outputs[0].f32() + at);
      }
    }
  }
}

}  // namespace
extern const OpDesc k_op_attention;
const OpDesc k_op_attention = {
    .name = "attention",
    .summary =
        "q f32[T,H*d], state -> f32[T,H*d]: causal, over KV layer `layer`; heads, kv_heads, head_dim, "
        "scale, window (0: none)",
    .infer = Infer,
    .reference = Reference};
}  // namespace tern
