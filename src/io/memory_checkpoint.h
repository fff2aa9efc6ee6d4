#pragma once
// For tests: a checkpoint in memory.

#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint.h"
#include "tensor/format.h"

namespace tern {

class MemoryCheckpoint : public Checkpoint {
 public:
  const Metadata& metadata() const override { return metadata_; }
  std::span<const std::pair<std::string, Tensor>> tensors() const override { return tensors_; }
  const Tensor* Find(std::string_view name) const override {
    for (const auto& [key, tensor] : tensors_) {
      if (key == name) return &tensor;
    }
    return nullptr;
  }
  size_t file_bytes() const override { return 0; }
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
    tensors_.push_back({name, tensor});
    buffers_.push_back(std::move(buffer));
  }
  // What a test breaks. nullptr: no such tensor.
  Tensor* FindMutable(std::string_view name) { return const_cast<Tensor*>(Find(name)); }
  void Remove(std::string_view name) {
    std::erase_if(tensors_, [name](const auto& tensor) { return tensor.first == name; });
  }

 private:
  std::vector<std::pair<std::string, Tensor>> tensors_;
  std::vector<Buffer> buffers_;
};

}  // namespace tern
