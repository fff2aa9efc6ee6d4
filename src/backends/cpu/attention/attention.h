#pragma once
// Attention over the blocked KV store, by tiles of 64 tokens.
//
// The query heads that share a KV head, of several tokens, are the rows of one product. A row's result is
// defined by the row alone: over tiles of 64 positions in order, an online softmax (Milakov and Gimelshein
// 2018, arXiv 1805.02867) within segments of 256 positions; segments then merge in order, as in
// FlashDecoding. Tiles and segments begin at fixed positions, and a tile that a row does not see leaves it as
// it is, to the bit. So neither the rows beside it, nor chunks, nor threads change a bit.

#include <cstddef>
#include <cstdint>

#include "ops/batch.h"

namespace tern {

inline constexpr int kTileBlocks = 4;
inline constexpr int kTileTokens = kTileBlocks * kKvBlockTokens;
inline constexpr int kSegmentTokens = 4 * kTileTokens;
inline constexpr int kMaxTileRows = 6;  // rows that a kernel takes at once
// Below every score; finite, so that differences of two of them are 0.
inline constexpr float kNoScore = -1e30f;

// Softmax of `rows` rows so far: top score, sum of e^(score - top), and V weighted with those.
struct AttentionState {
  float* top;  // [rows], kNoScore at first
  float* sum;  // [rows]
  float* out;  // [rows][width]
};

// A tile's operands as codes of up to 14 bits, two neighbours of what is summed in each 32 bits; a code times
// its scale is the number.
struct Int16Operands {
  // A block part as int16 and int8 codes lie in the KV store: [pairs][16][2] or [8][width][2].
  struct Part {
    const float* scale;  // [16]
    const void* codes;
    const void* next;  // what will be read after this tile, as many bytes: to be fetched; or null
  };
  size_t pairs;          // of channels in q and k: (head_dim + 1) / 2, the last one filled up with zeros
  const int16_t* q;      // [rows][pairs][2]
  const float* q_scale;  // [rows]
  Part k[kTileBlocks], v[kTileBlocks];
  int16_t* weights;  // room for [kMaxTileRows][64]
};

struct AttentionTile {
  const float* q;  // [rows][head_dim], times the scale
  size_t rows, head_dim;
  size_t width;  // v_dim rounded up to 16
  // [rows]: the first and last position that a row sees, counted from the tile's first; may lie outside it.
  const int32_t* first;
  const int32_t* last;
  const float* k[kTileBlocks];  // [head_dim][16]
  const float* v[kTileBlocks];  // [16][width]
  AttentionState state;
  Int16Operands int16;  // instead of q, k and v
  float* scores;        // room for [kMaxTileRows][64]

  // What becomes of scores before the softmax: capped, then biased, as ops/attention.h says.
  int32_t start;             // position of the tile's first token
  float softcap;             // 0: none
  const int32_t* distance;   // [rows]: minus the row's position
  const float* slope;        // [rows], or null
  const float* const* bias;  // [rows]: 64 numbers each, or null
};

struct Int16AttentionKernels {
  void (*tile)(const AttentionTile& tile);
  void (*int8_tile)(const AttentionTile& tile);  // of K and V codes of 8 bits
  // x * by as codes up to `most`, in whole vectors of 16; returns their scale.
  float (*query)(const float* x, float by, size_t n, float most, int16_t* codes);
  // A block part as codes; by KvType.
  void (*keys[4])(const void* part, size_t head_dim, float most, int16_t* codes, float* scale);
  void (*values[4])(const void* part, size_t v_dim, size_t width, int16_t* codes, float* scale);
};

struct AttentionKernels {
  void (*tile)(const AttentionTile& tile);
  // `into` becomes the state after its own tokens and then those of `from`.
  void (*merge)(const AttentionState& from, const AttentionState& into, size_t rows, size_t width);
  void (*finish)(const float* out, float sum, size_t head_dim, float* y);  // y = out / sum
  void (*scale)(const float* x, float by, size_t n, float* y);
  // A block part in f32: K as it lies, V with rows of `width`. Not of codes.
  void (*load)(const void* part, KvType type, size_t rows, size_t columns, size_t width, float* out);
  // Codes in f32: [head_dim][16] and [16][width].
  void (*load_int8_k)(const void* part, size_t head_dim, float* out);
  void (*load_int8_v)(const void* part, size_t width, float* out);
  void (*load_int16_k)(const void* part, size_t head_dim, float* out);
  void (*load_int16_v)(const void* part, size_t width, float* out);
  const Int16AttentionKernels* int16;  // null: the ISA has none
  // Of block-sparse attention. The mean of 16 keys, [head_dim][16].
  void (*mean)(const float* k, size_t head_dim, float* mean);
  // out[i] = scale q means[i], of 4 means.
  void (*mean_scores)(const float* q, const float* const* means, size_t head_dim, float scale, float* out);
  // Scores become e^(score - the largest), of whole vectors of 16; returns their sum.
  float (*soften)(float* scores, size_t n);
  // sums[b] += by (x[4b] + .. + x[4b + 3])
  void (*add_fours)(const float* x, size_t n, float by, float* sums);
};
#define KERNEL(isa, name) extern const AttentionKernels name;
#include "backends/cpu/attention/kernels.inc"
#undef KERNEL
const AttentionKernels& PickAttention(uint32_t have);

}  // namespace tern
