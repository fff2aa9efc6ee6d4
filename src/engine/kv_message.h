#pragma once
// KvMessage: what a decode and a prefill process say to each other over a MessageLink
// (docs/formats/kv-link.md). Each message carries checksums of itself: one whose bytes changed on the way is
// known as such, and taken for nothing else. Times are said as what is left of them, so that two clocks need
// not agree.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dist/message_link.h"
#include "kv/block_key.h"

namespace tern {

enum class KvMessageKind : uint32_t {
  kHello = 1,  // decode: the body says what KV it has use for
  kWelcome,    // prefill: it makes such
  kAsk,        // decode: KV of these tokens, please
  kAccepted,   // prefill: they are in line
  kCancel,     // decode: no longer
  kBlock,      // prefill: KV of one block
  kDone,       // prefill: that was all
  kRefused,    // prefill: there will be none; the body says why. Of no ask: of the hello
};

struct KvMessageHead {
  KvMessageKind kind{};
  uint64_t ask = 0;     // 0: of none
  int64_t left_ns = 0;  // until nobody has use for it any more
  BlockKey key{};       // of a block
  uint32_t place = 0;   // of a block, in its chain
  bool windowed = false;
};

struct KvAsk {
  PrefixScope scope;
  uint32_t first = 0;             // the first block that is wanted
  std::vector<int32_t> tokens{};  // of whole blocks, from the prompt's beginning on
};

// What goes in front of a body.
std::vector<std::byte> EncodeKvHead(const KvMessageHead& head, std::span<const std::byte> body);
std::vector<std::byte> EncodeKvAsk(const KvAsk& ask);
std::optional<KvAsk> DecodeKvAsk(std::span<const std::byte> body);

struct KvMessage {
  KvMessageHead head;
  std::span<const std::byte> body;  // of the message's bytes
  bool is_whole = true;             // false: the head is right, the body is not what was sent
};
// Nothing: not even its head can be believed.
std::optional<KvMessage> DecodeKvMessage(std::span<const std::byte> message);

Status SendKv(MessageLink& link, const KvMessageHead& head, std::span<const std::byte> body,
              int64_t deadline_ns);

inline std::string TextOf(std::span<const std::byte> body) {
  return {reinterpret_cast<const char*>(body.data()), body.size()};
}

}  // namespace tern
