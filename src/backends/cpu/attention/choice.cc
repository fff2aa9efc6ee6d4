#include "backends/cpu/attention/choice.h"

#include <algorithm>

namespace tern {
namespace {

const SequenceSpan& SequenceOf(const Batch& batch, size_t row) {
  const auto after =
      std::upper_bound(batch.sequences.begin(), batch.sequences.end(), row,
                       [](size_t r, const SequenceSpan& s) { return r < static_cast<size_t>(s.first_row); });
  return *std::prev(after);
}

int FilledBy(const SequenceSpan& s) {
  return (s.first_position + s.rows) / kKvBlockTokens - s.first_position / kKvBlockTokens;
}

// What one thread chooses in.
struct Scratch {
  float* promise;   // [blocks]
  float* scores;    // [blocks * kChoiceParts], by KV block
  uint64_t* order;  // [blocks]
  size_t bytes;

  Scratch(void* memory, size_t blocks) {
    auto* floats = static_cast<float*>(memory);
    promise = floats;
    scores = memory == nullptr ? nullptr : floats + blocks;
    const size_t score_floats = blocks * kChoiceParts;  // whole vectors: blocks are a multiple of 64
    order = memory == nullptr ? nullptr : reinterpret_cast<uint64_t*>(scores + score_floats);
    bytes = (blocks + score_floats) * sizeof(float) + blocks * sizeof(uint64_t);
  }
};

void SetBits(uint64_t* bits, int begin, int end) {
  for (int b = begin; b < end; ++b) bits[b / 64] |= uint64_t{1} << b % 64;
}

}  // namespace

BlockChooser::BlockChooser(const AttentionForm& form, const AttentionKernels& kernels, int context)
    : form_(form), kernels_(kernels) {
  const auto blocks = static_cast<size_t>((context + kChoiceTokens - 1) / kChoiceTokens);
  words_ = (blocks + 63) / 64;
  most_blocks_ = words_ * 64;
}

size_t BlockChooser::scratch_bytes() const {
  const size_t keys = static_cast<size_t>(form_.head_dim) * kKvBlockTokens * sizeof(float);
  return std::max(keys, Scratch(nullptr, most_blocks_).bytes);
}

size_t BlockChooser::FilledBlocks(const Batch& batch) {
  size_t blocks = 0;
  for (const SequenceSpan& s : batch.sequences) blocks += static_cast<size_t>(FilledBy(s));
  return blocks;
}

// In f32: where it lies, if it is that already.
const float* BlockChooser::LoadKeys(const OpArgs& args, const void* part, float* scratch) const {
  const auto dim = static_cast<size_t>(form_.head_dim);
  switch (args.kv->type()) {
    case KvType::kF32:
      return static_cast<const float*>(part);
    case KvType::kInt8:
      kernels_.load_int8_k(part, dim, scratch);
      return scratch;
    case KvType::kInt16:
      kernels_.load_int16_k(part, dim, scratch);
      return scratch;
    case KvType::kF16:
    case KvType::kBf16:
      kernels_.load(part, args.kv->type(), dim, kKvBlockTokens, kKvBlockTokens, scratch);
      return scratch;
  }
  return scratch;
}

void BlockChooser::Summarize(const OpArgs& args, size_t task, void* scratch) const {
  auto left = static_cast<int>(task);
  auto sequence = args.batch.sequences.begin();
  while (left >= FilledBy(*sequence)) left -= FilledBy(*sequence++);
  const int index = sequence->first_position / kKvBlockTokens + left;
  const int32_t block = sequence->blocks[static_cast<size_t>(index)];
  for (int head = 0; head < form_.kv_heads; ++head) {
    const float* k = LoadKeys(args, args.kv->K(form_.layer, block, head), static_cast<float*>(scratch));
    kernels_.mean(k, static_cast<size_t>(form_.head_dim), args.kv->Mean(form_.layer, block, head));
  }
}

bool BlockChooser::HasChoice(const Batch& batch) {
  return std::any_of(batch.sequences.begin(), batch.sequences.end(), [](const SequenceSpan& s) {
    return s.rows > 0 && RangeOf(s.first_position + s.rows - 1).count() > 0;
  });
}

void BlockChooser::AddPromises(const Chooser& c, const float* q) const {
  const Scratch scratch(c.scratch, most_blocks_);
  const auto full = static_cast<size_t>(FullKvBlocks(c.position)), whole = (full + 15) / 16 * 16;
  for (size_t b = 0; b < full; b += 4) {
    const float* means[4];
    for (size_t i = 0; i < 4; ++i) {
      means[i] = c.args.kv->Mean(form_.layer, c.sequence.blocks[std::min(b + i, full - 1)], c.kv_head);
    }
    kernels_.mean_scores(q, means, static_cast<size_t>(form_.head_dim), static_cast<float>(form_.scale),
                         scratch.scores + b);
  }
  std::fill(scratch.scores + full, scratch.scores + whole, 2 * kNoScore);
  const auto group = static_cast<float>(form_.heads / form_.kv_heads);
  const float by = 1 / (kernels_.soften(scratch.scores, whole) * group);
  const ChoiceRange range = RangeOf(c.position);
  const size_t first = static_cast<size_t>(range.begin) * kChoiceParts;
  kernels_.add_fours(scratch.scores + first, static_cast<size_t>(range.count()) * kChoiceParts, by,
                     scratch.promise);
}

void BlockChooser::Choose(const OpArgs& args, size_t task, const ChoiceTable& table, void* memory) const {
  const size_t row = task / table.kv_heads;
  const auto kv_head = static_cast<int>(task % table.kv_heads);
  const SequenceSpan& sequence = SequenceOf(args.batch, row);
  const int position = sequence.first_position + static_cast<int>(row) - sequence.first_row;
  const ChoiceRange range = RangeOf(position);
  uint64_t* bits = table.Of(row, kv_head);
  std::fill_n(bits, table.words, 0);
  SetBits(bits, 0, range.begin);
  SetBits(bits, range.end, position / kChoiceTokens + 1);
  if (range.count() == 0) return;

  const Scratch scratch(memory, most_blocks_);
  const auto count = static_cast<size_t>(range.count());
  std::fill_n(scratch.promise, count, 0.f);
  const auto group = static_cast<size_t>(form_.heads / form_.kv_heads);
  const auto dim = static_cast<size_t>(form_.head_dim);
  const float* q = args.inputs[0].f32() + task * group * dim;
  for (size_t h = 0; h < group; ++h) AddPromises({args, sequence, position, kv_head, memory}, q + h * dim);
  TakeMostPromising({scratch.promise, count}, form_.choice, {scratch.order, count});
  for (int b = range.begin; b < range.end; ++b) {
    if (scratch.promise[b - range.begin] >= 0) SetBits(bits, b, b + 1);
  }
}

}  // namespace tern
