#include "compress/part_rows.h"

#include "base/isa.h"
#include "tensor/encode/encode.h"

namespace tern {
namespace {

// Vectors lie as one row.
size_t WidthOf(const PartTensor& tensor) { return static_cast<size_t>(tensor.shape.back()); }

}  // namespace

std::string EncodePlain(std::span<const float> numbers, const PartTensor& tensor) {
  const size_t width = WidthOf(tensor), row_bytes = BlockOffset(*tensor.format, width);
  std::string bytes(numbers.size() / width * row_bytes, 0);
  const EncodeRowFn encode = PickEncode(*tensor.format, DetectIsa());
  for (size_t r = 0; r < numbers.size() / width; ++r)
    encode(&numbers[r * width], nullptr, bytes.data() + r * row_bytes, width);
  return bytes;
}

std::vector<float> DecodePlain(const std::string& bytes, const PartTensor& tensor) {
  const size_t width = WidthOf(tensor), row_bytes = BlockOffset(*tensor.format, width);
  std::vector<float> numbers(bytes.size() / row_bytes * width);
  for (size_t r = 0; r < numbers.size() / width; ++r)
    tensor.format->decode(bytes.data() + r * row_bytes, 0, &numbers[r * width], width);
  return numbers;
}

std::vector<float> WhatIsLost(std::span<const float> weights, const PartTensor& tensor,
                              const std::string& bytes) {
  std::vector<float> lost = DecodePlain(bytes, tensor);
  for (size_t i = 0; i < lost.size(); ++i) lost[i] = weights[i] - lost[i];
  return lost;
}

FitTask FitOf(const PartTask& task, std::span<const float> error) {
  FitTask fit{.error = error,
              .rows = static_cast<size_t>(task.rows),
              .columns = static_cast<size_t>(task.columns),
              .inputs = {},
              .team = task.team};
  if (task.seen != nullptr) fit.inputs = {task.seen->hessian, task.seen->energies};
  return fit;
}

}  // namespace tern
