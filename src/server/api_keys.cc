#include "server/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"
#include "server/http/wire.h"

namespace tern {
namespace {

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

std::string_view KeyOf(const HttpRequest& request) {
  const std::string_view header = request.Header("authorization");
  constexpr std::string_view kBearer = "bearer ";
  if (header.size() > kBearer.size() && LowerCase(header.substr(0, kBearer.size())) == kBearer) {
    return Trimmed(header.substr(kBearer.size()));
  }
  return Trimmed(request.Header("x-api-key"));
}

}  // namespace

ApiKeys::Digest ApiKeys::DigestOf(std::string_view key) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

Status ApiKeys::Add(std::string_view key, const KeyLimits& limits) {
  const std::string where = "api key " + std::to_string(digests_.size() + 1);  // never the key itself
  if (key.empty()) return BadInput(where + ": empty");
  if (!std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; })) {
    return BadInput(where + ": has spaces, control characters or other than ASCII in it");
  }
  const Digest digest = DigestOf(key);
  if (std::ranges::find(digests_, digest) != digests_.end()) return BadInput(where + ": given twice");
  digests_.push_back(digest);
  limits_.push_back(limits);
  return {};
}

// "KEY requests-per-minute=60 concurrent=4"
Status ApiKeys::AddLine(std::string_view line, const KeyLimits& usual) {
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  auto limits = ParseKeyLimits(line.substr(end), usual);
  if (!limits.ok())
    return BadInput("api key " + std::to_string(digests_.size() + 1) + ": " + limits.error().what);
  return Add(line.substr(0, end), limits.value());
}

Result<ApiKeys> ApiKeys::Make(const std::vector<std::string>& keys, const std::string& file,
                              const KeyLimits& usual) {
  ApiKeys made;
  for (const std::string& list : keys) {
    for (size_t at = 0; at <= list.size();) {
      const size_t end = std::min(list.find(',', at), list.size());
      TERN_TRY_STATUS(made.Add(std::string_view(list).substr(at, end - at), usual));
      at = end + 1;
    }
  }
  if (file.empty() && made.empty()) made.limits_ = {usual};  // of everybody together
  if (file.empty()) return made;
  TERN_TRY(const std::string text, ReadFile(file, 1 << 20));
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = Trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line[0] != '#') TERN_TRY_STATUS(made.AddLine(line, usual));
  }
  if (made.empty()) return BadInput(file + ": no keys, expected one per line");
  return made;
}

// All digests are looked at, whichever matches.
std::optional<size_t> ApiKeys::Find(const HttpRequest& request) const {
  if (empty()) return 0;
  const Digest digest = DigestOf(KeyOf(request));
  size_t found = digests_.size();
  for (size_t i = 0; i < digests_.size(); ++i) {
    const bool same = CRYPTO_memcmp(digest.data(), digests_[i].data(), digest.size()) == 0;
    found = same ? i : found;
  }
  if (found == digests_.size()) return std::nullopt;
  return found;
}

// Of the digest, which says who may ask.
std::string ApiKeys::NameOf(size_t key) const {
  if (empty()) return "";
  const Digest& digest = digests_[key];
  return Sha256Hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace tern
