#include "kv/cache_view.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(CacheView, ALetterPerBlockSaysWhoHoldsIt) {
  BlockPool pool(6);
  PrefixTree tree(&pool, 4);
  BlockTable table(&pool, 4, 24);
  ASSERT_TRUE(table.Grow(12).ok());
  const std::vector<int32_t> tokens{1, 1, 1, 1, 2, 2, 2, 2};
  tree.Insert({}, tokens, &table);
  PrefixMatch match;
  tree.Match({}, std::span(tokens).first(4), &match);  // another sequence begins alike
  CacheView view;
  view.Look(pool, tree, 7);
  EXPECT_EQ(view.states, "suu...");
  EXPECT_EQ(view.blocks, (std::array{2, 1, 0, 3}));
  EXPECT_EQ(view.made_ns, 7);
  for (const BlockRef block : match.blocks) pool.Release(block);
  table.Truncate(0);
  view.Look(pool, tree, 8);
  EXPECT_EQ(view.states, "cc....");
  EXPECT_EQ(view.blocks, (std::array{0, 0, 2, 4}));
}

TEST(CacheView, OfManyBlocksALetterStandsForSeveral) {
  BlockPool pool(3 * 4096);
  PrefixTree tree(&pool, 4);
  BlockTable table(&pool, 4, 4 * 3 * 4096);
  ASSERT_TRUE(table.Grow(4 * 5).ok());  // of the second three, two
  CacheView view;
  view.Look(pool, tree, 0);
  EXPECT_EQ(view.states, "uu" + std::string(4094, '.'));
  EXPECT_EQ(view.blocks, (std::array{5, 0, 0, 3 * 4096 - 5}));
}

TEST(CacheView, OfNoBlocksThereIsNothingToSee) {
  BlockPool pool(0);
  PrefixTree tree(&pool, 4);
  CacheView view;
  view.Look(pool, tree, 0);
  EXPECT_EQ(view.states, "");
}

}  // namespace
}  // namespace tern
