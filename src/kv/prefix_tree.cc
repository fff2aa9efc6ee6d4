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

void PrefixTree::Release(const PrefixMatch& match) {
  for (auto block = match.blocks.rbegin(); block != match.blocks.rend(); ++block) pool_->Release(*block);
  for (const BlockRef block : match.window_blocks) window_.pool->Release(block);
}

PrefixTree::Scope& PrefixTree::ScopeOf(const PrefixScope& scope) {
  const auto [entry, is_new] = scopes_.try_emplace(scope);
  if (is_new) {
    entry->second = {.root = next_root_--, .key = &entry->first};
    if (fingerprint_) entry->second.root_key = RootKey(*fingerprint_, scope);
  }
  return entry->second;
}

void PrefixTree::Insert(const PrefixScope& scope, std::span<const int32_t> tokens, BlockTable* table,
                        BlockTable* window_table) {
  const size_t whole = std::min(tokens.size() / block_tokens_, table->blocks().size());
  if (whole == 0) return;
  Scope& owner = ScopeOf(scope);
  int32_t parent = owner.root;
  for (size_t i = 0; i < whole; ++i) {
    const auto part = tokens.subspan(i * block_tokens_, block_tokens_);
    const BlockRef own = table->blocks()[i];
    const BlockId id = Find(parent, part);
    if (id == kNone) {
      TERN_CHECK(pool_->Share(own));
      Add(&owner, parent, part, own);
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
    return SetWindow(id, own);
  }
  window_.pool->Share(window);
  table->Put(i, window);
}

void PrefixTree::SetWindow(BlockId id, BlockRef window) {
  at(id).window = window;
  ++counts_.window_blocks;
  WriteDown(id, window, true);
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
          .key = fingerprint_ ? NextKey(KeyOf(*scope, parent), tokens) : BlockKey{},
          .place = parent >= 0 ? at(parent).place + 1 : 0,
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
  WriteDown(block.id, block, false);
}

void PrefixTree::RecordKept(std::string fingerprint) {
  TERN_CHECK(scopes_.empty());
  fingerprint_ = std::move(fingerprint);
}

BlockKey PrefixTree::KeyOf(const Scope& scope, int32_t parent) const {
  return parent >= 0 ? at(parent).key : scope.root_key;
}

void PrefixTree::WriteDown(BlockId id, BlockRef block, bool windowed) {
  if (!fingerprint_) return;
  const Node& node = at(id);
  const auto tokens = TokensOf(id);
  kept_.push_back({.key = node.key,
                   .parent = KeyOf(*node.scope, node.parent),
                   .place = node.place,
                   .tokens = {tokens.begin(), tokens.end()},
                   .block = block,
                   .windowed = windowed});
}

void PrefixTree::Look(const PrefixScope& scope, std::span<const int32_t> tokens,
                      std::vector<PlaceParts>* parts) const {
  parts->clear();
  const auto found = scopes_.find(scope);
  if (found == scopes_.end()) return;
  int32_t parent = found->second.root;
  for (size_t from = 0; from + block_tokens_ <= tokens.size(); from += block_tokens_) {
    parent = Find(parent, tokens.subspan(from, block_tokens_));
    if (parent == kNone) return;
    parts->push_back({.block = true, .window = at(parent).window.id != kNone});
  }
}

size_t PrefixTree::UsefulPlaces(std::span<const PlaceParts> parts) const {
  size_t useful = 0, since_gap = 0;
  for (size_t i = 0; i < parts.size() && parts[i].block; ++i) {
    since_gap = parts[i].window ? since_gap + 1 : 0;
    if (i + 1 - FirstWindowBlock(i + 1) <= since_gap) useful = i + 1;
  }
  return useful;
}

size_t PrefixTree::Adopt(const PrefixScope& scope, std::span<const int32_t> tokens, size_t first,
                         std::span<const PlaceParts> parts, const Fill& fill) {
  Scope& owner = ScopeOf(scope);
  ++owner.blocks;  // so that it stays, whatever gives way
  const auto part_of = [&](size_t i) { return tokens.subspan(i * block_tokens_, block_tokens_); };
  int32_t parent = owner.root;
  for (size_t i = 0; i < first && parent != kNone; ++i) parent = Find(parent, part_of(i));
  if (parent >= 0) Touch(parent);
  size_t adopted = 0;
  for (; adopted < parts.size() && parent != kNone; ++adopted) {
    const size_t place = first + adopted;
    const BlockId id = AdoptPlace(owner, parent, place, part_of(place), parts[adopted], fill);
    if (id == kNone) break;
    parent = id;
  }
  if (parent >= 0) Touch(parent);
  if (--owner.blocks == 0) scopes_.erase(scopes_.find(scope));
  return adopted;
}

// What is in front of it stays, whatever gives way: held, as long as nothing follows it.
BlockId PrefixTree::AdoptPlace(Scope& scope, int32_t parent, size_t place, std::span<const int32_t> tokens,
                               PlaceParts parts, const Fill& fill) {
  BlockId id = Find(parent, tokens);
  if (id == kNone && !parts.block) return kNone;
  if (id == kNone) {
    const BlockRef front = parent >= 0 ? BlockRef{parent, at(parent).generation} : BlockRef{};
    pool_->Share(front);
    const auto block = MakeRoom(1) ? pool_->Take() : Exhausted("kv: no block to adopt into");
    pool_->Release(front);
    if (!block.ok()) return kNone;
    id = block.value().id;
    fill(place, false, id);
    Add(&scope, parent, tokens, block.value());
  }
  if (parts.window && window_.pool != nullptr && at(id).window.id == kNone && MakeWindowRoom(1)) {
    const auto window = window_.pool->Take();
    TERN_CHECK(window.ok());
    fill(place, true, window.value().id);
    SetWindow(id, window.value());
  }
  return id;
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
