#include "dist/byte_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace tern {
namespace {

// In front of each message stands its size; messages begin at multiples of 8.
constexpr uint64_t kSizeBytes = 8;

uint64_t Framed(uint64_t size) { return kSizeBytes + (size + 7) / 8 * 8; }

Error Damaged() { return IoError("kv link: its shared memory is damaged"); }

}  // namespace

ByteRing::ByteRing(std::span<std::byte> memory)
    : places_(std::launder(reinterpret_cast<Places*>(memory.data()))), data_(memory.subspan(sizeof(Places))) {
  TERN_CHECK(std::has_single_bit(data_.size()) && data_.size() >= 64);
}

void ByteRing::Put(uint64_t at, std::span<const std::byte> bytes) {
  const size_t from = at & (data_.size() - 1), first = std::min(bytes.size(), data_.size() - from);
  std::memcpy(data_.data() + from, bytes.data(), first);
  std::memcpy(data_.data(), bytes.data() + first, bytes.size() - first);
}

void ByteRing::Get(uint64_t at, std::span<std::byte> bytes) const {
  const size_t from = at & (data_.size() - 1), first = std::min(bytes.size(), data_.size() - from);
  std::memcpy(bytes.data(), data_.data() + from, first);
  std::memcpy(bytes.data() + first, data_.data(), bytes.size() - first);
}

Result<bool> ByteRing::Write(MessageParts parts) {
  uint64_t size = 0;
  for (const auto& part : parts) size += part.size();
  if (size > data_.size() || Framed(size) > data_.size()) {
    return BadInput("kv link: a message of " + std::to_string(size) + " bytes, expected at most " +
                    std::to_string(data_.size() - kSizeBytes));
  }
  const uint64_t read = places_->read.load(std::memory_order_acquire);
  if (own_ - read > data_.size()) return Damaged();
  if (data_.size() - (own_ - read) < Framed(size)) return false;
  Put(own_, std::as_bytes(std::span(&size, 1)));
  uint64_t at = own_ + kSizeBytes;
  for (const auto& part : parts) {
    if (!part.empty()) Put(at, part);
    at += part.size();
  }
  own_ += Framed(size);
  places_->written.store(own_, std::memory_order_release);
  return true;
}

Result<bool> ByteRing::Read(MessageBytes* message) {
  const uint64_t there = places_->written.load(std::memory_order_acquire) - own_;
  if (there == 0) return false;
  uint64_t size = 0;
  if (there > data_.size() || there < kSizeBytes) return Damaged();
  Get(own_, std::as_writable_bytes(std::span(&size, 1)));
  if (size > there || Framed(size) > there) return Damaged();
  message->resize(size);
  if (size > 0) Get(own_ + kSizeBytes, *message);
  own_ += Framed(size);
  places_->read.store(own_, std::memory_order_release);
  return true;
}

}  // namespace tern
