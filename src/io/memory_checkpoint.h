#pragma once
// For tests: a checkpoint in memory.

#include <string>
#include <vector>

#include "io/listed_checkpoint.h"
#include "tensor/format.h"

namespace tern {

class MemoryCheckpoint : public ListedCheckpoint {
 public:
  const Metadata& metadata() const override { return metadata_; }
  std::string_view path() const override { return "memory"; }

  Metadata metadata_;
  // Encodes `values` in `format`.
  void Add(const std::string& name, const Shape& shape, const Format& format,
           const std::vector<float>& values) {
    Tensor tensor{&format, shape, nullptr};
    const auto width = static_cast<size_t>(tensor.cols()), rows = static_cast<size_t>(tensor.rows());
    Buffer buffer(rows * tensor.row_bytes());
    auto* bytes = static_cast<char*>(buffer.data());
    for (size_t r = 0; r < rows; ++r) {
      format.encode(values.data() + r * width, nullptr, bytes + r * tensor.row_bytes(), width);
    }
    tensor.data = bytes;
    Set(name, tensor);
    buffers_.push_back(std::move(buffer));
  }

 private:
  std::vector<Buffer> buffers_;
};

}  // namespace tern
