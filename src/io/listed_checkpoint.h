#pragma once
// ListedCheckpoint: tensors in the order of a list, for checkpoints whose tensors come and go.

#include <string_view>
#include <utility>
#include <vector>

#include "io/checkpoint.h"

namespace tern {

class ListedCheckpoint : public Checkpoint {
 public:
  std::span<const std::pair<std::string, Tensor>> tensors() const override { return tensors_; }
  const Tensor* Find(std::string_view name) const override {
    for (const auto& [key, tensor] : tensors_) {
      if (key == name) return &tensor;
    }
    return nullptr;
  }
  size_t file_bytes() const override { return 0; }

  // Whoever calls keeps `tensor`'s memory until the checkpoint is gone.
  void Set(std::string_view name, const Tensor& tensor) {
    if (Tensor* held = FindMutable(name)) {
      *held = tensor;
    } else {
      tensors_.emplace_back(name, tensor);
    }
  }
  void Remove(std::string_view name) {
    std::erase_if(tensors_, [name](const auto& tensor) { return tensor.first == name; });
  }
  Tensor* FindMutable(std::string_view name) { return const_cast<Tensor*>(Find(name)); }  // nullptr: none

 private:
  std::vector<std::pair<std::string, Tensor>> tensors_;
};

}  // namespace tern
