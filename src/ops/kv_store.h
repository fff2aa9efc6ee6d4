#pragma once
// KvStore: the memory behind KV block ids, laid out for vector attention. It knows nothing of requests; which
// block belongs to whom is kv/'s business.
//
// One block holds 16 tokens of one layer and one KV head:
//   K: [head_dim][16]  one vector load gives one channel of 16 tokens, so scores come out a lane per token
//   V: [16][v_dim]     one vector load gives consecutive channels of one token
// f16 and bf16 saturate: a finite value stays finite, or 0 times a value that attention hides would be NaN.
//
// int8 and int16 store value = scale * code with one f32 scale per (token, head): 16 scales in front of K's
// and of V's codes; scale = max|x| / MostCode, NaN where a value is not finite. Codes that are multiplied and
// summed up lie in pairs, as dot product instructions take them:
//   K: [(head_dim + 1) / 2][16][2]  two channels of each token
//   V: [8][CodeWidth(v_dim)][2]     a channel of two tokens
// K and V parts start at multiples of 64 bytes. Layers whose attention is block-sparse have a third part: the
// mean of the block's keys, f32 [head_dim], which attention writes once the block is full.
//
// Layers may be marked as windowed: rows see only the last positions, so that their part of a block can be
// given back long before the others'. Their blocks are numbered apart, and a sequence has a second table of
// these.
//
// Not thread-safe by itself: within a step, threads write and read disjoint blocks or are separated by a
// barrier.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ops/batch.h"
#include "tensor/tensor.h"

namespace tern {

Result<KvType> ParseKvType(std::string_view name);  // "f32", "f16", "bf16", "int8", "int16"
std::string_view KvTypeName(KvType type);

inline bool IsCodes(KvType type) { return type == KvType::kInt8 || type == KvType::kInt16; }
// The largest codes. Int16: the products of head_dim keys and as large codes of a query add up within 31
// bits, those of 64 values and codes of 13 bits, too.
int MostKeyCode(KvType type, int head_dim);
int MostValueCode(KvType type);
// Values of a token pair, filled up to whole vectors.
inline size_t CodeWidth(size_t v_dim) { return (v_dim + 15) / 16 * 16; }

struct KvLayer {
  int kv_heads = 0;
  int head_dim = 0;
  int v_dim = 0;       // channels of V; 0: head_dim
  bool means = false;  // has room for the means of blocks
  bool windowed = false;

  int value_dim() const { return v_dim > 0 ? v_dim : head_dim; }
};

class KvStore {
 public:
  KvStore(std::vector<KvLayer> layers, KvType type, int blocks, int window_blocks = 0);

  KvType type() const { return type_; }
  int blocks() const { return blocks_; }
  int window_blocks() const { return window_blocks_; }
  int layers() const { return static_cast<int>(layers_.size()); }
  const KvLayer& layer(int i) const { return layers_[static_cast<size_t>(i)]; }
  size_t bytes() const { return buffer_.bytes(); }
  size_t window_bytes() const {
    return static_cast<size_t>(window_blocks_) * BlockBytes(layers_, type_, true);
  }
  // Bytes that one block of 16 tokens takes over all layers that are windowed, or are not.
  static size_t BlockBytes(const std::vector<KvLayer>& layers, KvType type, bool windowed = false);

  // Where a sequence has entry `index` of this layer.
  int32_t BlockOf(const SequenceSpan& sequence, int layer, int index) const {
    return (this->layer(layer).windowed ? sequence.window_blocks
                                        : sequence.blocks)[static_cast<size_t>(index)];
  }

  // All there is of one block, in the layers that are windowed or in the others: to be put away, and brought
  // back into any block of a store of the same layers and type.
  std::span<std::byte> Block(int32_t block, bool windowed);
  size_t block_bytes(bool windowed) const { return BlockBytes(layers_, type_, windowed); }

  // The K or V part of one block, head and layer: scales first where the type is int8.
  void* K(int layer, int32_t block, int head) {
    const Place& place = places_[static_cast<size_t>(layer)];
    return static_cast<char*>(buffer_.data()) + static_cast<size_t>(block) * place.block_bytes +
           place.offset + static_cast<size_t>(head) * place.head_bytes;
  }
  void* V(int layer, int32_t block, int head) {
    return static_cast<char*>(K(layer, block, head)) + places_[static_cast<size_t>(layer)].k_bytes;
  }
  // The mean of a full block's keys. Only of layers that have them.
  float* Mean(int layer, int32_t block, int head) {
    const Place& place = places_[static_cast<size_t>(layer)];
    return reinterpret_cast<float*>(static_cast<char*>(K(layer, block, head)) + place.mean_offset);
  }
  const void* K(int layer, int32_t block, int head) const {
    return const_cast<KvStore*>(this)->K(layer, block, head);
  }
  const void* V(int layer, int32_t block, int head) const {
    return const_cast<KvStore*>(this)->V(layer, block, head);
  }

  // One token's head, element by element: what the fast kernels are tested against. `slot` is 0..15.
  void StoreRow(int layer, int32_t block, int head, int slot, const float* k, const float* v);
  void LoadRow(int layer, int32_t block, int head, int slot, float* k, float* v) const;

 private:
  std::vector<KvLayer> layers_;
  KvType type_;
  int blocks_, window_blocks_;
  // In bytes; [blocks][layers][kv_heads][K | V | mean], so that a short text touches little of it; behind
  // them the same of windowed layers.
  struct Place {
    size_t block_bytes;  // from one block to the next
    size_t offset;       // of the layer in the first one
    size_t k_bytes;      // of K, so V's offset
    size_t mean_offset;  // of K and V
    size_t head_bytes;   // of all three
  };
  std::vector<Place> places_;  // by layer
  Buffer buffer_;
};

}  // namespace tern
