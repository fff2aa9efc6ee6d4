// Fuzzes what is read of a Hugging Face folder: any bytes give an error of one line, or tensors that may be
// read from end to end and cover the file; as config.json, an error or metadata.

#include <cstdint>
#include <span>
#include <string_view>

#include "io/hf_folder.h"
#include "io/safetensors.h"

namespace {

#define REQUIRE(condition) \
  if (!(condition)) __builtin_trap()

void RequireOneLine(const tern::Error& error) {
  REQUIRE(error.what.starts_with("fuzz: ") && error.what.size() < 1000);
  for (const char c : error.what) REQUIRE(c < 0 || c >= ' ');
}

void ReadTensors(std::span<const std::byte> file) {
  const auto tensors = tern::ParseSafetensors(file, "fuzz");
  if (!tensors.ok()) return RequireOneLine(tensors.error());
  const std::byte* end = nullptr;
  for (const auto& [name, tensor] : tensors.value()) {
    const auto* begin = static_cast<const std::byte*>(tensor.data);
    REQUIRE(begin >= file.data() && tensor.bytes() <= static_cast<size_t>(file.data() + file.size() - begin));
    REQUIRE(end == nullptr || begin == end);
    end = begin + tensor.bytes();
  }
  REQUIRE(end == nullptr || end == file.data() + file.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReadTensors(std::as_bytes(std::span(data, size)));
  const auto config = tern::ParseJsonMetadata({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!config.ok()) RequireOneLine(config.error());
  return 0;
}
