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
    std::vector<BlockRef> blocks;
    tree.Match(scope, tokens, &blocks);
    const auto found = static_cast<int>(blocks.size()) * kBlock;
    while (blocks.size() * kBlock < tokens.size()) blocks.push_back(pool.Take().value());
    tree.Insert(scope, tokens, blocks);
    for (const BlockRef block : blocks) pool.Release(block);
    return found;
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
  EXPECT_EQ(tree.counts().hit_tokens, 32u);
  EXPECT_EQ(pool.free_blocks(), 1);
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
  std::vector<BlockRef> held;
  tree.Match(kScope, Tokens({1, 2}), &held);
  EXPECT_FALSE(tree.MakeRoom(8));
  EXPECT_EQ(pool.free_blocks(), 6);
  for (const BlockRef block : held) EXPECT_EQ(pool.holders(block), 2);
  pool.Release(held[1]);
  EXPECT_TRUE(tree.MakeRoom(7));
  EXPECT_FALSE(tree.MakeRoom(8));
  pool.Release(held[0]);
  EXPECT_TRUE(tree.MakeRoom(8));
  EXPECT_EQ(tree.counts().evicted_blocks, 2u);
}

TEST_F(PrefixTreeTest, ASecondCopyIsNotKept) {
  const std::vector<BlockRef> first = {pool.Take().value()}, second = {pool.Take().value()};
  tree.Insert(kScope, Tokens({1}), first);
  tree.Insert(kScope, Tokens({1}), second);
  EXPECT_EQ(pool.holders(first[0]), 2);
  EXPECT_EQ(pool.holders(second[0]), 1);
}

TEST_F(PrefixTreeTest, AStaleBlockEndsTheChain) {
  std::vector<BlockRef> blocks = {pool.Take().value(), pool.Take().value(), pool.Take().value()};
  pool.Release(blocks[1]);
  tree.Insert(kScope, Tokens({1, 2, 3}), blocks);
  EXPECT_EQ(tree.counts().blocks, 1);
  std::vector<BlockRef> stale = {blocks[1]};
  tree.Insert({.tenant = "b"}, Tokens({1}), stale);
  EXPECT_EQ(tree.counts().blocks, 1);
}

TEST(PrefixTree, ItsEndGivesEverythingBack) {
  BlockPool pool(2);
  {
    PrefixTree tree(&pool, kBlock);
    const std::vector<BlockRef> blocks = {pool.Take().value(), pool.Take().value()};
    tree.Insert(kScope, Tokens({1, 2}), blocks);
    for (const BlockRef block : blocks) pool.Release(block);
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
  std::vector<std::vector<BlockRef>> running;
  for (int round = 0; round < 5000; ++round) {
    if (running.size() > 3 || (random() % 4 == 0 && !running.empty())) {
      const size_t i = random() % running.size();
      for (const BlockRef block : running[i]) pool.Release(block);
      running.erase(running.begin() + static_cast<ptrdiff_t>(i));
    }
    std::vector<int32_t> tokens;
    for (size_t i = 0, n = 1 + random() % 6; i < n; ++i) {
      tokens.insert(tokens.end(), kBlock, static_cast<int32_t>(random() % 3));
    }
    std::vector<BlockRef> blocks;
    tree.Match(kScope, tokens, &blocks);
    for (size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_TRUE(pool.IsCurrent(blocks[i]));
      const auto end = tokens.begin() + static_cast<ptrdiff_t>((i + 1) * kBlock);
      ASSERT_EQ(book[blocks[i].id], std::vector<int32_t>(tokens.begin(), end));
    }
    const size_t missing = tokens.size() / kBlock - blocks.size();
    ASSERT_TRUE(tree.MakeRoom(static_cast<int>(missing)));
    while (blocks.size() * kBlock < tokens.size()) {
      blocks.push_back(pool.Take().value());
      book[blocks.back().id] = {tokens.begin(),
                                tokens.begin() + static_cast<ptrdiff_t>(blocks.size() * kBlock)};
    }
    tree.Insert(kScope, tokens, blocks);
    running.push_back(blocks);
    std::set<BlockId> held;
    for (const auto& sequence : running) {
      for (const BlockRef block : sequence) held.insert(block.id);
    }
    ASSERT_GE(static_cast<int>(held.size()) + tree.counts().blocks, pool.blocks() - pool.free_blocks());
  }
  for (const auto& sequence : running) {
    for (const BlockRef block : sequence) pool.Release(block);
  }
  EXPECT_EQ(pool.free_blocks() + tree.counts().blocks, pool.blocks());
  EXPECT_GT(tree.counts().hit_tokens, 1000u);
  EXPECT_GT(tree.counts().evicted_blocks, 100u);
  EXPECT_TRUE(tree.MakeRoom(pool.blocks()));
}

}  // namespace
}  // namespace tern
