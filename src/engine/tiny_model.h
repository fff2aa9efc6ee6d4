#pragma once
// For tests: the model of a tiny checkpoint.

#include <memory>

#include "engine/loaded_model.h"
#include "models/tiny_checkpoint.h"

namespace tern {

inline std::shared_ptr<const LoadedModel> MakeTinyModel(const TinyModelOptions& options = {}) {
  auto model = LoadModel(MakeTinyCheckpoint(options));
  TERN_CHECK(model.ok());
  return model.value();
}

}  // namespace tern
