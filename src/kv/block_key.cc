#include "kv/block_key.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <vector>

namespace tern {
namespace {

static_assert(std::endian::native == std::endian::little, "keys are of bytes as they lie in memory");

BlockKey Digest(std::span<const std::byte> bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  BlockKey key;
  std::memcpy(&key, digest.data(), sizeof key);
  return key;
}

}  // namespace

// With lengths, so that no two scopes are the same text.
BlockKey RootKey(std::string_view fingerprint, const PrefixScope& scope) {
  const std::string text = fmt::format("tern kv 1 {}:{} {}:{} {:x} {:x}", fingerprint.size(), fingerprint,
                                       scope.tenant.size(), scope.tenant, scope.model, scope.adapter);
  return Digest(std::as_bytes(std::span(text)));
}

BlockKey NextKey(const BlockKey& parent, std::span<const int32_t> tokens) {
  std::vector<std::byte> bytes(sizeof parent + tokens.size_bytes());
  std::memcpy(bytes.data(), &parent, sizeof parent);
  std::memcpy(bytes.data() + sizeof parent, tokens.data(), tokens.size_bytes());
  return Digest(bytes);
}

std::string HexOf(const BlockKey& key) { return fmt::format("{:016x}{:016x}", key.high, key.low); }

std::optional<BlockKey> ParseBlockKey(std::string_view hex) {
  if (hex.size() != 32 || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
  BlockKey key;
  std::from_chars(hex.data(), hex.data() + 16, key.high, 16);
  std::from_chars(hex.data() + 16, hex.data() + 32, key.low, 16);
  return key;
}

}  // namespace tern
