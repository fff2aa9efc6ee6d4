#pragma once
// PrefixTree: KV blocks that outlive their sequence, by what they hold, so that a prompt which begins like an
// earlier one starts where the two part. Integers only.
//
// A node is one whole block: `block_tokens` tokens behind the node of the block before. Only prompts of the
// same scope meet: a tenant learns nothing of another's prompts, not even from the time an answer takes. A
// hash finds a node and its tokens are compared, so what hashes alike is not mistaken for what is alike.
//
// Layers with a window may have blocks of their own, in a pool of their own: a node then holds one of those,
// too, or has none any more. A chain is of use up to where it has those that the next row sees.
//
// The tree is one more holder of each of its blocks: what a sequence holds too is pinned, the rest is given
// back when room is needed, the least recently used first, and no block before those that follow it. Nothing
// is allocated behind the constructor, except for a scope that is new, and for a tier below that is told what
// the tree keeps.
//
// Not thread-safe; lives beside the pool it holds blocks of, which must outlive it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kv/block_key.h"
#include "kv/block_table.h"

namespace tern {

struct PrefixCounts {
  uint64_t inserted_blocks = 0, evicted_blocks = 0;  // so far
  int blocks = 0, window_blocks = 0;                 // now
};

// A prefix that prompts began with: so many tokens, found so often. Which tokens, it does not say.
struct HotPrefix {
  uint64_t id = 0;  // the same as long as it is kept; drawn from no token
  int tokens = 0;
  uint32_t hits = 0;
  int64_t last_hit_ns = 0;
};

// What finding the hottest works in, per block.
struct PrefixHeat {
  uint32_t below = 0;  // the most hits of a block that follows
  int blocks = 0;      // from the first of its chain
};

// The KV of layers that see so many positions, their own included.
struct WindowKv {
  BlockPool* pool = nullptr;
  int tokens = 0;

  // The first position that a row at `position` sees.
  int First(int position) const { return position < tokens ? 0 : position - tokens + 1; }
};

// The most such blocks that a sequence needs at once, in steps of so many tokens.
constexpr int WindowBlocks(int window_tokens, int step_tokens, int block_tokens) {
  return (window_tokens + step_tokens - 2) / block_tokens + 2;
}

// What a chain begins with: blocks of all layers, and of layers with a window those of places first_window
// on.
struct PrefixMatch {
  std::vector<BlockRef> blocks, window_blocks;
  size_t first_window = 0;

  void Clear();
};

// A block that the tree has begun to keep, for a tier below it: of all layers, or of those with a window.
struct KeptBlock {
  BlockKey key, parent;
  uint32_t place = 0;  // in its chain
  std::vector<int32_t> tokens{};
  BlockRef block{};
  bool windowed = false;
};

// Which of a place's blocks: those that the tree has, or those that a tier below it can give.
struct PlaceParts {
  bool block = false, window = false;
};

class PrefixTree {
 public:
  PrefixTree(BlockPool* pool, int block_tokens, WindowKv window = {});
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;
  ~PrefixTree();

  // The longest chain of use that `tokens` begins with: whole blocks only, in `match`, whose memory is
  // reused. The caller becomes a holder of each, and releases them as its own.
  void Match(const PrefixScope& scope, std::span<const int32_t> tokens, PrefixMatch* match);
  // For the caller, who held all of it.
  void Release(const PrefixMatch& match);
  // Keeps the whole blocks of a sequence: what its table has for `tokens`, all computed, and what the table
  // of layers with a window still has. Of a block that the tree has already, in another copy, it keeps its
  // own and gives it to the table: who holds a block of the tree holds all in front of it.
  void Insert(const PrefixScope& scope, std::span<const int32_t> tokens, BlockTable* table,
              BlockTable* window_table = nullptr);
  // Writes down from now on what it begins to keep, with keys of this fingerprint, in kept().
  void RecordKept(std::string fingerprint);
  std::vector<KeptBlock>& kept() { return kept_; }
  // Of the whole blocks of `tokens`, those from the first on that it has.
  void Look(const PrefixScope& scope, std::span<const int32_t> tokens, std::vector<PlaceParts>* parts) const;
  // How many places from the first on are of use, as a chain, of all those with these parts.
  size_t UsefulPlaces(std::span<const PlaceParts> parts) const;
  // The first block that rows behind so many blocks see in layers with a window.
  size_t FirstWindowBlock(size_t blocks) const;
  // Keeps `parts` of the places from `first` on of `tokens`, as far as it lacks them, in blocks that are free
  // or that it gives back for them. `fill` is called with each block before anybody can find it. Returns for
  // how many places: it ends where a block in front is missing, or room.
  using Fill = std::function<void(size_t place, bool windowed, BlockId block)>;
  size_t Adopt(const PrefixScope& scope, std::span<const int32_t> tokens, size_t first,
               std::span<const PlaceParts> parts, const Fill& fill);
  // These blocks of a match, one behind the other, were of use to a prompt.
  void CountHit(std::span<const BlockRef> blocks, int64_t now_ns);
  // At most so many prefixes with hits, those with most first; of two that begin alike and have the same
  // hits, only the longer. `heat` is memory to work in.
  void Hottest(size_t most, std::vector<HotPrefix>* prefixes, std::vector<PrefixHeat>* heat) const;
  // Gives back until the pool has `free_blocks` free ones; false: what is left is pinned.
  bool MakeRoom(int free_blocks);
  // The same for the pool of layers with a window; nodes stay.
  bool MakeWindowRoom(int free_blocks);
  // Gives back everything of a scope that nobody else holds, as when its model is unloaded.
  void Drop(const PrefixScope& scope);

  // Blocks that MakeRoom could give back, as long as none has holders but the tree and tables.
  int evictable_blocks() const { return counts_.blocks - pool_->shared_blocks(); }
  int evictable_window_blocks() const {
    return window_.pool == nullptr ? 0 : counts_.window_blocks - window_.pool->shared_blocks();
  }
  PrefixCounts counts() const { return counts_; }
  bool Keeps(BlockId id) const { return at(id).scope != nullptr; }

 private:
  struct Scope {
    int32_t root = 0;  // below -1
    int32_t blocks = 0;
    const PrefixScope* key = nullptr;
    BlockKey root_key{};
  };
  // By block id: a block is in one node at most.
  struct Node {
    uint32_t generation = 0;
    BlockRef window = {};    // of layers with a window
    BlockKey key{};          // where what is kept is written down
    uint32_t place = 0;      // in its chain
    int32_t parent = kNone;  // a block, or a root
    int32_t children = 0;
    int32_t next = kNone;                  // in its bucket
    int32_t newer = kNone, older = kNone;  // by use
    uint32_t hits = 0;                     // prompts that began with it, and with those before it
    int64_t last_hit_ns = 0;
    Scope* scope = nullptr;  // null: not in the tree
  };
  static constexpr int32_t kNone = -1;

  std::span<const int32_t> TokensOf(BlockId id) const;
  size_t Bucket(int32_t parent, std::span<const int32_t> tokens) const;
  BlockId Find(int32_t parent, std::span<const int32_t> tokens) const;
  void Add(Scope* scope, int32_t parent, std::span<const int32_t> tokens, BlockRef block);
  void Remove(BlockId id);
  BlockId AdoptPlace(Scope& scope, int32_t parent, size_t place, std::span<const int32_t> tokens,
                     PlaceParts parts, const Fill& fill);
  void KeepWindow(BlockId id, BlockTable* table, size_t i);
  void SetWindow(BlockId id, BlockRef window);
  Scope& ScopeOf(const PrefixScope& scope);
  BlockKey KeyOf(const Scope& scope, int32_t parent) const;
  void WriteDown(BlockId id, BlockRef block, bool windowed);
  void DropWindow(Node& node);
  void TakeHold(PrefixMatch* match);
  bool IsIdle(BlockId id) const;
  void Link(BlockId id);    // as the most recently used
  void Unlink(BlockId id);  // from the order of use
  void Touch(BlockId deepest);
  Node& at(BlockId id) { return nodes_[static_cast<size_t>(id)]; }
  const Node& at(BlockId id) const { return nodes_[static_cast<size_t>(id)]; }

  BlockPool* pool_;
  size_t block_tokens_;
  WindowKv window_;
  uint64_t seed_;  // nobody can choose tokens that collide
  std::map<PrefixScope, Scope> scopes_;
  int32_t next_root_ = kNone - 1;
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;   // [blocks, block_tokens]
  std::vector<BlockId> buckets_;  // the first node of each; a power of two
  BlockId newest_ = kNone, oldest_ = kNone;
  PrefixCounts counts_;
  std::optional<std::string> fingerprint_;  // where what is kept is written down
  std::vector<KeptBlock> kept_;
};

}  // namespace tern
