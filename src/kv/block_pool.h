#pragma once
// BlockPool: which KV blocks are free and who holds the others. Integers only: no tensors, no device, so
// every policy here is tested without a model.
//
// A block is (id, generation): taking a block starts a new generation, so a reference that was kept past its
// release is recognised as stale instead of reading another sequence's tokens.
//
// Not thread-safe; owned and called by the thread that runs the engine.

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace tern {

using BlockId = int32_t;

struct BlockRef {
  BlockId id = -1;
  uint32_t generation = 0;
};

class BlockPool {
 public:
  explicit BlockPool(int blocks);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // kExhausted tells the caller to wait, preempt or refuse; the message holds the numbers.
  Result<BlockRef> Take();
  // Gives one reference back. A stale reference changes nothing.
  void Release(BlockRef block);
  // One more holder of the same block (shared prefixes). False: `block` is stale.
  bool Share(BlockRef block);
  bool IsCurrent(BlockRef block) const;
  int holders(BlockRef block) const;                                                 // 0: stale
  int holders(BlockId id) const { return state_[static_cast<size_t>(id)].holders; }  // of any generation

  int blocks() const { return static_cast<int>(state_.size()); }
  int free_blocks() const { return static_cast<int>(free_.size()); }
  int shared_blocks() const { return shared_; }  // those with more than one holder

 private:
  struct State {
    uint32_t generation = 0;
    int32_t holders = 0;
  };
  std::vector<State> state_;   // by BlockId
  std::vector<BlockId> free_;  // back is taken next
  int shared_ = 0;
};

}  // namespace tern
