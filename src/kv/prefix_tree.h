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
// is allocated behind the constructor, except for a scope that is new.
//
// Not thread-safe; lives beside the pool it holds blocks of, which must outlive it.

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kv/block_table.h"

namespace tern {

// What must be equal for KV to be the same, besides the tokens.
struct PrefixScope {
  std::string tenant;    // a salt, so that its blocks are its own
  uint64_t model = 0;    // fingerprint of the weights and of how they are run
  uint64_t adapter = 0;  // 0: none
  auto operator<=>(const PrefixScope&) const = default;
};

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

class PrefixTree {
 public:
  PrefixTree(BlockPool* pool, int block_tokens, WindowKv window = {});
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;
  ~PrefixTree();

  // The longest chain of use that `tokens` begins with: whole blocks only, in `match`, whose memory is
  // reused. The caller becomes a holder of each, and releases them as its own.
  void Match(const PrefixScope& scope, std::span<const int32_t> tokens, PrefixMatch* match);
  // Keeps the whole blocks of a sequence: what its table has for `tokens`, all computed, and what the table
  // of layers with a window still has. Of a block that the tree has already, in another copy, it keeps its
  // own and gives it to the table: who holds a block of the tree holds all in front of it.
  void Insert(const PrefixScope& scope, std::span<const int32_t> tokens, BlockTable* table,
              BlockTable* window_table = nullptr);
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
  };
  // By block id: a block is in one node at most.
  struct Node {
    uint32_t generation = 0;
    BlockRef window = {};    // of layers with a window
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
  void KeepWindow(BlockId id, BlockTable* table, size_t i);
  void DropWindow(Node& node);
  size_t FirstWindowBlock(size_t blocks) const;
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
};

}  // namespace tern
