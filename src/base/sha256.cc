#include "base/sha256.h"

#include <openssl/evp.h>

#include "base/file.h"

namespace tern {

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  TERN_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::Update(std::string_view bytes) {
  TERN_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  TERN_CHECK(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1);
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.Finish();
}

Result<std::string> Sha256File(const std::string& path) {
  TERN_TRY(const MappedFile file, MappedFile::Open(path));
  return Sha256Hex({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
}

}  // namespace tern
