#include "backends/cpu/attention/pass.h"

#include <algorithm>

namespace tern {
namespace {

void Clear(const AttentionState& state, size_t rows, size_t width) {
  std::fill_n(state.top, rows, kNoScore);
  std::fill_n(state.sum, rows, 0.f);
  std::fill_n(state.out, rows * width, 0.f);
}

}  // namespace

AttentionShape::AttentionShape(const AttentionForm& f, const AttentionKernels& k, int threads)
    : form(f), kernels(&k) {
  const int least = (group() + kMostBundleHeads - 1) / kMostBundleHeads;
  const int useful = std::min(threads / form.kv_heads, group() / kMaxTileRows);
  slices = std::max(least, useful);
  bundle_heads = (group() + slices - 1) / slices;
  slices = (group() + bundle_heads - 1) / bundle_heads;
}

int AttentionShape::heads(int bundle) const {
  return std::min(bundle_heads, group() - bundle % slices * bundle_heads);
}

void AttentionShape::SetBias(const float* by_bucket) {
  bias_reach = form.max_distance + kTileTokens - 1;
  for (int head = 0; head < form.heads; ++head) {
    for (int d = -bias_reach; d <= bias_reach; ++d) {
      bias.push_back(by_bucket[RelativeBucket(form, d) * form.heads + head]);
    }
  }
}

AttentionScratch::AttentionScratch(void* memory, const AttentionShape& s) : bytes(0) {
  const auto take = [&]<class T>(T*& part, size_t count) {
    part = memory == nullptr ? nullptr : reinterpret_cast<T*>(static_cast<char*>(memory) + bytes);
    bytes += (count * sizeof(T) + 63) / 64 * 64;
  };
  const size_t rows = s.pass_rows(), head_dim = static_cast<size_t>(s.form.head_dim);
  const size_t floats = s.int16 == nullptr ? 1 : 0, codes = 1 - floats;
  take(q, floats * rows * head_dim);
  take(k, floats * kTileTokens * head_dim);
  take(v, floats * kTileTokens * s.width());
  take(q_codes, codes * (rows * s.pairs() * 2 + 16));
  take(k_codes, codes * kTileTokens * s.pairs() * 2);
  take(v_codes, codes * kTileTokens * s.width());
  take(weights, codes * kMaxTileRows * kTileTokens);
  take(q_scale, codes * rows);
  take(k_scale, codes * kTileTokens);
  take(v_scale, codes * kTileTokens);
  take(segment, s.state_floats(rows));
  take(total, s.state_floats(rows));
  take(scores, kMaxTileRows * kTileTokens);
  take(slope, rows);
  take(first, rows);
  take(last, rows);
  take(tile_first, rows);
  take(tile_last, rows);
  take(distance, rows);
  take(bias, rows);
  take(chosen, s.choice_words);
}

AttentionPass::AttentionPass(const AttentionShape& shape, const OpArgs& args, Rows rows,
                             const AttentionScratch& scratch)
    : s_(shape),
      form_(shape.form),
      kernels_(*shape.kernels),
      args_(args),
      sequence_(rows.sequence),
      first_head_(shape.first_head(rows.bundle)),
      heads_(shape.heads(rows.bundle)),
      begin_(rows.begin),
      one_segment_(rows.one_segment),
      choices_(rows.choices),
      rows_(static_cast<size_t>((rows.end - rows.begin) * heads_)),
      scratch_(scratch) {
  const int end = form_.End(sequence_);
  for (size_t r = 0; r < rows_; ++r) {
    const int position = sequence_.first_position + begin_ + static_cast<int>(r) / heads_;
    scratch.first[r] = form_.First(position);
    scratch.last[r] = form_.Last(position, end);
    scratch.distance[r] = -position;
    if (s_.slopes != nullptr) scratch.slope[r] = s_.slopes.get()[Head(r)];
  }
  first_ = scratch.first[0];
  last_ = scratch.last[rows_ - 1];
  if (choices_.bits != nullptr) UniteChoices();
}

void AttentionPass::UniteChoices() const {
  std::fill_n(scratch_.chosen, choices_.words, 0);
  for (size_t r = 0; r < rows_; r += static_cast<size_t>(heads_)) {
    const uint64_t* bits = choices_.Of(Row(r), KvHead());
    for (size_t w = 0; w < choices_.words; ++w) scratch_.chosen[w] |= bits[w];
  }
}

// Whether any row sees something of a tile that lies in the pass's range.
bool AttentionPass::IsSeen(int tile) const {
  return choices_.bits == nullptr || (scratch_.chosen[tile / 64] >> tile % 64 & 1) != 0;
}

// From rows that have not chosen it.
void AttentionPass::HideTile(int tile) const {
  for (size_t r = 0; r < rows_; r += static_cast<size_t>(heads_)) {
    if ((choices_.Of(Row(r), KvHead())[tile / 64] >> tile % 64 & 1) != 0) continue;
    std::fill_n(scratch_.tile_first + r, heads_, kTileTokens);
    std::fill_n(scratch_.tile_last + r, heads_, -1);
  }
}

size_t AttentionPass::Row(size_t r) const {
  return static_cast<size_t>(sequence_.first_row + begin_ + static_cast<int>(r) / heads_);
}

size_t AttentionPass::Head(size_t r) const {
  return static_cast<size_t>(first_head_ + static_cast<int>(r) % heads_);
}

void AttentionPass::LoadQueries() const {
  const auto dim = static_cast<size_t>(form_.head_dim), heads = static_cast<size_t>(form_.heads);
  for (size_t r = 0; r < rows_; ++r) {
    const float* q = args_.inputs[0].f32() + (Row(r) * heads + Head(r)) * dim;
    const auto by = static_cast<float>(form_.scale);
    if (s_.int16 == nullptr) {
      kernels_.scale(q, by, dim, scratch_.q + r * dim);
    } else {
      int16_t* codes = scratch_.q_codes + r * s_.pairs() * 2;
      scratch_.q_scale[r] = s_.int16->query(q, by, dim, s_.most_code(), codes);
    }
  }
}

void AttentionPass::RunSegment(int segment, const AttentionState& state) const {
  Clear(state, rows_, s_.width());
  const int begin = std::max(first_, segment * kSegmentTokens) / kTileTokens;
  const int end = std::min(last_, (segment + 1) * kSegmentTokens - 1) / kTileTokens + 1;
  const int all = one_segment_ ? end : last_ / kTileTokens + 1;
  for (int tile = begin, after; tile < end; tile = after) {
    after = tile + 1;
    while (after < all && !IsSeen(after)) ++after;
    if (!IsSeen(tile)) continue;
    Place next{after * kTileTokens, KvHead()};
    if (one_segment_ && after >= end) next = AfterSegment(begin * kTileTokens, end * kTileTokens);
    RunTile(tile * kTileTokens, next, state);
  }
}

// What the thread most likely does next: the next bundle's tiles, from where this one's began.
AttentionPass::Place AttentionPass::AfterSegment(int begin, int end) const {
  return KvHead() + 1 < form_.kv_heads ? Place{begin, KvHead() + 1} : Place{end, 0};
}

// A sink is a key seen first, whose value is zero.
void AttentionPass::Start(const AttentionState& total) const {
  Clear(total, rows_, s_.width());
  if (s_.sinks == nullptr) return;
  for (size_t r = 0; r < rows_; ++r) total.top[r] = s_.sinks.get()[Head(r)];
  std::fill_n(total.sum, rows_, 1.f);
}

void AttentionPass::Merge(const AttentionState& segment, const AttentionState& total) const {
  kernels_.merge(segment, total, rows_, s_.width());
}

void AttentionPass::Write(const AttentionState& total) const {
  const auto dim = static_cast<size_t>(form_.v_dim), columns = static_cast<size_t>(form_.heads) * dim;
  const bool precise = form_.output == Elem::kQ16;
  const size_t row_bytes = QuantizedRow(static_cast<int64_t>(columns), precise).row_bytes;
  for (size_t r = 0; r < rows_; ++r) {
    float* out = total.out + r * s_.width();
    const size_t first = Head(r) * dim;
    if (form_.output == Elem::kF32) {
      kernels_.finish(out, total.sum[r], dim, args_.outputs[0].f32() + Row(r) * columns + first);
      continue;
    }
    kernels_.finish(out, total.sum[r], dim, out);
    char* row = static_cast<char*>(args_.outputs[0].data) + Row(r) * row_bytes;
    s_.quantize(out, dim, PartsOf(row, columns, precise).From(first));
  }
}

void AttentionPass::RunTile(int start, Place next, const AttentionState& state) const {
  AttentionTile tile{.q = scratch_.q,
                     .rows = rows_,
                     .head_dim = static_cast<size_t>(form_.head_dim),
                     .width = s_.width(),
                     .first = scratch_.tile_first,
                     .last = scratch_.tile_last,
                     .k = {},
                     .v = {},
                     .state = state,
                     .int16 = {.pairs = s_.pairs(),
                               .q = scratch_.q_codes,
                               .q_scale = scratch_.q_scale,
                               .k = {},
                               .v = {},
                               .weights = scratch_.weights},
                     .scores = scratch_.scores,
                     .start = start,
                     .softcap = static_cast<float>(form_.softcap),
                     .distance = scratch_.distance,
                     .slope = s_.slopes == nullptr ? nullptr : scratch_.slope,
                     .bias = s_.bias.empty() ? nullptr : scratch_.bias};
  for (size_t r = 0; r < rows_; ++r) {
    scratch_.tile_first[r] = scratch_.first[r] - start;
    scratch_.tile_last[r] = scratch_.last[r] - start;
  }
  if (choices_.bits != nullptr) HideTile(start / kTileTokens);
  if (tile.bias != nullptr) PlaceBias(start);
  const int begin = std::max(0, first_ - start) / kKvBlockTokens;
  const int end = std::min(kTileTokens - 1, last_ - start) / kKvBlockTokens;
  if (s_.int16 == nullptr) {
    for (int b = begin; b <= end; ++b) LoadFloats(tile, b, start / kKvBlockTokens + b);
    return kernels_.tile(tile);
  }
  for (int b = 0; b < kTileBlocks; ++b) {
    PlaceScratch(tile.int16, b);
    if (b >= begin && b <= end) LoadCodes(tile.int16, b, start / kKvBlockTokens + b);
  }
  if (InPlace() && rows_ <= kMaxTileRows) FetchAhead(tile.int16, next);
  (InPlace() && args_.kv->type() == KvType::kInt8 ? s_.int16->int8_tile : s_.int16->tile)(tile);
}

void AttentionPass::PlaceBias(int start) const {
  const int reach = s_.bias_reach, span = 2 * reach + 1;
  for (size_t r = 0; r < rows_; ++r) {
    const int distance = std::clamp(start + scratch_.distance[r], -reach, reach - kTileTokens + 1);
    scratch_.bias[r] = s_.bias.data() + Head(r) * static_cast<size_t>(span) + (distance + reach);
  }
}

// Codes of 16 bits are used where they lie, those of 8 bits by passes that use them once.
bool AttentionPass::InPlace() const {
  const KvType type = args_.kv->type();
  return type == KvType::kInt16 || (type == KvType::kInt8 && rows_ <= kMaxTileRows);
}

AttentionPass::KvParts AttentionPass::BlockParts(int index, int kv_head) const {
  const int32_t block = args_.kv->BlockOf(sequence_, form_.layer, index);
  return {args_.kv->K(form_.layer, block, kv_head), args_.kv->V(form_.layer, block, kv_head)};
}

void AttentionPass::PlaceScratch(Int16Operands& codes, int b) const {
  const size_t token = static_cast<size_t>(b) * kKvBlockTokens;
  codes.k[b] = {scratch_.k_scale + token, scratch_.k_codes + token * s_.pairs() * 2, nullptr};
  codes.v[b] = {scratch_.v_scale + token, scratch_.v_codes + token * s_.width(), nullptr};
}

void AttentionPass::LoadCodes(Int16Operands& codes, int b, int index) const {
  const auto [k, v] = BlockParts(index, KvHead());
  if (InPlace()) {
    const auto *k_scale = static_cast<const float*>(k), *v_scale = static_cast<const float*>(v);
    codes.k[b] = {k_scale, k_scale + kKvBlockTokens, nullptr};
    codes.v[b] = {v_scale, v_scale + kKvBlockTokens, nullptr};
    return;
  }
  const auto type = static_cast<size_t>(args_.kv->type());
  const auto head_dim = static_cast<size_t>(form_.head_dim), v_dim = static_cast<size_t>(form_.v_dim);
  const size_t token = static_cast<size_t>(b) * kKvBlockTokens;
  s_.int16->keys[type](k, head_dim, s_.most_code(), scratch_.k_codes + token * s_.pairs() * 2,
                       scratch_.k_scale + token);
  s_.int16->values[type](v, v_dim, s_.width(), scratch_.v_codes + token * s_.width(),
                         scratch_.v_scale + token);
}

// Few rows are done before the memory has brought the next tile by itself.
void AttentionPass::FetchAhead(Int16Operands& codes, Place next) const {
  for (int b = 0; b < kTileBlocks && next.start + b * kKvBlockTokens <= last_; ++b) {
    // What is in front of the first may be gone.
    const int index = std::max(next.start / kKvBlockTokens + b, first_ / kKvBlockTokens);
    const auto [k, v] = BlockParts(index, next.kv_head);
    __builtin_prefetch(k);
    __builtin_prefetch(v);
    codes.k[b].next = static_cast<const float*>(k) + kKvBlockTokens;
    codes.v[b].next = static_cast<const float*>(v) + kKvBlockTokens;
  }
}

void AttentionPass::LoadFloats(AttentionTile& tile, int b, int index) const {
  const auto [k, v] = BlockParts(index, KvHead());
  LoadKeys(tile, b, k);
  LoadValues(tile, b, v);
}

// Block b of the tile in f32: where it lies, if it is that already.
void AttentionPass::LoadKeys(AttentionTile& tile, int b, const void* part) const {
  const size_t dim = tile.head_dim;
  float* out = scratch_.k + static_cast<size_t>(b) * kKvBlockTokens * dim;
  tile.k[b] = out;
  switch (args_.kv->type()) {
    case KvType::kF32:
      tile.k[b] = static_cast<const float*>(part);
      return;
    case KvType::kInt8:
      return kernels_.load_int8_k(part, dim, out);
    case KvType::kInt16:
      return kernels_.load_int16_k(part, dim, out);
    case KvType::kF16:
    case KvType::kBf16:
      return kernels_.load(part, args_.kv->type(), dim, kKvBlockTokens, kKvBlockTokens, out);
  }
}

void AttentionPass::LoadValues(AttentionTile& tile, int b, const void* part) const {
  const auto dim = static_cast<size_t>(form_.v_dim);
  float* out = scratch_.v + static_cast<size_t>(b) * kKvBlockTokens * tile.width;
  tile.v[b] = out;
  switch (args_.kv->type()) {
    case KvType::kF32:
      if (dim != tile.width) return kernels_.load(part, KvType::kF32, kKvBlockTokens, dim, tile.width, out);
      tile.v[b] = static_cast<const float*>(part);
      return;
    case KvType::kInt8:
      return kernels_.load_int8_v(part, tile.width, out);
    case KvType::kInt16:
      return kernels_.load_int16_v(part, tile.width, out);
    case KvType::kF16:
    case KvType::kBf16:
      return kernels_.load(part, args_.kv->type(), kKvBlockTokens, dim, tile.width, out);
  }
}

}  // namespace tern
