#include "kv/block_table.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tern {

BlockTable::BlockTable(BlockPool* pool, int block_tokens, int max_tokens)
    : pool_(pool), block_tokens_(block_tokens) {
  const auto blocks = static_cast<size_t>((max_tokens + block_tokens - 1) / block_tokens);
  ids_.reserve(blocks);
  refs_.reserve(blocks);
}

BlockTable::BlockTable(BlockTable&& other) noexcept
    : pool_(other.pool_),
      block_tokens_(other.block_tokens_),
      missing_(std::exchange(other.missing_, 0)),
      ids_(std::exchange(other.ids_, {})),
      refs_(std::exchange(other.refs_, {})) {}

Status BlockTable::Grow(int tokens) {
  const auto wanted = static_cast<size_t>((tokens + block_tokens_ - 1) / block_tokens_);
  if (wanted <= ids_.size()) return {};
  const size_t missing = wanted - ids_.size();
  if (missing > static_cast<size_t>(pool_->free_blocks())) {
    return Exhausted("kv: " + std::to_string(missing) + " blocks wanted, " +
                     std::to_string(pool_->free_blocks()) + " of " + std::to_string(pool_->blocks()) +
                     " free");
  }
  for (size_t i = 0; i < missing; ++i) {
    TERN_TRY(const BlockRef block, pool_->Take());
    refs_.push_back(block);
    ids_.push_back(block.id);
  }
  return {};
}

void BlockTable::Truncate(int tokens) {
  const auto kept = static_cast<size_t>((tokens + block_tokens_ - 1) / block_tokens_);
  while (ids_.size() > kept) {
    pool_->Release(refs_.back());
    refs_.pop_back();
    ids_.pop_back();
  }
  missing_ = std::min(missing_, kept);
}

void BlockTable::DropBefore(int tokens) {
  const size_t end = std::min(static_cast<size_t>(tokens / block_tokens_), ids_.size());
  for (; missing_ < end; ++missing_) {
    pool_->Release(refs_[missing_]);
    refs_[missing_] = {};
    ids_[missing_] = refs_[missing_].id;
  }
}

void BlockTable::Skip(size_t entries) {
  TERN_CHECK(ids_.empty());
  refs_.resize(entries);
  ids_.resize(entries, BlockRef().id);
  missing_ = entries;
}

void BlockTable::Put(size_t i, BlockRef block) {
  TERN_CHECK(i >= missing_ && i <= ids_.size());
  if (i == ids_.size()) {
    ids_.push_back(block.id);
    refs_.push_back(block);
    return;
  }
  pool_->Release(refs_[i]);
  ids_[i] = block.id;
  refs_[i] = block;
}

}  // namespace tern
