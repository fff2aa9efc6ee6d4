#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>

namespace tern {
namespace {

TEST(Buffer, IsZeroedAndAligned) {
  for (const size_t bytes : {size_t{1}, size_t{4097}, size_t{3} << 20}) {
    Buffer buffer(bytes);
    const auto* data = static_cast<const unsigned char*>(buffer.data());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
    EXPECT_EQ(data[0] + data[bytes / 2] + data[bytes - 1], 0);
    EXPECT_EQ(buffer.bytes(), bytes);
  }
  EXPECT_EQ(Buffer(0).data(), nullptr);
}

// How much memory there is, the outside world decides: no reason to abort.
TEST(Buffer, RefusedMemoryIsAnExceptionLikeThatOfNew) {
  EXPECT_THROW(Buffer(size_t{1} << 62), std::bad_alloc);
}

}  // namespace
}  // namespace tern
