#include "kv/block_pool.h"

#include <gtest/gtest.h>

#include "kv/block_table.h"

namespace tern {
namespace {

TEST(BlockPool, TakesEveryBlockOnceThenSaysWhy) {
  BlockPool pool(2);
  const auto a = pool.Take(), b = pool.Take(), c = pool.Take();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a.value().id, b.value().id);
  ASSERT_FALSE(c.ok());
  EXPECT_EQ(c.error().code, Code::kExhausted);
  EXPECT_EQ(c.error().what, "kv: 1 block wanted, 0 of 2 free");
}

TEST(BlockPool, AReleasedBlockIsStaleEvenAfterItIsTakenAgain) {
  BlockPool pool(1);
  const BlockRef old = pool.Take().value();
  pool.Release(old);
  EXPECT_FALSE(pool.IsCurrent(old));
  const BlockRef now = pool.Take().value();
  EXPECT_EQ(now.id, old.id);
  EXPECT_FALSE(pool.IsCurrent(old));
  pool.Release(old);  // must not free the new holder's block
  EXPECT_TRUE(pool.IsCurrent(now));
  EXPECT_EQ(pool.free_blocks(), 0);
}

TEST(BlockPool, ASharedBlockIsFreedByItsLastHolder) {
  BlockPool pool(1);
  const BlockRef block = pool.Take().value();
  EXPECT_TRUE(pool.Share(block));
  EXPECT_EQ(pool.shared_blocks(), 1);
  pool.Release(block);
  EXPECT_EQ(pool.shared_blocks(), 0);
  EXPECT_EQ(pool.free_blocks(), 0);
  pool.Release(block);
  EXPECT_EQ(pool.free_blocks(), 1);
  EXPECT_FALSE(pool.Share(block));
}

TEST(BlockTable, GrowsByBlocksAndGivesBackWhatItNoLongerCovers) {
  BlockPool pool(4);
  BlockTable table(&pool, 16, 64);
  ASSERT_TRUE(table.Grow(17).ok());
  EXPECT_EQ(table.ids().size(), 2u);
  ASSERT_TRUE(table.Grow(20).ok());
  EXPECT_EQ(table.ids().size(), 2u);
  table.Truncate(16);
  EXPECT_EQ(table.ids().size(), 1u);
  EXPECT_EQ(pool.free_blocks(), 3);
}

TEST(BlockTable, TakesAllMissingBlocksOrNone) {
  BlockPool pool(2);
  BlockTable table(&pool, 16, 64);
  ASSERT_TRUE(table.Grow(16).ok());
  const Status status = table.Grow(64);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "kv: 3 blocks wanted, 1 of 2 free");
  EXPECT_EQ(table.ids().size(), 1u);
}

TEST(BlockTable, TakesOverBlocksOfOthers) {
  BlockPool pool(3);
  BlockTable a(&pool, 16, 64), b(&pool, 16, 64);
  ASSERT_TRUE(a.Grow(16).ok() && b.Grow(32).ok());
  const BlockRef shared = a.blocks()[0];
  pool.Share(shared);
  b.Put(0, shared);
  EXPECT_EQ(b.ids()[0], shared.id);
  EXPECT_EQ(pool.free_blocks(), 1);
  b.Put(2, pool.Take().value());
  EXPECT_EQ(b.ids().size(), 3u);
  b.Truncate(0);
  EXPECT_EQ(pool.holders(shared), 1);
  EXPECT_EQ(pool.free_blocks(), 2);
}

TEST(BlockTable, GivesBackWhatIsNoLongerSeen) {
  BlockPool pool(5);
  BlockTable table(&pool, 16, 128);
  ASSERT_TRUE(table.Grow(64).ok());
  const BlockRef last = table.blocks()[3];
  table.DropBefore(47);  // of the third block one position is seen
  EXPECT_EQ(pool.free_blocks(), 3);
  EXPECT_EQ(table.missing(), 2u);
  EXPECT_EQ(table.ids()[1], -1);
  EXPECT_EQ(table.ids()[3], last.id);
  table.DropBefore(47);
  table.DropBefore(10);
  EXPECT_EQ(pool.free_blocks(), 3);
  ASSERT_TRUE(table.Grow(80).ok());
  EXPECT_EQ(table.ids().size(), 5u);
  table.DropBefore(1000);
  EXPECT_EQ(pool.free_blocks(), 5);
  table.Truncate(16);
  EXPECT_EQ(table.missing(), 1u);
  table.Truncate(0);
  table.Skip(3);
  ASSERT_TRUE(table.Grow(50).ok());
  EXPECT_EQ(table.ids().size(), 4u);
  EXPECT_EQ(pool.free_blocks(), 4);
}

TEST(BlockTable, AMovedFromTableHoldsNothing) {
  BlockPool pool(1);
  BlockTable a(&pool, 16, 16);
  ASSERT_TRUE(a.Grow(1).ok());
  {
    const BlockTable b(std::move(a));
    EXPECT_EQ(b.ids().size(), 1u);
  }
  EXPECT_EQ(pool.free_blocks(), 1);
}

}  // namespace
}  // namespace tern
