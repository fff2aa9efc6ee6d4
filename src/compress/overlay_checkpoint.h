#pragma once
// OverlayCheckpoint: a model's checkpoint with other tensors in place of some, or beside them, or without
// some. What is not replaced stays where it lies, so that runners on one backend share its packed copies.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/loaded_model.h"
#include "io/checkpoint.h"

namespace tern {

class OverlayCheckpoint : public Checkpoint {
 public:
  explicit OverlayCheckpoint(std::shared_ptr<const LoadedModel> base)
      : base_(std::move(base)),
        tensors_(base_->checkpoint->tensors().begin(), base_->checkpoint->tensors().end()) {}

  // Whoever calls keeps `tensor`'s memory until the checkpoint is gone.
  void Set(const std::string& name, const Tensor& tensor) {
    for (auto& [key, held] : tensors_) {
      if (key != name) continue;
      held = tensor;
      return;
    }
    tensors_.emplace_back(name, tensor);
  }

  void Remove(std::string_view name) {
    std::erase_if(tensors_, [name](const auto& tensor) { return tensor.first == name; });
  }

  const Metadata& metadata() const override { return base_->checkpoint->metadata(); }
  std::span<const std::pair<std::string, Tensor>> tensors() const override { return tensors_; }
  const Tensor* Find(std::string_view name) const override {
    for (const auto& [key, tensor] : tensors_) {
      if (key == name) return &tensor;
    }
    return nullptr;
  }
  size_t file_bytes() const override { return 0; }
  std::string_view path() const override { return base_->checkpoint->path(); }
  std::string NameInFiles(std::string_view name) const override {
    return base_->checkpoint->NameInFiles(name);
  }

 private:
  std::shared_ptr<const LoadedModel> base_;
  std::vector<std::pair<std::string, Tensor>> tensors_;
};

// The model built of what lies over it: without tokenizer.
Result<std::shared_ptr<LoadedModel>> BuildOverlay(std::unique_ptr<OverlayCheckpoint> overlay,
                                                  const BuildOptions& options = {});

}  // namespace tern
