#include "kv/disk_block.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/hash128.h"

namespace tern {
namespace {

constexpr char kMagic[8] = {'T', 'E', 'R', 'N', 'K', 'V', '0', '1'};
constexpr uint32_t kRaw = 0, kZstd = 1;
constexpr int kZstdLevel = 1;

// Behind it the tokens, then the bytes as they are stored, up to the file's end.
struct Header {
  char magic[8];
  Hash128 check;  // of all that follows
  BlockKey key, parent;
  uint32_t windowed, place;
  uint32_t tokens, codec;
  uint64_t bytes, stored_bytes;
};
static_assert(sizeof(Header) == 88 && std::is_trivially_copyable_v<Header>);
constexpr size_t kChecked = offsetof(Header, check) + sizeof(Hash128);

// Only as much of it as there is room for: what does not become smaller is stored as it is.
size_t Compress(std::span<const std::byte> from, std::span<std::byte> to) {
  const size_t size = ZSTD_compress(to.data(), to.size(), from.data(), from.size(), kZstdLevel);
  return ZSTD_isError(size) != 0U ? 0 : size;
}

Header HeaderOf(const DiskBlockInfo& info) {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.key = info.id.key;
  header.parent = info.parent;
  header.windowed = info.id.windowed ? 1 : 0;
  header.place = info.place;
  header.tokens = static_cast<uint32_t>(info.tokens.size());
  header.bytes = info.bytes;
  return header;
}

}  // namespace

size_t MostFileBytes(const DiskBlockInfo& info) {
  return sizeof(Header) + info.tokens.size() * sizeof(int32_t) + info.bytes;
}

std::vector<std::byte> EncodeDiskBlock(const DiskBlock& block) {
  const DiskBlockInfo& info = block.info;
  const auto tokens = std::as_bytes(std::span(info.tokens));
  const size_t front = sizeof(Header) + tokens.size();
  std::vector<std::byte> file(front + block.kv.size());
  Header header = HeaderOf(info);
  const size_t packed = Compress(block.kv, std::span(file).subspan(front, block.kv.size()));
  header.codec = packed > 0 ? kZstd : kRaw;
  header.stored_bytes = packed > 0 ? packed : block.kv.size();
  if (packed == 0) std::ranges::copy(block.kv, file.begin() + static_cast<ptrdiff_t>(front));
  file.resize(front + header.stored_bytes);
  std::ranges::copy(tokens, file.begin() + sizeof(Header));
  std::memcpy(file.data(), &header, sizeof header);
  header.check = HashBytes(std::span(file).subspan(kChecked));
  std::memcpy(file.data(), &header, sizeof header);
  return file;
}

std::optional<DiskBlock> DecodeDiskBlock(std::span<const std::byte> file, const DiskBlockInfo& expected) {
  Header header;
  if (file.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, file.data(), sizeof header);
  if (header.check != HashBytes(file.subspan(kChecked))) return std::nullopt;
  // Every byte of a header that is right is known, but for how the block was stored.
  Header want = HeaderOf(expected);
  want.check = header.check;
  want.codec = header.codec;
  want.stored_bytes = header.stored_bytes;
  const auto tokens = std::as_bytes(std::span(expected.tokens));
  const size_t front = sizeof header + tokens.size();
  if (std::memcmp(&want, &header, sizeof header) != 0 || file.size() < front ||
      file.size() - front != header.stored_bytes ||
      !std::ranges::equal(file.subspan(sizeof header, tokens.size()), tokens)) {
    return std::nullopt;
  }
  const auto stored = file.subspan(front);
  DiskBlock block{.info = expected};
  if (header.codec == kRaw) {
    block.kv.assign(stored.begin(), stored.end());
  } else if (header.codec == kZstd) {
    block.kv.resize(expected.bytes);
    const size_t size = ZSTD_decompress(block.kv.data(), block.kv.size(), stored.data(), stored.size());
    if (ZSTD_isError(size) != 0U) return std::nullopt;
    block.kv.resize(size);
  }
  if (block.kv.size() != expected.bytes) return std::nullopt;
  return block;
}

}  // namespace tern
