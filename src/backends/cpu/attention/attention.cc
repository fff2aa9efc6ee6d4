#include "backends/cpu/attention/attention.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "backends/cpu/step.h"
#include "base/isa.h"
#include "ops/attention.h"

namespace tern {

const AttentionKernels& PickAttention([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return name;
#include "backends/cpu/attention/kernels.inc"
#undef KERNEL
  return attention_none;
}

namespace {

// Rows (tokens x heads of one KV head) that share one pass over K and V.
constexpr int kPassRows = 48;
// Room for the segments of sequences that are split over threads.
constexpr size_t kSplitBytes = size_t{4} << 20;
// With this many tasks per thread nothing needs to be split.
constexpr int kEnoughTasks = 4;

struct Shape {
  int layer, heads, kv_heads, head_dim, window;
  float scale;

  size_t group() const { return static_cast<size_t>(heads / kv_heads); }
  size_t width() const { return (static_cast<size_t>(head_dim) + 15) / 16 * 16; }
  int pass_tokens() const { return std::max(1, kPassRows / (heads / kv_heads)); }
  size_t pass_rows() const { return static_cast<size_t>(pass_tokens()) * group(); }
  size_t state_floats(size_t rows) const { return rows * (2 + width()); }
};

AttentionState StateAt(float* memory, size_t rows) { return {memory, memory + rows, memory + 2 * rows}; }

void Clear(const AttentionState& state, size_t rows, size_t width) {
  std::fill_n(state.top, rows, kNoScore);
  std::fill_n(state.sum, rows, 0.f);
  std::fill_n(state.out, rows * width, 0.f);
}

// What one thread works in.
struct Scratch {
  float *q, *segment, *total, *k, *v, *scores;
  int32_t *first, *last, *tile_first, *tile_last;

  static size_t Bytes(const Shape& s) {
    return 4 * (s.pass_rows() * (static_cast<size_t>(s.head_dim) + 4) + 2 * s.state_floats(s.pass_rows()) +
                kTileTokens * (static_cast<size_t>(s.head_dim) + s.width()) + kMaxTileRows * kTileTokens) +
           10 * 64;
  }
  Scratch(void* memory, const Shape& s) {
    char* at = static_cast<char*>(memory);
    const auto take = [&at](size_t count) {
      char* taken = at;
      at += (count * 4 + 63) / 64 * 64;
      return taken;
    };
    const size_t rows = s.pass_rows();
    q = reinterpret_cast<float*>(take(rows * static_cast<size_t>(s.head_dim)));
    segment = reinterpret_cast<float*>(take(s.state_floats(rows)));
    total = reinterpret_cast<float*>(take(s.state_floats(rows)));
    k = reinterpret_cast<float*>(take(kTileTokens * static_cast<size_t>(s.head_dim)));
    v = reinterpret_cast<float*>(take(kTileTokens * s.width()));
    scores = reinterpret_cast<float*>(take(kMaxTileRows * kTileTokens));
    first = reinterpret_cast<int32_t*>(take(rows));
    last = reinterpret_cast<int32_t*>(take(rows));
    tile_first = reinterpret_cast<int32_t*>(take(rows));
    tile_last = reinterpret_cast<int32_t*>(take(rows));
  }
};

// One pass: tokens [begin, end) of a sequence, all heads of one KV head.
class Pass {
 public:
  Pass(const Shape& shape, const AttentionKernels& kernels, const OpArgs& args, const SequenceSpan& sequence,
       int kv_head, int begin, int end, const Scratch& scratch)
      : s_(shape),
        kernels_(kernels),
        args_(args),
        sequence_(sequence),
        kv_head_(kv_head),
        begin_(begin),
        rows_(static_cast<size_t>(end - begin) * shape.group()),
        scratch_(scratch) {
    for (size_t r = 0; r < rows_; ++r) {
      const int position = sequence.first_position + Token(r);
      scratch.last[r] = position;
      scratch.first[r] = s_.window > 0 ? std::max(0, position - s_.window + 1) : 0;
    }
    first_ = scratch.first[0];
    last_ = scratch.last[rows_ - 1];
  }

  size_t rows() const { return rows_; }
  int first_segment() const { return first_ / kSegmentTokens; }
  int end_segment() const { return last_ / kSegmentTokens + 1; }

  void LoadQueries() const {
    const auto dim = static_cast<size_t>(s_.head_dim);
    for (size_t r = 0; r < rows_; ++r) {
      kernels_.scale(args_.inputs[0].f32() + RowOffset(r), s_.scale, dim, scratch_.q + r * dim);
    }
  }

  // The softmax over one segment's positions alone.
  void RunSegment(int segment, const AttentionState& state) const {
    Clear(state, rows_, s_.width());
    const int begin = std::max(first_, segment * kSegmentTokens) / kTileTokens;
    const int end = std::min(last_, (segment + 1) * kSegmentTokens - 1) / kTileTokens + 1;
    for (int tile = begin; tile < end; ++tile) RunTile(tile * kTileTokens, state);
  }

  void Write(const AttentionState& state) const {
    for (size_t r = 0; r < rows_; ++r) {
      kernels_.finish(state.out + r * s_.width(), state.sum[r], static_cast<size_t>(s_.head_dim),
                      args_.outputs[0].f32() + RowOffset(r));
    }
  }

 private:
  int Token(size_t r) const { return begin_ + static_cast<int>(r / s_.group()); }
  size_t RowOffset(size_t r) const {
    const size_t row = static_cast<size_t>(sequence_.first_row + Token(r));
    const size_t head = static_cast<size_t>(kv_head_) * s_.group() + r % s_.group();
    return (row * static_cast<size_t>(s_.heads) + head) * static_cast<size_t>(s_.head_dim);
  }

  void RunTile(int start, const AttentionState& state) const {
    AttentionTile tile{.q = scratch_.q,
                       .rows = rows_,
                       .head_dim = static_cast<size_t>(s_.head_dim),
                       .width = s_.width(),
                       .first = scratch_.tile_first,
                       .last = scratch_.tile_last,
                       .k = {},
                       .v = {},
                       .state = state,
                       .scores = scratch_.scores};
    for (size_t r = 0; r < rows_; ++r) {
      scratch_.tile_first[r] = scratch_.first[r] - start;
      scratch_.tile_last[r] = scratch_.last[r] - start;
    }
    const int begin = std::max(0, first_ - start) / kKvBlockTokens;
    const int end = std::min(kTileTokens - 1, last_ - start) / kKvBlockTokens;
    for (int b = begin; b <= end; ++b) LoadBlock(tile, b, start / kKvBlockTokens + b);
    kernels_.tile(tile);
  }

  // Block b of the tile in f32: where it lies, if it is that already.
  void LoadBlock(AttentionTile& tile, int b, int index) const {
    const int32_t block = sequence_.blocks[static_cast<size_t>(index)];
    const void* k = args_.kv->K(s_.layer, block, kv_head_);
    const void* v = args_.kv->V(s_.layer, block, kv_head_);
    const size_t dim = tile.head_dim;
    float* k_out = scratch_.k + static_cast<size_t>(b) * kKvBlockTokens * dim;
    float* v_out = scratch_.v + static_cast<size_t>(b) * kKvBlockTokens * tile.width;
    tile.k[b] = k_out;
    tile.v[b] = v_out;
    switch (args_.kv->type()) {
      case KvType::kF32:
        tile.k[b] = static_cast<const float*>(k);
        if (dim == tile.width) {
          tile.v[b] = static_cast<const float*>(v);
        } else {
          kernels_.load(v, 0, kKvBlockTokens, dim, tile.width, v_out);
        }
        return;
      case KvType::kInt8:
        kernels_.load_int8_k(k, dim, k_out);
        kernels_.load_int8_v(v, dim, tile.width, v_out);
        return;
      case KvType::kF16:
      case KvType::kBf16:
        const int kind = args_.kv->type() == KvType::kF16 ? 1 : 2;
        kernels_.load(k, kind, dim, kKvBlockTokens, kKvBlockTokens, k_out);
        kernels_.load(v, kind, kKvBlockTokens, dim, tile.width, v_out);
        return;
    }
  }

  const Shape& s_;
  const AttentionKernels& kernels_;
  const OpArgs& args_;
  const SequenceSpan& sequence_;
  int kv_head_, begin_;
  size_t rows_;
  const Scratch& scratch_;
  int first_, last_;  // positions that any row sees
};

class AttentionStep : public CpuStep {
 public:
  AttentionStep(const Shape& shape, const StepContext& c)
      : CpuStep({.scratch_bytes = Scratch::Bytes(shape), .shared_bytes = kSplitBytes}),
        shape_(shape),
        kernels_(PickAttention(c.isa)),
        enough_tasks_(static_cast<size_t>(kEnoughTasks * c.threads)),
        pending_(std::make_unique<std::atomic<int>[]>(enough_tasks_)) {
    entries_.reserve(static_cast<size_t>(c.limits.tokens));
  }

  StepTasks Bind(const OpArgs& args, const StepMemory&) override {
    entries_.clear();
    size_t tasks = 0;
    for (const SequenceSpan& sequence : args.batch.sequences) {
      if (sequence.rows == 0) continue;
      const int passes = (sequence.rows + shape_.pass_tokens() - 1) / shape_.pass_tokens();
      tasks += static_cast<size_t>(passes * shape_.kv_heads);
      entries_.push_back({&sequence, passes});
    }
    const bool may_split = tasks < enough_tasks_;
    size_t used = 0, pending = 0;
    tasks = 0;
    for (Entry& entry : entries_) {
      entry.first_task = tasks;
      if (may_split) Split(entry, used, pending);
      tasks += static_cast<size_t>(shape_.kv_heads * (entry.split() ? entry.segments : entry.passes));
    }
    return {tasks, 1};
  }

  void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) override {
    const Scratch scratch(memory.scratch, shape_);
    for (size_t task = begin; task < end; ++task) {
      const auto after = std::upper_bound(entries_.begin(), entries_.end(), task,
                                          [](size_t t, const Entry& e) { return t < e.first_task; });
      const Entry& entry = *std::prev(after);
      const auto index = static_cast<int>(task - entry.first_task);
      if (entry.split()) {
        RunSplit(args, entry, index, scratch, static_cast<float*>(memory.shared));
      } else {
        RunPass(args, entry, index, scratch);
      }
    }
  }

 private:
  struct Entry {
    const SequenceSpan* sequence = nullptr;
    int passes = 0;    // of pass_tokens() tokens each
    int segments = 0;  // split: a task for each of these, for each KV head
    int first_segment = 0;
    size_t first_task = 0;
    size_t offset = 0;   // split: its states in shared memory, in floats
    size_t pending = 0;  // split: its counters, one per KV head

    bool split() const { return segments > 0; }
  };

  // A short stretch of tokens with a long past is split into its segments, while there is room for them.
  void Split(Entry& entry, size_t& used, size_t& pending) {
    const SequenceSpan& sequence = *entry.sequence;
    const int first = shape_.window > 0 ? std::max(0, sequence.first_position - shape_.window + 1) : 0;
    const int first_segment = first / kSegmentTokens;
    const int segments = (sequence.first_position + sequence.rows - 1) / kSegmentTokens + 1 - first_segment;
    const size_t rows = static_cast<size_t>(sequence.rows) * shape_.group();
    const size_t floats = static_cast<size_t>(segments * shape_.kv_heads) * shape_.state_floats(rows);
    const auto heads = static_cast<size_t>(shape_.kv_heads);
    if (entry.passes > 1 || segments < 2 || used + floats > kSplitBytes / sizeof(float)) return;
    entry.segments = segments;
    entry.first_segment = first_segment;
    entry.offset = used;
    entry.pending = pending;
    for (size_t i = 0; i < heads; ++i) pending_[pending + i].store(segments, std::memory_order_relaxed);
    used += floats;
    pending += heads;
  }

  // The last tokens see the most: they go first, so that the threads finish together.
  void RunPass(const OpArgs& args, const Entry& entry, int index, const Scratch& scratch) const {
    const int begin = (entry.passes - 1 - index / shape_.kv_heads) * shape_.pass_tokens();
    const int end = std::min(entry.sequence->rows, begin + shape_.pass_tokens());
    const Pass pass(shape_, kernels_, args, *entry.sequence, index % shape_.kv_heads, begin, end, scratch);
    pass.LoadQueries();
    const AttentionState total = StateAt(scratch.total, pass.rows());
    const AttentionState state = StateAt(scratch.segment, pass.rows());
    Clear(total, pass.rows(), shape_.width());
    for (int segment = pass.first_segment(); segment < pass.end_segment(); ++segment) {
      pass.RunSegment(segment, state);
      kernels_.merge(state, total, pass.rows(), shape_.width());
    }
    pass.Write(total);
  }

  // One segment of one KV head; whoever is the last of a KV head merges its segments.
  void RunSplit(const OpArgs& args, const Entry& entry, int index, const Scratch& scratch, float* shared) {
    const int kv_head = index % shape_.kv_heads;
    const Pass pass(shape_, kernels_, args, *entry.sequence, kv_head, 0, entry.sequence->rows, scratch);
    const auto state = [&](int segment) {
      const auto slot = static_cast<size_t>(kv_head * entry.segments + segment);
      return StateAt(shared + entry.offset + slot * shape_.state_floats(pass.rows()), pass.rows());
    };
    pass.LoadQueries();
    const int segment = index / shape_.kv_heads;
    pass.RunSegment(entry.first_segment + segment, state(segment));
    std::atomic<int>& pending = pending_[entry.pending + static_cast<size_t>(kv_head)];
    if (pending.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    const AttentionState total = StateAt(scratch.total, pass.rows());
    Clear(total, pass.rows(), shape_.width());
    for (int i = 0; i < entry.segments; ++i) kernels_.merge(state(i), total, pass.rows(), shape_.width());
    pass.Write(total);
  }

  const Shape shape_;
  const AttentionKernels& kernels_;
  const size_t enough_tasks_;
  std::vector<Entry> entries_;
  std::unique_ptr<std::atomic<int>[]> pending_;
};

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  TERN_TRY(const AttentionForm form, ParseAttention(c.node.attrs));
  const bool plain = form.causal && form.softcap == 0 && form.inputs() == 2 && form.v_dim == form.head_dim;
  if (!plain) return MakeReferenceStep(*c.node.op);
  const Shape shape{form.layer,    form.heads,  form.kv_heads,
                    form.head_dim, form.window, static_cast<float>(form.scale)};
  return std::unique_ptr<CpuStep>(std::make_unique<AttentionStep>(shape, c));
}

}  // namespace
extern const CpuOpDesc k_cpuop_attention;
const CpuOpDesc k_cpuop_attention = {.name = "attention", .supports = SupportsAny, .prepare = Prepare};
}  // namespace tern
