#pragma once
// BlockTable: the KV blocks of one sequence, in order. Entry i covers positions i * block_tokens onward.
//
// Not thread-safe; lives beside the pool it takes from, which must outlive it.

#include <span>
#include <vector>

#include "base/result.h"
#include "kv/block_pool.h"

namespace tern {

class BlockTable {
 public:
  // `max_tokens` bounds the table; its memory is reserved here, so that growing allocates nothing.
  BlockTable(BlockPool* pool, int block_tokens, int max_tokens);
  BlockTable(BlockTable&& other) noexcept;
  BlockTable& operator=(BlockTable&&) = delete;
  ~BlockTable() { Truncate(0); }

  // Makes room for positions 0 .. tokens - 1: all the blocks that are missing, or none and an error.
  Status Grow(int tokens);
  // Gives back every block that holds only positions >= tokens.
  void Truncate(int tokens);
  std::span<const BlockId> ids() const { return ids_; }

 private:
  BlockPool* pool_;
  int block_tokens_;
  std::vector<BlockId> ids_;
  std::vector<BlockRef> refs_;
};

}  // namespace tern
