#pragma once
// BlockKey: a name for what a KV block holds, which is the same in every process: drawn from how its numbers
// come about, from whose they are, and from all tokens up to its end. Of SHA-256, 128 bits: nobody finds two
// that are alike.

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tern {

// What must be equal for KV to be the same, besides the tokens.
struct PrefixScope {
  std::string tenant;    // a salt, so that its blocks are its own
  uint64_t model = 0;    // fingerprint of the weights and of how they are run
  uint64_t adapter = 0;  // 0: none
  auto operator<=>(const PrefixScope&) const = default;
};

struct BlockKey {
  uint64_t high = 0, low = 0;
  auto operator<=>(const BlockKey&) const = default;
};

// What stands in front of a chain's first block. `fingerprint`: of all that makes the bytes of KV differ.
BlockKey RootKey(std::string_view fingerprint, const PrefixScope& scope);
// Of the block that holds these tokens, behind the one named `parent`.
BlockKey NextKey(const BlockKey& parent, std::span<const int32_t> tokens);

std::string HexOf(const BlockKey& key);  // 32 lower-case digits
std::optional<BlockKey> ParseBlockKey(std::string_view hex);

}  // namespace tern
