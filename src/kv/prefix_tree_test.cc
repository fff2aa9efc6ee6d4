#include "kv/prefix_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace tern {
namespace {

constexpr int kBlock = 4;
const PrefixScope kScope{.tenant = "a", .model = 1};

std::vector<int32_t> Tokens(std::initializer_list<int32_t> blocks) {
  std::vector<int32_t> tokens;  // a block repeats its number
  for (const int32_t block : blocks) tokens.insert(tokens.end(), kBlock, block);
  return tokens;
}

struct PrefixTreeTest : testing::Test {
  // Computes `tokens` as a sequence does: what is stored is taken over, the rest is new; at its end the whole
  // blocks are kept. Returns how many tokens were found.
  int Run(const std::vector<int32_t>& tokens, const PrefixScope& scope = kScope) {
    BlockTable table = Begin(tokens, scope);
    const auto found = static_cast<int>(table.ids().size()) * kBlock;
    EXPECT_TRUE(table.Grow(static_cast<int>(tokens.size())).ok());
    tree.Insert(scope, tokens, &table);
    return found;
  }

  BlockTable Begin(const std::vector<int32_t>& tokens, const PrefixScope& scope = kScope) {
    PrefixMatch match;
    tree.Match(scope, tokens, &match);
    BlockTable table(&pool, kBlock, 32);
    for (size_t i = 0; i < match.blocks.size(); ++i) table.Put(i, match.blocks[i]);
    return table;
  }

  BlockPool pool{8};
  PrefixTree tree{&pool, kBlock};
};

TEST_F(PrefixTreeTest, APromptStartsWhereItPartsFromEarlierOnes) {
  EXPECT_EQ(Run(Tokens({1, 2, 3})), 0);
  EXPECT_EQ(Run(Tokens({1, 2, 3})), 12);
  EXPECT_EQ(Run(Tokens({1, 2, 4})), 8);
  EXPECT_EQ(Run(Tokens({1, 2, 4, 5})), 12);
  EXPECT_EQ(Run(Tokens({2, 3})), 0);  // the same blocks behind others are not the same
  EXPECT_EQ(tree.counts().blocks, 7);
  EXPECT_EQ(tree.counts().inserted_blocks, 7u);
  EXPECT_EQ(tree.evictable_blocks(), 7);
  EXPECT_EQ(pool.free_blocks(), 1);
}

TEST_F(PrefixTreeTest, TheHottestPrefixesAreThoseThatPromptsBeginWith) {
  const auto ask = [&](const std::vector<int32_t>& tokens, int64_t now_ns) {
    PrefixMatch match;
    tree.Match(kScope, tokens, &match);
    tree.CountHit(match.blocks, now_ns);
    for (const BlockRef block : match.blocks) pool.Release(block);
    Run(tokens);
  };
  std::vector<HotPrefix> hottest;
  std::vector<PrefixHeat> heat;
  ask(Tokens({1, 2, 3}), 1);  // nobody asked before
  tree.Hottest(20, &hottest, &heat);
  EXPECT_TRUE(hottest.empty());
  ask(Tokens({1, 2, 4}), 2);
  ask(Tokens({1, 2, 4}), 3);
  ask(Tokens({1, 2, 5}), 4);
  tree.Hottest(20, &hottest, &heat);
  ASSERT_EQ(hottest.size(), 2u);  // the first block alone has no more hits than with the second
  EXPECT_EQ(hottest[0].tokens, 2 * kBlock);
  EXPECT_EQ(hottest[0].hits, 3u);
  EXPECT_EQ(hottest[0].last_hit_ns, 4);
  EXPECT_EQ(hottest[1].tokens, 3 * kBlock);
  EXPECT_EQ(hottest[1].hits, 1u);
  EXPECT_NE(hottest[0].id, hottest[1].id);
  const uint64_t id = hottest[0].id;
  tree.Hottest(1, &hottest, &heat);
  ASSERT_EQ(hottest.size(), 1u);
  EXPECT_EQ(hottest[0].id, id);
}

TEST_F(PrefixTreeTest, OnlyWholeBlocksAreKeptAndFound) {
  std::vector<int32_t> tokens = Tokens({1, 2});
  tokens.push_back(9);
  EXPECT_EQ(Run(tokens), 0);
  EXPECT_EQ(tree.counts().blocks, 2);
  tokens.resize(7);
  EXPECT_EQ(Run(tokens), 4);
}

TEST_F(PrefixTreeTest, ScopesNeverMeet) {
  EXPECT_EQ(Run(Tokens({1, 2})), 0);
  EXPECT_EQ(Run(Tokens({1, 2}), {.tenant = "b", .model = 1}), 0);
  EXPECT_EQ(Run(Tokens({1, 2}), {.tenant = "a", .model = 2}), 0);
  EXPECT_EQ(Run(Tokens({1, 2}), {.tenant = "a", .model = 1, .adapter = 1}), 0);
  tree.Drop(kScope);
  EXPECT_EQ(tree.counts().blocks, 6);
  EXPECT_EQ(Run(Tokens({1, 2})), 0);
  EXPECT_EQ(Run(Tokens({1, 2}), {.tenant = "a", .model = 2}), 8);
}

TEST_F(PrefixTreeTest, TheLeastRecentlyUsedGoesFirstAndFromTheEnd) {
  Run(Tokens({1, 2}));
  Run(Tokens({1, 3}));
  Run(Tokens({4, 5}));
  Run(Tokens({1, 2}));  // used again
  ASSERT_EQ(pool.free_blocks(), 3);
  EXPECT_TRUE(tree.MakeRoom(4));
  EXPECT_EQ(Run(Tokens({1, 3})), 4);  // 3 was the oldest; 1 is needed for 2
  EXPECT_TRUE(tree.MakeRoom(5));
  EXPECT_EQ(Run(Tokens({4, 5})), 0);
  EXPECT_EQ(Run(Tokens({1, 2})), 8);
}

TEST_F(PrefixTreeTest, WhatASequenceHoldsIsPinned) {
  Run(Tokens({1, 2}));
  BlockTable held = Begin(Tokens({1, 2}));
  EXPECT_EQ(tree.evictable_blocks(), 0);
  EXPECT_FALSE(tree.MakeRoom(8));
  EXPECT_EQ(pool.free_blocks(), 6);
  for (const BlockRef block : held.blocks()) EXPECT_EQ(pool.holders(block), 2);
  held.Truncate(kBlock);
  EXPECT_EQ(tree.evictable_blocks(), 1);
  EXPECT_TRUE(tree.MakeRoom(7));
  EXPECT_FALSE(tree.MakeRoom(8));
  held.Truncate(0);
  EXPECT_TRUE(tree.MakeRoom(8));
  EXPECT_EQ(tree.counts().evicted_blocks, 2u);
}

TEST_F(PrefixTreeTest, ASecondCopyIsGivenBackForTheFirst) {
  BlockTable first(&pool, kBlock, 32), second(&pool, kBlock, 32);
  ASSERT_TRUE(first.Grow(4).ok() && second.Grow(8).ok());
  tree.Insert(kScope, Tokens({1}), &first);
  tree.Insert(kScope, Tokens({1, 2}), &second);
  EXPECT_EQ(second.ids()[0], first.ids()[0]);
  EXPECT_EQ(pool.holders(first.blocks()[0]), 3);
  EXPECT_EQ(pool.free_blocks(), 6);
  first.Truncate(0);
  EXPECT_FALSE(tree.MakeRoom(7));  // what the second has is pinned from the beginning on
}

TEST_F(PrefixTreeTest, ATableWithFewerBlocksThanTokensEndsTheChain) {
  BlockTable table(&pool, kBlock, 32);
  tree.Insert(kScope, Tokens({1}), &table);
  EXPECT_EQ(tree.counts().blocks, 0);
  ASSERT_TRUE(table.Grow(4).ok());
  tree.Insert(kScope, Tokens({1, 2, 3}), &table);
  EXPECT_EQ(tree.counts().blocks, 1);
}

// Layers that see six positions: of those in front of a row behind whole blocks, two blocks.
struct WindowTreeTest : testing::Test {
  WindowTreeTest() {
    EXPECT_TRUE(table.Grow(16).ok() && window_table.Grow(16).ok());
    tree.Insert(kScope, Tokens({1, 2, 3, 4}), &table, &window_table);
  }
  // How many blocks of the prompt are found.
  size_t Find(std::initializer_list<int32_t> blocks) {
    tree.Match(kScope, Tokens(blocks), &match);
    EXPECT_EQ(match.window_blocks.size(), match.blocks.size() - match.first_window);
    for (const BlockRef block : match.window_blocks) EXPECT_TRUE(windows.IsCurrent(block));
    Release();
    return match.blocks.size();
  }
  void Release() {
    for (const BlockRef block : match.blocks) pool.Release(block);
    for (const BlockRef block : match.window_blocks) windows.Release(block);
  }

  BlockPool pool{8}, windows{8};
  PrefixTree tree{&pool, kBlock, {&windows, 6}};
  BlockTable table{&pool, kBlock, 32}, window_table{&windows, kBlock, 32};
  PrefixMatch match;
};

TEST_F(WindowTreeTest, AChainIsOfUseWhereItHasWhatTheNextRowSees) {
  EXPECT_EQ(Find({1, 2, 3, 4}), 4u);
  EXPECT_EQ(match.first_window, 2u);
  EXPECT_EQ(match.window_blocks[0].id, window_table.ids()[2]);
  EXPECT_EQ(Find({1, 9}), 1u);
  EXPECT_EQ(match.first_window, 0u);
  window_table.Truncate(0);
  ASSERT_TRUE(tree.MakeWindowRoom(5));  // the end of the chain goes first
  EXPECT_EQ(Find({1, 2, 3, 4}), 3u);
  EXPECT_EQ(tree.counts().blocks, 4);
  EXPECT_EQ(tree.counts().window_blocks, 3);
  ASSERT_TRUE(tree.MakeWindowRoom(8));
  EXPECT_EQ(Find({1, 2, 3, 4}), 0u);
  EXPECT_EQ(tree.counts().blocks, 4);
}

TEST_F(WindowTreeTest, WhatASequenceStillSeesStays) {
  table.Truncate(0);
  window_table.DropBefore(11);
  EXPECT_EQ(tree.evictable_window_blocks(), 2);
  EXPECT_FALSE(tree.MakeWindowRoom(7));
  EXPECT_EQ(windows.free_blocks(), 6);
  EXPECT_EQ(Find({1, 2, 3, 4}), 4u);
  EXPECT_EQ(Find({1, 2, 3}), 0u);  // rows behind the third see the second
  window_table.Truncate(0);
  EXPECT_TRUE(tree.MakeRoom(8));
  EXPECT_EQ(windows.free_blocks(), 8);
}

TEST_F(WindowTreeTest, WhoComputesAnewWhatIsGoneBringsItBack) {
  window_table.DropBefore(8);
  ASSERT_TRUE(tree.MakeWindowRoom(6));
  BlockTable other(&pool, kBlock, 32), other_window(&windows, kBlock, 32);
  ASSERT_TRUE(other.Grow(16).ok() && other_window.Grow(16).ok());
  tree.Insert(kScope, Tokens({1, 2, 3, 4}), &other, &other_window);
  EXPECT_TRUE(std::ranges::equal(other.ids(), table.ids()));
  EXPECT_EQ(other_window.ids()[2], window_table.ids()[2]);
  EXPECT_EQ(windows.free_blocks(), 4);
  EXPECT_EQ(tree.counts().window_blocks, 4);
  EXPECT_EQ(Find({1, 2}), 2u);
}

TEST(PrefixTree, ItsEndGivesEverythingBack) {
  BlockPool pool(2);
  {
    PrefixTree tree(&pool, kBlock);
    BlockTable table(&pool, kBlock, 8);
    ASSERT_TRUE(table.Grow(8).ok());
    tree.Insert(kScope, Tokens({1, 2}), &table);
    table.Truncate(0);
    EXPECT_EQ(pool.free_blocks(), 0);
  }
  EXPECT_EQ(pool.free_blocks(), 2);
}

// Random sequences in a pool that is too small for all: what is found is what was stored and not yet evicted,
// a block never serves two prompts that differ, and no block is lost.
TEST(PrefixTree, AgreesWithABookOfAllBlocks) {
  std::mt19937 random(7);
  BlockPool pool(40);
  PrefixTree tree(&pool, kBlock);
  std::map<BlockId, std::vector<int32_t>> book;  // what each block holds: everything up to its end
  std::vector<BlockTable> running;
  uint64_t hit_tokens = 0;
  for (int round = 0; round < 5000; ++round) {
    if (running.size() > 3 || (random() % 4 == 0 && !running.empty())) {
      const size_t i = random() % running.size();
      std::vector<BlockTable> others;
      for (BlockTable& table : running) {
        if (&table != &running[i]) others.push_back(std::move(table));
      }
      running.swap(others);
    }
    std::vector<int32_t> tokens;
    for (size_t i = 0, n = 1 + random() % 6; i < n; ++i) {
      tokens.insert(tokens.end(), kBlock, static_cast<int32_t>(random() % 3));
    }
    PrefixMatch match;
    tree.Match(kScope, tokens, &match);
    const std::vector<BlockRef>& blocks = match.blocks;
    for (size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_TRUE(pool.IsCurrent(blocks[i]));
      const auto end = tokens.begin() + static_cast<ptrdiff_t>((i + 1) * kBlock);
      ASSERT_EQ(book[blocks[i].id], std::vector<int32_t>(tokens.begin(), end));
    }
    hit_tokens += blocks.size() * kBlock;
    BlockTable table(&pool, kBlock, 32);
    for (size_t i = 0; i < blocks.size(); ++i) table.Put(i, blocks[i]);
    const auto missing = static_cast<int>(tokens.size() / kBlock - blocks.size());
    ASSERT_GE(pool.free_blocks() + tree.evictable_blocks(), missing);
    ASSERT_TRUE(tree.MakeRoom(missing));
    ASSERT_TRUE(table.Grow(static_cast<int>(tokens.size())).ok());
    for (size_t i = blocks.size(); i < table.ids().size(); ++i) {
      book[table.ids()[i]] = {tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>((i + 1) * kBlock)};
    }
    tree.Insert(kScope, tokens, &table);
    running.push_back(std::move(table));
    std::set<BlockId> held;
    for (const BlockTable& sequence : running) held.insert(sequence.ids().begin(), sequence.ids().end());
    ASSERT_EQ(pool.shared_blocks(), static_cast<int>(held.size()));
    ASSERT_EQ(pool.free_blocks() + tree.counts().blocks, pool.blocks());
  }
  running.clear();
  EXPECT_EQ(pool.free_blocks() + tree.counts().blocks, pool.blocks());
  EXPECT_GT(hit_tokens, 1000u);
  EXPECT_GT(tree.counts().evicted_blocks, 100u);
  EXPECT_TRUE(tree.MakeRoom(pool.blocks()));
}

}  // namespace
}  // namespace tern
