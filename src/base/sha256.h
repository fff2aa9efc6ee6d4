#pragma once
// SHA-256 of a stream of bytes, as 64 lower-case hex digits. Not thread-safe; one per stream.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_md_ctx_st;

namespace tern {

class Sha256 {
 public:
  Sha256();
  void Update(std::string_view bytes);
  std::string Finish();  // the digest; nothing may follow

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string Sha256Hex(std::string_view bytes);
Result<std::string> Sha256File(const std::string& path);

}  // namespace tern
