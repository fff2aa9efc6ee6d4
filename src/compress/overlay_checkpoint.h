#pragma once
// OverlayCheckpoint: a model's checkpoint with other tensors in place of some, or beside them, or without
// some. What is not replaced stays where it lies, so that runners on one backend share its packed copies.

#include <memory>
#include <string>
#include <utility>

#include "engine/loaded_model.h"
#include "io/listed_checkpoint.h"

namespace tern {

class OverlayCheckpoint : public ListedCheckpoint {
 public:
  explicit OverlayCheckpoint(std::shared_ptr<const LoadedModel> base) : base_(std::move(base)) {
    for (const auto& [name, tensor] : base_->checkpoint->tensors()) Set(name, tensor);
  }

  const Metadata& metadata() const override { return base_->checkpoint->metadata(); }
  std::string_view path() const override { return base_->checkpoint->path(); }
  std::string NameInFiles(std::string_view name) const override {
    return base_->checkpoint->NameInFiles(name);
  }

 protected:
  const Checkpoint& base() const { return *base_->checkpoint; }

 private:
  std::shared_ptr<const LoadedModel> base_;
};

// The model built of what lies over it: without tokenizer.
Result<std::shared_ptr<LoadedModel>> BuildOverlay(std::unique_ptr<OverlayCheckpoint> overlay,
                                                  const BuildOptions& options = {});

}  // namespace tern
