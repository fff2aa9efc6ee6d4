#pragma once
// DiskBlock: the KV of one block as it lies on disk (docs/formats/kv-disk.md): a header that says what the
// bytes are, checked with them, and the bytes, packed where that makes them smaller. Whatever happened to the
// file, decoding gives what was encoded, or nothing.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kv/block_key.h"

namespace tern {

// Which block: the part of layers with a window, where they have their own, or of all others.
struct DiskId {
  BlockKey key;
  bool windowed = false;
  auto operator<=>(const DiskId&) const = default;
};

// What a block must be to be taken for the one that was asked for.
struct DiskBlockInfo {
  DiskId id;
  BlockKey parent;     // of the block in front of it, or the chain's root
  uint32_t place = 0;  // in its chain
  std::vector<int32_t> tokens{};
  size_t bytes = 0;  // of its KV
};

struct DiskBlock {
  DiskBlockInfo info;
  std::vector<std::byte> kv{};
};

std::vector<std::byte> EncodeDiskBlock(const DiskBlock& block);
// Nothing: `file` is not that block, or is damaged.
std::optional<DiskBlock> DecodeDiskBlock(std::span<const std::byte> file, const DiskBlockInfo& expected);
// The most that a block takes as a file.
size_t MostFileBytes(const DiskBlockInfo& info);

}  // namespace tern
