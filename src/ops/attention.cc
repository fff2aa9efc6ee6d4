#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/output_rows.h"
#include "ops/quantized_rows.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

// Far beyond every model; products of two stay far from overflow.
constexpr int64_t kMost = 1 << 20;
constexpr int64_t kFarthest = std::numeric_limits<int>::max();
constexpr int64_t kMostDistance = 1 << 16;

struct Range {
  int64_t low = 0, high = kMost;
};

Result<int> ReadInt(const Attrs& attrs, std::string_view name, Range range) {
  TERN_TRY(const int64_t value, ExpectAttr(attrs, name, range.low));
  if (value <= range.high) return static_cast<int>(value);
  return BadInput("attribute " + std::string(name) + ": " + std::to_string(value) + ", expected at most " +
                  std::to_string(range.high));
}

Result<int> ReadIntOr(const Attrs& attrs, std::string_view name, Range range, int fallback) {
  return attrs.all().contains(name) ? ReadInt(attrs, name, range) : fallback;
}

Status ReadBuckets(const Attrs& attrs, AttentionForm& form) {
  TERN_TRY(form.buckets, ReadInt(attrs, "buckets", {4}));
  TERN_TRY(form.max_distance, ReadInt(attrs, "max_distance", {1, kMostDistance}));
  form.bidirectional = attrs.Int("bidirectional", 0) != 0;
  const int exact = form.buckets / (form.bidirectional ? 4 : 2);
  if (form.max_distance > exact) return {};
  return BadInput("attribute max_distance: " + std::to_string(form.max_distance) + ", expected more than " +
                  std::to_string(exact));
}

Status CheckChoice(const AttentionForm& form) {
  const auto [keep, leave] = form.choice;
  if (!(keep >= 0 && keep <= 1)) {
    return BadInput("attribute keep: " + std::to_string(keep) + ", expected 0 to 1");
  }
  if (!(leave >= 0 && leave < 1)) {
    return BadInput("attribute leave: " + std::to_string(leave) + ", expected at least 0 and below 1");
  }
  if (!form.block_sparse()) return {};
  if (form.causal && form.window == 0 && !form.has_alibi && !form.has_buckets) return {};
  return BadInput("attribute keep: " + std::to_string(keep) +
                  ", expected causal attention without window, alibi and bucket_bias beside it");
}

}  // namespace

Result<AttentionForm> ParseAttention(const Attrs& attrs) {
  AttentionForm form;
  TERN_TRY(form.layer, ReadInt(attrs, "layer", {0}));
  TERN_TRY(form.heads, ReadInt(attrs, "heads", {1}));
  TERN_TRY(form.kv_heads, ReadInt(attrs, "kv_heads", {1}));
  TERN_TRY(form.head_dim, ReadInt(attrs, "head_dim", {1}));
  TERN_TRY(form.v_dim, ReadIntOr(attrs, "v_dim", {1}, form.head_dim));
  TERN_TRY(form.window, ReadIntOr(attrs, "window", {0, kFarthest}, 0));
  form.causal = attrs.Int("causal", 1) != 0;
  form.source = attrs.Int("source", 0) != 0;
  form.int16 = attrs.Int("int16", 0) != 0;
  form.scale = attrs.Float("scale", 1);
  form.softcap = attrs.Float("softcap", 0);
  form.choice = {.keep = attrs.Float("keep", 0), .leave = attrs.Float("leave", 0)};
  form.has_sinks = attrs.Int("sinks", 0) != 0;
  form.has_alibi = attrs.Int("alibi", 0) != 0;
  form.has_buckets = attrs.Int("bucket_bias", 0) != 0;
  if (form.heads % form.kv_heads != 0) {
    return BadInput("attribute kv_heads: " + std::to_string(form.kv_heads) + ", expected a divisor of " +
                    std::to_string(form.heads) + " heads");
  }
  if (form.source && (form.causal || form.window != 0)) {
    return BadInput("attribute source: 1, expected causal 0 and no window beside it");
  }
  if (!(form.softcap >= 0 && std::isfinite(form.softcap))) {
    return BadInput("attribute softcap: " + std::to_string(form.softcap) +
                    ", expected 0 or a positive number");
  }
  if (form.has_buckets) TERN_TRY_STATUS(ReadBuckets(attrs, form));
  TERN_TRY_STATUS(CheckChoice(form));
  TERN_TRY(form.output, ParseRowElem("output", attrs.Str("output", "f32")));
  if (form.output != Elem::kF32 && form.v_dim % kActGroup != 0) {
    return BadInput("attribute output: quantized, expected v_dim " + std::to_string(form.v_dim) +
                    " to be a multiple of " + std::to_string(kActGroup));
  }
  return form;
}

int AttentionForm::First(int position) const {
  if (window == 0 || window > position) return 0;
  return causal ? position - window + 1 : position - window;
}

int AttentionForm::Last(int position, int end) const {
  if (causal) return position;
  return window == 0 || window >= end - position ? end - 1 : position + window;
}

int RelativeBucket(const AttentionForm& form, int distance) {
  const int buckets = form.bidirectional ? form.buckets / 2 : form.buckets;
  const int start = form.bidirectional && distance > 0 ? buckets : 0;
  const int n = form.bidirectional ? std::abs(distance) : std::max(0, -distance);
  const int exact = buckets / 2;
  if (n < exact) return start + n;
  const float share = std::log(static_cast<float>(n) / static_cast<float>(exact)) /
                      std::log(static_cast<float>(form.max_distance) / static_cast<float>(exact));
  const float wide = std::min(share * static_cast<float>(buckets - exact), static_cast<float>(buckets));
  return start + std::min(buckets - 1, exact + static_cast<int>(wide));
}

namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY(const AttentionForm form, ParseAttention(attrs));
  TERN_TRY_STATUS(ExpectCount(inputs, form.inputs()));
  TERN_TRY_STATUS(ExpectRows("q", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectState("kv", inputs[1]));
  const int64_t width = int64_t{form.heads} * form.head_dim;
  if (Columns(inputs[0]) != width) {
    return BadInput("q: " + Describe(inputs[0]) + ", expected " + std::to_string(width) + " columns");
  }
  if (form.has_sinks) TERN_TRY_STATUS(ExpectWeight("sinks", inputs[form.sinks_input()], {form.heads}));
  if (form.has_alibi) TERN_TRY_STATUS(ExpectWeight("alibi", inputs[form.alibi_input()], {form.heads}));
  if (form.has_buckets) {
    TERN_TRY_STATUS(ExpectWeight("bias", inputs[form.buckets_input()], {form.buckets, form.heads}));
  }
  return std::vector<ValueType>{{form.output, {inputs[0].shape[0], int64_t{form.heads} * form.v_dim}}};
}

// One query row of one head, over positions that it sees.
class HeadRow {
 public:
  HeadRow(const OpArgs& args, const AttentionForm& form, const SequenceSpan& sequence, int head)
      : form_(form),
        args_(args),
        sequence_(sequence),
        kv_head_(head / (form.heads / form.kv_heads)),
        k_(static_cast<size_t>(form.head_dim)),
        v_(static_cast<size_t>(form.v_dim)) {
    const auto h = static_cast<size_t>(head);
    if (form.has_sinks) sink_ = DecodeAll(args.inputs[form.sinks_input()])[h];
    if (form.has_alibi) slope_ = DecodeAll(args.inputs[form.alibi_input()])[h];
    if (!form.has_buckets) return;
    const std::vector<float> bias = DecodeAll(args.inputs[form.buckets_input()]);
    for (size_t i = h; i < bias.size(); i += static_cast<size_t>(form.heads)) bias_.push_back(bias[i]);
  }

  // softmax(scores) V (Vaswani et al. 2017, arXiv 1706.03762) over the positions in `seen`.
  void Attend(int position, std::span<const int> seen, const float* q, float* out) {
    std::vector<double> score;
    for (const int j : seen) {
      Load(j);
      score.push_back(Score(q, j - position));
    }
    double top = *std::max_element(score.begin(), score.end());
    if (form_.has_sinks) top = std::max(top, sink_);
    std::vector<double> sum(v_.size(), 0);
    double total = form_.has_sinks ? std::exp(sink_ - top) : 0;
    for (size_t i = 0; i < seen.size(); ++i) {
      Load(seen[i]);
      const double p = std::exp(score[i] - top);
      total += p;
      for (size_t c = 0; c < v_.size(); ++c) sum[c] += p * v_[c];
    }
    for (size_t c = 0; c < v_.size(); ++c) out[c] = static_cast<float>(sum[c] / total);
  }

 private:
  void Load(int j) {
    const int32_t block = args_.kv->BlockOf(sequence_, form_.layer, j / kKvBlockTokens);
    args_.kv->LoadRow(form_.layer, block, kv_head_, j % kKvBlockTokens, k_.data(), v_.data());
  }

  double Score(const float* q, int distance) const {
    double score = 0;
    for (size_t c = 0; c < k_.size(); ++c) score += static_cast<double>(q[c]) * k_[c];
    score *= form_.scale;
    if (form_.softcap > 0) score = form_.softcap * std::tanh(score / form_.softcap);
    if (form_.has_alibi) score += slope_ * distance;
    if (form_.has_buckets) score += bias_[static_cast<size_t>(RelativeBucket(form_, distance))];
    return score;
  }

  const AttentionForm& form_;
  const OpArgs& args_;
  const SequenceSpan& sequence_;
  const int kv_head_;
  double sink_ = 0, slope_ = 0;
  std::vector<float> bias_;  // by bucket
  std::vector<float> k_, v_;
};

// The positions that row i of a sequence sees, by a KV head's heads.
class SeenPositions {
 public:
  SeenPositions(const OpArgs& args, const AttentionForm& form, const SequenceSpan& sequence)
      : args_(args), form_(form), sequence_(sequence) {}

  std::vector<int> Of(int i, int kv_head) const {
    const int position = sequence_.first_position + i;
    const int last = form_.Last(position, form_.End(sequence_));
    std::vector<bool> sees_block(static_cast<size_t>(last / kChoiceTokens + 1), true);
    if (form_.block_sparse()) Choose(i, kv_head, sees_block);
    std::vector<int> seen;
    for (int j = form_.First(position); j <= last; ++j) {
      if (sees_block[static_cast<size_t>(j / kChoiceTokens)]) seen.push_back(j);
    }
    return seen;
  }

 private:
  void Choose(int i, int kv_head, std::vector<bool>& sees_block) const {
    const int position = sequence_.first_position + i;
    const ChoiceRange range = RangeOf(position);
    if (range.count() == 0) return;
    std::vector<float> promise(static_cast<size_t>(range.count()), 0);
    const int group = form_.heads / form_.kv_heads;
    const int64_t row = int64_t{sequence_.first_row} + i;
    const float* q = args_.inputs[0].f32() + row * args_.inputs[0].cols();
    for (int head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      const std::vector<double> share = SharesOfMeans(q + int64_t{head} * form_.head_dim, kv_head, position);
      for (int b = range.begin * kChoiceParts; b < range.end * kChoiceParts; ++b) {
        promise[static_cast<size_t>(b / kChoiceParts - range.begin)] +=
            static_cast<float>(share[static_cast<size_t>(b)] / group);
      }
    }
    std::vector<uint64_t> order(promise.size());
    TakeMostPromising(promise, form_.choice, order);
    for (size_t b = 0; b < promise.size(); ++b) {
      sees_block[static_cast<size_t>(range.begin) + b] = promise[b] >= 0;
    }
  }

  // Of full KV blocks up to a position: softmax over their means.
  std::vector<double> SharesOfMeans(const float* q, int kv_head, int position) const {
    std::vector<double> share;
    for (int b = 0; b < FullKvBlocks(position); ++b) share.push_back(form_.scale * DotMean(q, kv_head, b));
    const double top = *std::max_element(share.begin(), share.end());
    double total = 0;
    for (double& s : share) total += s = std::exp(s - top);
    for (double& s : share) s /= total;
    return share;
  }

  // q times the mean of a KV block's keys.
  double DotMean(const float* q, int kv_head, int block) const {
    const auto dim = static_cast<size_t>(form_.head_dim);
    std::vector<float> k(dim), v(static_cast<size_t>(form_.v_dim));
    double sum = 0;
    for (int slot = 0; slot < kKvBlockTokens; ++slot) {
      args_.kv->LoadRow(form_.layer, sequence_.blocks[static_cast<size_t>(block)], kv_head, slot, k.data(),
                        v.data());
      for (size_t c = 0; c < dim; ++c) sum += static_cast<double>(q[c]) * k[c];
    }
    return sum / kKvBlockTokens;
  }

  const OpArgs& args_;
  const AttentionForm& form_;
  const SequenceSpan& sequence_;
};

void Reference(const OpArgs& args) {
  const AttentionForm form = ParseAttention(args.attrs).value();
  const View &q = args.inputs[0], &out = args.outputs[0];
  std::vector<float> y(static_cast<size_t>(out.rows() * out.cols()));
  for (const SequenceSpan& sequence : args.batch.sequences) {
    const SeenPositions seen(args, form, sequence);
    for (int head = 0; head < form.heads; ++head) {
      HeadRow row(args, form, sequence, head);
      for (int i = 0; i < sequence.rows; ++i) {
        const int64_t r = int64_t{sequence.first_row} + i;
        const std::vector<int> positions = seen.Of(i, head / (form.heads / form.kv_heads));
        row.Attend(sequence.first_position + i, positions,
                   q.f32() + r * q.cols() + int64_t{head} * form.head_dim,
                   y.data() + r * out.cols() + int64_t{head} * form.v_dim);
      }
    }
  }
  WriteRows(y, out);
}

}  // namespace
extern const OpDesc k_op_attention;
const OpDesc k_op_attention = {
    .name = "attention",
    .summary =
        "q f32[T,H*d], state, [sinks [H]], [alibi [H]], [bias [buckets,H]] -> rows of H*v_dim, over KV layer "
        "`layer`; heads, kv_heads, head_dim, scale, v_dim, window (0: none), causal, source, softcap, sinks, "
        "alibi, "
        "bucket_bias, output, int16, keep, leave",
    .infer = Infer,
    .reference = Reference};
}  // namespace tern
