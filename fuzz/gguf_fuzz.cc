// Fuzzes ParseGguf: any bytes give an error or tensors that may be read from end to end.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "io/gguf.h"

namespace {

// Decodes at most this much of each end of a tensor: libFuzzer needs speed, and a wrong range shows at its
// ends.
constexpr size_t kMostWeights = 4096;

void ReadRow(const tern::Tensor& tensor, int64_t row) {
  const size_t weights = std::min(static_cast<size_t>(tensor.cols()), kMostWeights) /
                         tensor.format->block_weights * tensor.format->block_weights;
  std::vector<float> values(weights);
  tensor.format->decode(tensor.row(row), 0, values.data(), weights);
  // The row's last byte.
  const auto* bytes = static_cast<const volatile unsigned char*>(tensor.row(row));
  static_cast<void>(bytes[tensor.row_bytes() - 1]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The parser promises tensors aligned like the file's start, which a mapping aligns to a page.
  std::vector<uint64_t> aligned((size + 7) / 8);
  std::copy_n(data, size, reinterpret_cast<uint8_t*>(aligned.data()));
  const auto file = tern::ParseGguf(std::as_bytes(std::span(aligned)).first(size), "fuzz.gguf");
  if (!file.ok()) {
    if (!file.error().what.starts_with("fuzz.gguf: ")) __builtin_trap();
    return 0;
  }
  for (const auto& [name, tensor] : file.value().tensors) {
    ReadRow(tensor, 0);
    ReadRow(tensor, tensor.rows() - 1);
  }
  return 0;
}
