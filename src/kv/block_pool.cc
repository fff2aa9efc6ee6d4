#include "kv/block_pool.h"

#include <string>

namespace tern {

BlockPool::BlockPool(int blocks) : state_(static_cast<size_t>(blocks)) {
  free_.reserve(state_.size());
  for (BlockId id = blocks - 1; id >= 0; --id) free_.push_back(id);
}

Result<BlockRef> BlockPool::Take() {
  if (free_.empty()) {
    return Exhausted("kv: 1 block wanted, 0 of " + std::to_string(blocks()) + " free");
  }
  const BlockId id = free_.back();
  free_.pop_back();
  State& state = state_[static_cast<size_t>(id)];
  ++state.generation;
  state.holders = 1;
  return BlockRef{id, state.generation};
}

void BlockPool::Release(BlockRef block) {
  if (!IsCurrent(block)) return;
  const int left = --state_[static_cast<size_t>(block.id)].holders;
  if (left == 1) --shared_;
  if (left == 0) free_.push_back(block.id);
}

bool BlockPool::Share(BlockRef block) {
  if (!IsCurrent(block)) return false;
  if (++state_[static_cast<size_t>(block.id)].holders == 2) ++shared_;
  return true;
}

bool BlockPool::IsCurrent(BlockRef block) const { return holders(block) > 0; }

int BlockPool::holders(BlockRef block) const {
  if (block.id < 0 || block.id >= blocks()) return 0;
  const State& state = state_[static_cast<size_t>(block.id)];
  return state.generation == block.generation ? state.holders : 0;
}

}  // namespace tern
