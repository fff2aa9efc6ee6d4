#include "kv/prefix_tree.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <random>

namespace tern {

PrefixTree::PrefixTree(BlockPool* pool, int block_tokens)
    : pool_(pool), block_tokens_(static_cast<size_t>(block_tokens)) {
  std::random_device random;
  seed_ = uint64_t{random()} << 32 | random();
  const auto blocks = static_cast<size_t>(pool->blocks());
  nodes_.resize(blocks);
  tokens_.resize(blocks * block_tokens_);
  buckets_.assign(std::bit_ceil(std::max<size_t>(2 * blocks, 2)), kNone);
}

PrefixTree::~PrefixTree() {
  while (oldest_ != kNone) Remove(oldest_);
}

std::span<const int32_t> PrefixTree::TokensOf(BlockId id) const {
  return std::span(tokens_).subspan(static_cast<size_t>(id) * block_tokens_, block_tokens_);
}

size_t PrefixTree::Bucket(int32_t parent, std::span<const int32_t> tokens) const {
  const uint64_t seed = seed_ ^ static_cast<uint64_t>(static_cast<uint32_t>(parent)) * 0x9e3779b97f4a7c15ull;
  return XXH3_64bits_withSeed(tokens.data(), tokens.size_bytes(), seed) & (buckets_.size() - 1);
}

BlockId PrefixTree::Find(int32_t parent, std::span<const int32_t> tokens) const {
  BlockId id = buckets_[Bucket(parent, tokens)];
  while (id != kNone && (at(id).parent != parent || !std::ranges::equal(TokensOf(id), tokens))) {
    id = at(id).next;
  }
  return id;
}

void PrefixTree::Match(const PrefixScope& scope, std::span<const int32_t> tokens,
                       std::vector<BlockRef>* blocks) {
  const auto found = scopes_.find(scope);
  if (found == scopes_.end()) return;
  int32_t parent = found->second.root;
  for (size_t from = 0; from + block_tokens_ <= tokens.size(); from += block_tokens_) {
    const BlockId id = Find(parent, tokens.subspan(from, block_tokens_));
    if (id == kNone) break;
    const BlockRef block{id, at(id).generation};
    pool_->Share(block);
    blocks->push_back(block);
    parent = id;
  }
  Touch(parent);
}

void PrefixTree::Insert(const PrefixScope& scope, std::span<const int32_t> tokens, BlockTable* table) {
  const size_t whole = std::min(tokens.size() / block_tokens_, table->blocks().size());
  if (whole == 0) return;
  const auto [entry, is_new] = scopes_.try_emplace(scope);
  if (is_new) entry->second = {.root = next_root_--, .key = &entry->first};
  int32_t parent = entry->second.root;
  for (size_t i = 0; i < whole; ++i) {
    const auto part = tokens.subspan(i * block_tokens_, block_tokens_);
    const BlockRef own = table->blocks()[i];
    const BlockId id = Find(parent, part);
    if (id == kNone) {
      TERN_CHECK(pool_->Share(own));
      Add(&entry->second, parent, part, own);
    } else if (id != own.id) {
      const BlockRef first{id, at(id).generation};
      pool_->Share(first);
      table->Put(i, first);
    }
    parent = table->ids()[i];
  }
  Touch(parent);
}

void PrefixTree::Add(Scope* scope, int32_t parent, std::span<const int32_t> tokens, BlockRef block) {
  Node& node = at(block.id);
  TERN_CHECK(node.scope == nullptr);
  const size_t bucket = Bucket(parent, tokens);
  node = {.generation = block.generation, .parent = parent, .next = buckets_[bucket], .scope = scope};
  buckets_[bucket] = block.id;
  std::ranges::copy(
      tokens, tokens_.begin() + static_cast<ptrdiff_t>(block.id) * static_cast<ptrdiff_t>(block_tokens_));
  if (parent >= 0) ++at(parent).children;
  ++scope->blocks;
  ++counts_.blocks;
  ++counts_.inserted_blocks;
  Link(block.id);
}

void PrefixTree::Remove(BlockId id) {
  Node& node = at(id);
  BlockId* link = &buckets_[Bucket(node.parent, TokensOf(id))];
  while (*link != id) link = &at(*link).next;
  *link = node.next;
  Unlink(id);
  if (node.parent >= 0) --at(node.parent).children;
  --counts_.blocks;
  Scope* const scope = node.scope;
  node.scope = nullptr;
  pool_->Release({id, node.generation});
  if (--scope->blocks == 0) scopes_.erase(scopes_.find(*scope->key));
}

// No block follows it, and nobody else holds it.
bool PrefixTree::IsIdle(BlockId id) const {
  return at(id).children == 0 && pool_->holders({id, at(id).generation}) == 1;
}

void PrefixTree::Link(BlockId id) {
  at(id).older = newest_;
  at(id).newer = kNone;
  (newest_ == kNone ? oldest_ : at(newest_).newer) = id;
  newest_ = id;
}

void PrefixTree::Unlink(BlockId id) {
  const Node& node = at(id);
  (node.newer == kNone ? newest_ : at(node.newer).older) = node.older;
  (node.older == kNone ? oldest_ : at(node.older).newer) = node.newer;
}

// From the end of the chain to its beginning, so that every block is used more recently than those that
// follow it, and the oldest is always one that none follows.
void PrefixTree::Touch(BlockId deepest) {
  for (BlockId id = deepest; id >= 0; id = at(id).parent) {
    Unlink(id);
    Link(id);
  }
}

bool PrefixTree::MakeRoom(int free_blocks) {
  for (BlockId id = oldest_; id != kNone && pool_->free_blocks() < free_blocks;) {
    const BlockId newer = at(id).newer;
    if (IsIdle(id)) {
      Remove(id);
      ++counts_.evicted_blocks;
    }
    id = newer;
  }
  return pool_->free_blocks() >= free_blocks;
}

void PrefixTree::Drop(const PrefixScope& scope) {
  const auto found = scopes_.find(scope);
  if (found == scopes_.end()) return;
  const Scope* const doomed = &found->second;
  for (BlockId id = oldest_; id != kNone;) {
    const BlockId newer = at(id).newer;
    if (at(id).scope == doomed && IsIdle(id)) Remove(id);
    id = newer;
  }
}

}  // namespace tern
