#pragma once
// Hash128: XXH3's 128 bits, to tell contents apart at the speed of memory. Any damage to the bytes changes
// it; it is no defence against someone who chooses them (sha256.h is).

#include <cstddef>
#include <cstdint>
#include <span>

namespace tern {

class Team;

struct Hash128 {
  uint64_t low = 0, high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

Hash128 HashBytes(std::span<const std::byte> bytes);
// The hash of the hashes of the chunks of 1 MiB, which the team's threads compute; nullptr: this thread
// alone.
Hash128 HashChunks(std::span<const std::byte> bytes, Team* team);

}  // namespace tern
