#pragma once
// BlockTable: the KV blocks of one sequence, in order. Entry i covers positions i * block_tokens onward.
// Where only the last positions are seen, the first entries may be missing: their ids are -1.
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
  // Gives back every block that holds only positions < tokens.
  void DropBefore(int tokens);
  // Of a table without entries: the first ones are missing.
  void Skip(size_t entries);
  // Puts a block in place `i`, which is that of an earlier one, which is given back, or the next. Takes over
  // the caller's hold. What a table shares it must not write: only whole blocks of computed tokens are
  // shared.
  void Put(size_t i, BlockRef block);
  size_t missing() const { return missing_; }  // how many of the first entries are
  std::span<const BlockId> ids() const { return ids_; }
  std::span<const BlockRef> blocks() const { return refs_; }

 private:
  BlockPool* pool_;
  int block_tokens_;
  size_t missing_ = 0;
  std::vector<BlockId> ids_;
  std::vector<BlockRef> refs_;
};

}  // namespace tern
