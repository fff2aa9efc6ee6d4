#pragma once
// ApiKeys: who may ask. Keys are kept as digests, and compared without a branch that depends on them.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/exchange.h"

namespace tern {

class ApiKeys {
 public:
  ApiKeys() = default;  // none: everybody may ask
  // Each of `keys` may be several with commas between them. `file` has one key per line; # starts a comment.
  // Errors: an unreadable or empty file, an empty key, one with spaces or control characters, one that is
  // given twice.
  static Result<ApiKeys> Make(const std::vector<std::string>& keys, const std::string& file);

  bool empty() const { return digests_.empty(); }
  // Which key the request shows, in Authorization: Bearer or X-Api-Key, from 0 on; no key is needed: 0.
  // Nothing: none, or a wrong one.
  std::optional<size_t> Find(const HttpRequest& request) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest DigestOf(std::string_view key);
  Status Add(std::string_view key);
  std::vector<Digest> digests_;
};

}  // namespace tern
