#include "base/hash128.h"

#include <xxhash.h>

#include <algorithm>
#include <vector>

#include "base/team.h"

namespace tern {
namespace {

constexpr size_t kChunk = size_t{1} << 20;

}  // namespace

Hash128 HashBytes(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

Hash128 HashChunks(std::span<const std::byte> bytes, Team* team) {
  std::vector<Hash128> chunks((bytes.size() + kChunk - 1) / kChunk);
  const auto hash = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      chunks[i] = HashBytes(bytes.subspan(i * kChunk, std::min(kChunk, bytes.size() - i * kChunk)));
    }
  };
  if (team == nullptr) {
    hash(0, chunks.size());
  } else {
    TaskCounter counter;
    team->Run([&](int) { counter.ForEach(chunks.size(), 1, hash); });
  }
  return HashBytes(std::as_bytes(std::span(chunks)));
}

}  // namespace tern
