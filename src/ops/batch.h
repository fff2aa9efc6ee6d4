#pragma once
// Batch: what one forward step processes. Rows of many sequences lie one after another; everything but
// attention works row by row and does not know which sequence a row belongs to.

#include <cstddef>
#include <cstdint>
#include <span>

namespace tern {

inline constexpr int kKvBlockTokens = 16;
// How a KV block stores its numbers.
enum class KvType : uint8_t { kF32, kF16, kBf16, kInt8, kInt16 };

// Consecutive rows of one sequence: positions first_position .. first_position + rows - 1. `blocks` is its
// block table: entry i holds the KV of positions 16 i .. 16 i + 15, up to this step's last position, and the
// source's. `window_blocks` is that of the layers whose blocks are numbered apart (ops/kv_store.h): what no
// row sees any more is -1.
struct SequenceSpan {
  int first_row = 0;
  int rows = 0;
  int first_position = 0;
  std::span<const int32_t> blocks;
  // Of an encoder-decoder: how many tokens its encoder has read. Their KV lies in layers of its own, from
  // position 0 on.
  int source_tokens = 0;
  std::span<const int32_t> window_blocks = {};
};

// What is wanted of a row of logits: all of it, or the `count` largest (with all that are as large as the
// last of them) and those of the tokens in `always`, ascending. Others may then be -inf.
struct WantedLogits {
  size_t count = 0;  // 0: all
  std::span<const int32_t> always = {};
};

struct Batch {
  std::span<const int32_t> tokens;       // [T]
  std::span<const int32_t> positions;    // [T]
  std::span<const int32_t> output_rows;  // [R], rows whose logits are wanted, ascending
  std::span<const SequenceSpan> sequences;
  std::span<const int32_t> token_types =
      {};  // [T], which of an encoder's texts a token is of; empty: all of the first

  std::span<const WantedLogits> likeliest = {};  // [R], or empty: all of every row

  int rows() const { return static_cast<int>(tokens.size()); }
  int outputs() const { return static_cast<int>(output_rows.size()); }
};

}  // namespace tern
