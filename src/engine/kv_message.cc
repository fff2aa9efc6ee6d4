#include "engine/kv_message.h"

#include <cstring>
#include <type_traits>

#include "base/hash128.h"

namespace tern {
namespace {

constexpr char kMagic[8] = {'T', 'E', 'R', 'N', 'K', 'L', '0', '1'};

struct Head {
  char magic[8];
  Hash128 check;  // of the rest of the head
  Hash128 body_check;
  uint64_t ask;
  int64_t left_ns;
  BlockKey key;
  uint32_t kind, place, windowed, zero;
  uint64_t body_bytes;
};
static_assert(sizeof(Head) == 96 && std::is_trivially_copyable_v<Head>);
constexpr size_t kChecked = offsetof(Head, check) + sizeof(Hash128);

Hash128 CheckOf(const Head& head) { return HashBytes(std::as_bytes(std::span(&head, 1)).subspan(kChecked)); }

// Behind it the tenant's name, then the tokens.
struct Ask {
  uint64_t model, adapter;
  uint32_t first, tenant_bytes, tokens, zero;
};
static_assert(sizeof(Ask) == 32 && std::is_trivially_copyable_v<Ask>);

void Append(std::vector<std::byte>* to, std::span<const std::byte> bytes) {
  to->insert(to->end(), bytes.begin(), bytes.end());
}

}  // namespace

std::vector<std::byte> EncodeKvHead(const KvMessageHead& head, std::span<const std::byte> body) {
  Head h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.body_check = HashBytes(body);
  h.ask = head.ask;
  h.left_ns = head.left_ns;
  h.key = head.key;
  h.kind = static_cast<uint32_t>(head.kind);
  h.place = head.place;
  h.windowed = head.windowed ? 1 : 0;
  h.body_bytes = body.size();
  h.check = CheckOf(h);
  const auto bytes = std::as_bytes(std::span(&h, 1));
  return {bytes.begin(), bytes.end()};
}

std::optional<KvMessage> DecodeKvMessage(std::span<const std::byte> message) {
  Head h;
  if (message.size() < sizeof h) return std::nullopt;
  std::memcpy(&h, message.data(), sizeof h);
  if (std::memcmp(h.magic, kMagic, sizeof kMagic) != 0 || h.check != CheckOf(h)) return std::nullopt;
  KvMessage m;
  m.head = {.kind = static_cast<KvMessageKind>(h.kind),
            .ask = h.ask,
            .left_ns = h.left_ns,
            .key = h.key,
            .place = h.place,
            .windowed = h.windowed != 0};
  m.body = message.subspan(sizeof h);
  m.is_whole = m.body.size() == h.body_bytes && h.body_check == HashBytes(m.body);
  return m;
}

std::vector<std::byte> EncodeKvAsk(const KvAsk& ask) {
  const Ask a{.model = ask.scope.model,
              .adapter = ask.scope.adapter,
              .first = ask.first,
              .tenant_bytes = static_cast<uint32_t>(ask.scope.tenant.size()),
              .tokens = static_cast<uint32_t>(ask.tokens.size()),
              .zero = 0};
  std::vector<std::byte> body;
  body.reserve(sizeof a + ask.scope.tenant.size() + ask.tokens.size() * sizeof(int32_t));
  Append(&body, std::as_bytes(std::span(&a, 1)));
  Append(&body, std::as_bytes(std::span(ask.scope.tenant)));
  Append(&body, std::as_bytes(std::span(ask.tokens)));
  return body;
}

std::optional<KvAsk> DecodeKvAsk(std::span<const std::byte> body) {
  Ask a;
  if (body.size() < sizeof a) return std::nullopt;
  std::memcpy(&a, body.data(), sizeof a);
  const auto rest = body.subspan(sizeof a);
  if (rest.size() != a.tenant_bytes + uint64_t{a.tokens} * sizeof(int32_t)) return std::nullopt;
  KvAsk ask{.scope = {.tenant = TextOf(rest.first(a.tenant_bytes)), .model = a.model, .adapter = a.adapter},
            .first = a.first,
            .tokens = std::vector<int32_t>(a.tokens)};
  if (a.tokens > 0) std::memcpy(ask.tokens.data(), rest.data() + a.tenant_bytes, a.tokens * sizeof(int32_t));
  return ask;
}

Status SendKv(MessageLink& link, const KvMessageHead& head, std::span<const std::byte> body,
              int64_t deadline_ns) {
  const std::vector<std::byte> front = EncodeKvHead(head, body);
  const std::span<const std::byte> parts[] = {front, body};
  return link.Send(parts, deadline_ns);
}

}  // namespace tern
