#pragma once
// ApiKeys: who may ask. Keys are kept as digests, and compared without a branch that depends on them.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/exchange.h"
#include "server/quotas.h"

namespace tern {

class ApiKeys {
 public:
  ApiKeys() = default;  // none: everybody may ask
  // Each of `keys` may be several with commas between them. `file` has one key per line, and behind it what
  // it may ask for, where that is not `usual`; # starts a comment.
  // Errors: an unreadable or empty file, an empty key, one with spaces or control characters, one that is
  // given twice, limits that are none.
  static Result<ApiKeys> Make(const std::vector<std::string>& keys, const std::string& file,
                              const KeyLimits& usual = {});

  bool empty() const { return digests_.empty(); }
  size_t size() const { return digests_.size(); }
  const std::vector<KeyLimits>& limits() const { return limits_; }  // of each; without keys, of all
  // Which key the request shows, in Authorization: Bearer or X-Api-Key, from 0 on; no key is needed: 0.
  // Nothing: none, or a wrong one.
  std::optional<size_t> Find(const HttpRequest& request) const;
  // A name for it that no other key has, in any process, and that does not tell it; no key is needed: "".
  std::string NameOf(size_t key) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest DigestOf(std::string_view key);
  Status Add(std::string_view key, const KeyLimits& limits);
  Status AddLine(std::string_view line, const KeyLimits& usual);
  std::vector<Digest> digests_;
  std::vector<KeyLimits> limits_;
};

}  // namespace tern
