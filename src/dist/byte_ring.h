#pragma once
// ByteRing: messages in memory that two processes share, from one writer to one reader. A message is there as
// a whole or not at all. Neither side trusts what the other may have written to the ring: what makes no sense
// is an error, and no byte outside is touched.
//
// Each side keeps its own place; the other's is read from the memory. One thread per side.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "dist/message_link.h"

namespace tern {

class ByteRing {
 public:
  // What a ring with room for so many bytes, a power of two, takes.
  static constexpr size_t Bytes(size_t capacity) { return sizeof(Places) + capacity; }
  // In memory that was all zeros when the first of both sides came to it.
  explicit ByteRing(std::span<std::byte> memory);

  // False: there is no room for it now. Errors: kBadInput: there never is; kIo: the ring is damaged.
  Result<bool> Write(MessageParts parts);
  // False: there is none. Errors: kIo: the ring is damaged.
  Result<bool> Read(MessageBytes* message);
  size_t capacity() const { return data_.size(); }

 private:
  // In bytes since the beginning.
  struct Places {
    alignas(64) std::atomic<uint64_t> written;
    alignas(64) std::atomic<uint64_t> read;
  };
  static_assert(std::atomic<uint64_t>::is_always_lock_free);

  void Put(uint64_t at, std::span<const std::byte> bytes);
  void Get(uint64_t at, std::span<std::byte> bytes) const;

  Places* places_;
  std::span<std::byte> data_;
  uint64_t own_ = 0;  // this side's place
};

}  // namespace tern
