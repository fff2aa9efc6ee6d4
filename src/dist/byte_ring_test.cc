#include "dist/byte_ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace tern {
namespace {

constexpr size_t kCapacity = 256;

class Ring : public testing::Test {
 protected:
  static MessageBytes Message(size_t size, int seed) {
    MessageBytes message(size);
    for (size_t i = 0; i < size; ++i) message[i] = static_cast<std::byte>(i * 7 + static_cast<size_t>(seed));
    return message;
  }
  // In two parts.
  static Result<bool> Write(ByteRing& ring, const MessageBytes& message) {
    const std::span<const std::byte> all(message);
    const size_t half = all.size() / 2;
    const std::span<const std::byte> parts[] = {all.first(half), all.subspan(half)};
    return ring.Write(parts);
  }

  alignas(64) std::byte memory_[ByteRing::Bytes(kCapacity)] = {};
  ByteRing writer_{memory_}, reader_{memory_};
  MessageBytes got_;
};

TEST_F(Ring, GivesMessagesOfAllSizesInOrderWhereverTheyLie) {
  for (int i = 0; i < 2000; ++i) {
    const MessageBytes message = Message(static_cast<size_t>(i * 31 % 249), i);
    ASSERT_TRUE(Write(writer_, message).value());
    ASSERT_TRUE(reader_.Read(&got_).value());
    ASSERT_EQ(got_, message);
    ASSERT_FALSE(reader_.Read(&got_).value());
  }
}

TEST_F(Ring, TakesWholeMessagesOrNone) {
  EXPECT_TRUE(Write(writer_, Message(100, 1)).value());
  EXPECT_TRUE(Write(writer_, Message(100, 2)).value());
  EXPECT_FALSE(Write(writer_, Message(100, 3)).value());
  EXPECT_TRUE(Write(writer_, Message(20, 4)).value());
  for (const int seed : {1, 2, 4}) {
    ASSERT_TRUE(reader_.Read(&got_).value());
    EXPECT_EQ(got_, Message(seed == 4 ? 20 : 100, seed));
  }
  EXPECT_FALSE(reader_.Read(&got_).value());
  EXPECT_TRUE(Write(writer_, Message(248, 5)).value());
  const auto never = Write(writer_, Message(249, 6));
  ASSERT_FALSE(never.ok());
  EXPECT_EQ(never.error().code, Code::kBadInput);
}

// Of what stands in the memory, whatever another process has written there, no byte outside is touched.
TEST_F(Ring, DamagedPlacesAndSizesAreErrors) {
  const auto poke = [&](size_t at, uint64_t value) { std::memcpy(memory_ + at, &value, sizeof value); };
  ASSERT_TRUE(Write(writer_, Message(40, 1)).value());
  for (const uint64_t written : {uint64_t{4}, uint64_t{kCapacity + 8}, ~uint64_t{0}}) {
    poke(0, written);
    EXPECT_FALSE(reader_.Read(&got_).ok()) << written;
  }
  poke(0, 48);
  for (const uint64_t size : {uint64_t{41}, uint64_t{kCapacity}, ~uint64_t{0}, ~uint64_t{0} - 8}) {
    poke(ByteRing::Bytes(0), size);
    EXPECT_FALSE(reader_.Read(&got_).ok()) << size;
  }
  poke(ByteRing::Bytes(0), 40);
  EXPECT_TRUE(reader_.Read(&got_).value());
  poke(64, 49);
  EXPECT_FALSE(Write(writer_, Message(8, 2)).ok());
}

TEST_F(Ring, OneThreadMayWriteWhileAnotherReads) {
  constexpr int kMessages = 5000;
  std::thread writes([&] {
    for (int i = 0; i < kMessages;) i += Write(writer_, Message(static_cast<size_t>(i % 100), i)).value();
  });
  for (int i = 0; i < kMessages;) {
    if (!reader_.Read(&got_).value()) continue;
    ASSERT_EQ(got_, Message(static_cast<size_t>(i % 100), i));
    ++i;
  }
  writes.join();
}

}  // namespace
}  // namespace tern
