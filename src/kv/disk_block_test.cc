#include "kv/disk_block.h"

#include <gtest/gtest.h>

#include <random>

namespace tern {
namespace {

// KV that packs well, or not at all.
DiskBlock BlockOf(size_t bytes, bool packs) {
  DiskBlock block{
      .info = {.id = {{7, 9}, true}, .parent = {1, 2}, .place = 3, .tokens = {5, -6, 7}, .bytes = bytes}};
  std::mt19937 random(1);
  for (size_t i = 0; i < bytes; ++i) block.kv.push_back(static_cast<std::byte>(packs ? i / 50 : random()));
  return block;
}

TEST(DiskBlock, ComesBackAsItWas) {
  for (const bool packs : {false, true}) {
    for (const size_t bytes : {0u, 1u, 64u, 5000u}) {
      const DiskBlock block = BlockOf(bytes, packs);
      const auto file = EncodeDiskBlock(block);
      EXPECT_LE(file.size(), MostFileBytes(block.info));
      if (packs && bytes == 5000) {
        EXPECT_LT(file.size(), 2500u);
      }
      const auto back = DecodeDiskBlock(file, block.info);
      ASSERT_TRUE(back) << bytes;
      EXPECT_EQ(back->kv, block.kv);
    }
  }
}

TEST(DiskBlock, AnyFlippedBitIsAMiss) {
  for (const bool packs : {false, true}) {
    const DiskBlock block = BlockOf(200, packs);
    const auto file = EncodeDiskBlock(block);
    for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
      auto damaged = file;
      damaged[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
      EXPECT_FALSE(DecodeDiskBlock(damaged, block.info)) << bit;
    }
  }
}

TEST(DiskBlock, AnyOtherLengthIsAMiss) {
  const DiskBlock block = BlockOf(200, true);
  auto file = EncodeDiskBlock(block);
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(DecodeDiskBlock(std::span(file).first(length), block.info)) << length;
  }
  file.push_back(std::byte{0});
  EXPECT_FALSE(DecodeDiskBlock(file, block.info));
}

TEST(DiskBlock, AnotherBlockIsAMiss) {
  const DiskBlock block = BlockOf(200, true);
  const auto file = EncodeDiskBlock(block);
  DiskBlockInfo other = block.info;
  other.tokens[1] = 6;
  EXPECT_FALSE(DecodeDiskBlock(file, other));
  other = block.info;
  other.tokens.pop_back();
  EXPECT_FALSE(DecodeDiskBlock(file, other));
  other = block.info;
  other.id.key.low = 8;
  EXPECT_FALSE(DecodeDiskBlock(file, other));
  other = block.info;
  other.id.windowed = false;
  EXPECT_FALSE(DecodeDiskBlock(file, other));
  other = block.info;
  other.parent.high = 3;
  EXPECT_FALSE(DecodeDiskBlock(file, other));
  other = block.info;
  other.bytes = 199;
  EXPECT_FALSE(DecodeDiskBlock(file, other));
  EXPECT_TRUE(DecodeDiskBlock(file, block.info));
}

TEST(BlockKey, DependsOnEverythingInFront) {
  const PrefixScope scope{.tenant = "a", .model = 1};
  const BlockKey root = RootKey("f", scope);
  EXPECT_EQ(root, RootKey("f", scope));
  EXPECT_NE(root, RootKey("g", scope));
  EXPECT_NE(root, RootKey("f", {.tenant = "b", .model = 1}));
  EXPECT_NE(root, RootKey("f", {.tenant = "a", .model = 2}));
  EXPECT_NE(root, RootKey("f", {.tenant = "a", .model = 1, .adapter = 1}));
  EXPECT_NE(RootKey("f 1:a", {}), RootKey("f", {.tenant = "a 0:"}));
  const int32_t one[] = {1, 2}, other[] = {1, 3};
  EXPECT_NE(NextKey(root, one), NextKey(root, other));
  EXPECT_NE(NextKey(NextKey(root, one), other), NextKey(NextKey(root, other), one));
  const BlockKey key{0xfedcba9876543210, 5};
  EXPECT_EQ(HexOf(key), "fedcba98765432100000000000000005");
  EXPECT_EQ(ParseBlockKey(HexOf(key)), key);
  for (const char* wrong : {"", "fedcba9876543210000000000000000", "fedcba9876543210000000000000000g",
                            "FEDCBA98765432100000000000000005"}) {
    EXPECT_FALSE(ParseBlockKey(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace tern
