// Blocks that a prefix tree takes from a tier below it, and what it tells that tier of its own.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "kv/prefix_tree.h"

namespace tern {
namespace {

constexpr int kBlock = 4;
const PrefixScope kScope{.tenant = "a"};

std::vector<int32_t> Tokens(const std::vector<int32_t>& blocks) {
  std::vector<int32_t> tokens;  // a block repeats its number
  for (const int32_t block : blocks) tokens.insert(tokens.end(), kBlock, block);
  return tokens;
}

// A tree of layers without a window and with one of six positions: of those in front of a row behind whole
// blocks, two blocks. What each block holds is in a book, under its key.
struct AdoptTest : testing::Test {
  AdoptTest() { tree.RecordKept("f"); }

  // As a sequence does that computes these.
  void Run(const std::vector<int32_t>& blocks) {
    const auto tokens = Tokens(blocks);
    const auto size = static_cast<int>(tokens.size());
    BlockTable table(&pool, kBlock, 64), window_table(&windows, kBlock, 64);
    ASSERT_TRUE(tree.MakeRoom(size / kBlock) && tree.MakeWindowRoom(size / kBlock));
    ASSERT_TRUE(table.Grow(size).ok() && window_table.Grow(size).ok());
    tree.Insert(kScope, tokens, &table, &window_table);
  }
  size_t Adopt(const std::vector<int32_t>& blocks, size_t first, const std::vector<PlaceParts>& parts) {
    filled.clear();
    const auto tokens = Tokens(blocks);
    return tree.Adopt(kScope, tokens, first, parts, [&](size_t place, bool windowed, BlockId block) {
      EXPECT_FALSE(!windowed && tree.Keeps(block)) << "filled when it could be found";
      filled.insert({place, windowed});
    });
  }
  size_t Find(const std::vector<int32_t>& blocks) {
    PrefixMatch match;
    tree.Match(kScope, Tokens(blocks), &match);
    for (const BlockRef block : match.blocks) pool.Release(block);
    for (const BlockRef block : match.window_blocks) windows.Release(block);
    return match.blocks.size();
  }

  BlockPool pool{8}, windows{8};
  PrefixTree tree{&pool, kBlock, {&windows, 6}};
  std::set<std::pair<size_t, bool>> filled;
};

TEST_F(AdoptTest, WhatIsAdoptedIsFoundLikeWhatWasComputed) {
  const std::vector<PlaceParts> parts = {{true, false}, {true, false}, {true, true}, {true, true}};
  EXPECT_EQ(tree.UsefulPlaces(parts), 4u);
  EXPECT_EQ(tree.FirstWindowBlock(4), 2u);
  EXPECT_EQ(Adopt({1, 2, 3, 4}, 0, parts), 4u);
  EXPECT_EQ(filled.size(), 6u);
  EXPECT_EQ(Find({1, 2, 3, 4}), 4u);
  EXPECT_EQ(Find({1, 2, 3}), 0u);  // its last two need windows
  EXPECT_EQ(tree.evictable_blocks(), 4);
  EXPECT_EQ(tree.evictable_window_blocks(), 2);
  EXPECT_TRUE(tree.MakeRoom(8));
  EXPECT_EQ(windows.free_blocks(), 8);
  EXPECT_EQ(tree.counts().blocks, 0);
}

TEST_F(AdoptTest, OnlyWhatIsLackingIsFilled) {
  Run({1, 2, 3});
  tree.kept().clear();
  ASSERT_TRUE(tree.MakeWindowRoom(7));
  std::vector<PlaceParts> has;
  tree.Look(kScope, Tokens({1, 2, 3, 4}), &has);
  ASSERT_EQ(has.size(), 3u);
  EXPECT_TRUE(has[0].block && has[2].block && has[0].window != has[2].window);
  EXPECT_EQ(Adopt({1, 2, 3, 4}, 1, {{true, true}, {true, true}, {true, true}}), 3u);
  EXPECT_EQ(filled.count({3, false}), 1u);
  EXPECT_EQ(filled.count({1, false}) + filled.count({2, false}), 0u);
  EXPECT_EQ(Find({1, 2, 3, 4}), 4u);
  for (const KeptBlock& kept : tree.kept()) EXPECT_TRUE(filled.contains({kept.place, kept.windowed}));
  EXPECT_EQ(tree.kept().size(), filled.size());
}

TEST_F(AdoptTest, AChainWithoutItsBeginningOrWithoutRoomEnds) {
  EXPECT_EQ(Adopt({1, 2, 3}, 1, {{true, true}, {true, true}}), 0u);
  EXPECT_EQ(Adopt({1, 2, 3}, 0, {{true, true}, {false, true}, {true, true}}), 1u);
  EXPECT_EQ(tree.counts().blocks, 1);
  EXPECT_TRUE(tree.MakeRoom(8));
  EXPECT_EQ(Adopt({}, 0, {}), 0u);
  // Longer than all there is: its beginning is not what gives way.
  EXPECT_EQ(Adopt({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0, std::vector<PlaceParts>(10, {true, true})), 8u);
  EXPECT_EQ(Find({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 8u);
  std::vector<BlockRef> held;
  ASSERT_TRUE(tree.MakeRoom(8));
  while (pool.free_blocks() > 1) held.push_back(pool.Take().value());
  EXPECT_EQ(Adopt({1, 2}, 0, {{true, true}, {true, true}}), 1u);
}

TEST_F(AdoptTest, WhatIsKeptIsToldOnceUnderTheKeyOfItsChain) {
  Run({1, 2});
  Run({1, 2, 3});
  const auto& kept = tree.kept();
  ASSERT_EQ(kept.size(), 6u);  // of three places, both parts
  const BlockKey root = RootKey("f", kScope);
  const BlockKey first = NextKey(root, Tokens({1})), second = NextKey(first, Tokens({2}));
  EXPECT_EQ(kept[0].parent, root);
  EXPECT_EQ(kept[0].key, first);
  EXPECT_EQ(kept[0].place, 0u);
  EXPECT_FALSE(kept[0].windowed);
  EXPECT_EQ(kept[1].key, first);
  EXPECT_TRUE(kept[1].windowed);
  EXPECT_EQ(kept[2].key, second);
  EXPECT_EQ(kept[2].parent, first);
  EXPECT_EQ(kept[2].tokens, Tokens({2}));
  EXPECT_EQ(kept[4].place, 2u);
  EXPECT_TRUE(pool.IsCurrent(kept[2].block));
  EXPECT_TRUE(windows.IsCurrent(kept[3].block));
}

// A pool too small for all, a tier below that forgets nothing: what is found holds what it should.
TEST_F(AdoptTest, AgreesWithABookOfAllBlocks) {
  std::mt19937 random(3);
  std::map<std::pair<BlockId, bool>, BlockKey> book;  // what each block holds
  std::set<std::pair<BlockKey, bool>> below;
  size_t adopted = 0, found = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<int32_t> blocks(1 + random() % 7);
    for (int32_t& block : blocks) block = static_cast<int32_t>(random() % 2);
    const auto tokens = Tokens(blocks);
    std::vector<BlockKey> keys;
    BlockKey key = RootKey("f", kScope);
    for (const int32_t block : blocks) keys.push_back(key = NextKey(key, Tokens({block})));
    if (random() % 2 == 0) {
      std::vector<PlaceParts> parts;
      for (const BlockKey& k : keys) parts.push_back({below.contains({k, false}), below.contains({k, true})});
      adopted += tree.Adopt(kScope, tokens, 0, parts, [&](size_t place, bool windowed, BlockId block) {
        book[{block, windowed}] = keys[place];
      });
    } else {
      BlockTable table(&pool, kBlock, 64), window_table(&windows, kBlock, 64);
      const auto size = static_cast<int>(tokens.size());
      ASSERT_TRUE(tree.MakeRoom(size / kBlock) && tree.MakeWindowRoom(size / kBlock));
      ASSERT_TRUE(table.Grow(size).ok() && window_table.Grow(size).ok());
      for (size_t i = 0; i < keys.size(); ++i) {
        book[{table.ids()[i], false}] = book[{window_table.ids()[i], true}] = keys[i];
      }
      tree.Insert(kScope, tokens, &table, &window_table);
    }
    for (const KeptBlock& kept : tree.kept()) {
      ASSERT_EQ((book[{kept.block.id, kept.windowed}]), kept.key);
      below.insert({kept.key, kept.windowed});
    }
    tree.kept().clear();
    PrefixMatch match;
    tree.Match(kScope, tokens, &match);
    for (size_t i = 0; i < match.blocks.size(); ++i) ASSERT_EQ((book[{match.blocks[i].id, false}]), keys[i]);
    for (size_t i = 0; i < match.window_blocks.size(); ++i) {
      ASSERT_EQ((book[{match.window_blocks[i].id, true}]), keys[match.first_window + i]);
    }
    for (const BlockRef block : match.blocks) pool.Release(block);
    for (const BlockRef block : match.window_blocks) windows.Release(block);
    found += match.blocks.size();
    ASSERT_EQ(pool.free_blocks() + tree.counts().blocks, pool.blocks());
    ASSERT_EQ(windows.free_blocks() + tree.counts().window_blocks, windows.blocks());
  }
  EXPECT_GT(adopted, 1000u);
  EXPECT_GT(found, 1000u);
  EXPECT_GT(tree.counts().evicted_blocks, 100u);
}

}  // namespace
}  // namespace tern
