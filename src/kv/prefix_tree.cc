#include "kv/prefix_tree.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <random>

namespace tern {

void PrefixMatch::Clear() {
  blocks.clear();
  window_blocks.clear();
  first_window = 0;
}

PrefixTree::PrefixTree(BlockPool* pool, int block_tokens, WindowKv window)
    : pool_(pool), block_tokens_(static_cast<size_t>(block_tokens)), window_(window) {
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

void PrefixTree::Match(const PrefixScope& scope, std::span<const int32_t> tokens, PrefixMatch* match) {
  match->Clear();
  const auto found = scopes_.find(scope);
  if (found == scopes_.end()) return;
  int32_t parent = found->second.root;
  size_t useful = 0, since_gap = 0;  // of the blocks so far, the last ones with windows
  for (size_t from = 0; from + block_tokens_ <= tokens.size(); from += block_tokens_) {
    const BlockId id = Find(parent, tokens.subspan(from, block_tokens_));
    if (id == kNone) break;
    match->blocks.push_back({id, at(id).generation});
    since_gap = at(id).window.id == kNone ? 0 : since_gap + 1;
    const size_t length = match->blocks.size();
    if (length - FirstWindowBlock(length) <= since_gap) useful = length;
    parent = id;
  }
  match->blocks.resize(useful);
  TakeHold(match);
}

// The first block that rows behind so many blocks see in layers with a window.
size_t PrefixTree::FirstWindowBlock(size_t blocks) const {
  if (window_.pool == nullptr) return blocks;
  return static_cast<size_t>(window_.First(static_cast<int>(blocks * block_tokens_))) / block_tokens_;
}

void PrefixTree::TakeHold(PrefixMatch* match) {
  for (const BlockRef block : match->blocks) pool_->Share(block);
  const size_t length = match->blocks.size();
  match->first_window = FirstWindowBlock(length);
  for (size_t i = match->first_window; i < length; ++i) {
    match->window_blocks.push_back(at(match->blocks[i].id).window);
    window_.pool->Share(match->window_blocks.back());
  }
  if (length > 0) Touch(match->blocks.back().id);
}

void PrefixTree::Insert(const PrefixScope& scope, std::span<const int32_t> tokens, BlockTable* table,
                        BlockTable* window_table) {
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
    if (window_table != nullptr) KeepWindow(parent, window_table, i);
  }
  Touch(parent);
}

void PrefixTree::KeepWindow(BlockId id, BlockTable* table, size_t i) {
  if (i < table->missing() || i >= table->ids().size()) return;
  BlockRef& window = at(id).window;
  const BlockRef own = table->blocks()[i];
  if (window.id == own.id) return;
  if (window.id == kNone) {
    TERN_CHECK(window_.pool->Share(own));
    window = own;
    ++counts_.window_blocks;
    return;
  }
  window_.pool->Share(window);
  table->Put(i, window);
}

void PrefixTree::DropWindow(Node& node) {
  if (node.window.id == kNone) return;
  window_.pool->Release(node.window);
  node.window = {};
  --counts_.window_blocks;
}

void PrefixTree::Add(Scope* scope, int32_t parent, std::span<const int32_t> tokens, BlockRef block) {
  Node& node = at(block.id);
  TERN_CHECK(node.scope == nullptr);
  const size_t bucket = Bucket(parent, tokens);
  node = {.generation = block.generation,
          .window = {},
          .parent = parent,
          .next = buckets_[bucket],
          .scope = scope};
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
  DropWindow(node);
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

void PrefixTree::CountHit(std::span<const BlockRef> blocks, int64_t now_ns) {
  for (const BlockRef block : blocks) {
    Node& node = at(block.id);
    ++node.hits;
    node.last_hit_ns = now_ns;
  }
}

// Whatever follows a block is older: so from the oldest on, children come first; from the newest on, parents.
void PrefixTree::Hottest(size_t most, std::vector<HotPrefix>* prefixes, std::vector<PrefixHeat>* heat) const {
  heat->assign(nodes_.size(), {});
  const auto heat_of = [&](BlockId id) -> PrefixHeat& { return (*heat)[static_cast<size_t>(id)]; };
  for (BlockId id = oldest_; id != kNone; id = at(id).newer) {
    const int32_t parent = at(id).parent;
    if (parent >= 0) heat_of(parent).below = std::max(heat_of(parent).below, at(id).hits);
  }
  const auto hotter = [](const HotPrefix& a, const HotPrefix& b) {
    return std::pair(a.hits, a.tokens) > std::pair(b.hits, b.tokens);
  };
  prefixes->clear();
  prefixes->reserve(most + 1);
  for (BlockId id = newest_; id != kNone; id = at(id).older) {
    const Node& node = at(id);
    PrefixHeat& own = heat_of(id);
    own.blocks = 1 + (node.parent >= 0 ? heat_of(node.parent).blocks : 0);
    if (node.hits <= own.below) continue;
    const BlockRef name{id, node.generation};
    const HotPrefix prefix{.id = XXH3_64bits_withSeed(&name, sizeof name, seed_),
                           .tokens = own.blocks * static_cast<int>(block_tokens_),
                           .hits = node.hits,
                           .last_hit_ns = node.last_hit_ns};
    prefixes->insert(std::ranges::upper_bound(*prefixes, prefix, hotter), prefix);
    if (prefixes->size() > most) prefixes->pop_back();
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

bool PrefixTree::MakeWindowRoom(int free_blocks) {
  for (BlockId id = oldest_; id != kNone && window_.pool->free_blocks() < free_blocks; id = at(id).newer) {
    if (window_.pool->holders(at(id).window) == 1) DropWindow(at(id));
  }
  return window_.pool->free_blocks() >= free_blocks;
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
