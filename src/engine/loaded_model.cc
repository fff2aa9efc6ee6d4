#include "engine/loaded_model.h"

#include "models/hf/checkpoint.h"

namespace tern {
namespace {

Error InFile(const std::string& path, const Error& error) {
  if (error.what.starts_with(path)) return error;
  return {error.code, path + ": " + error.what};
}

// "none" is how files say that they have no tokenizer.
bool HasTokenizer(const Metadata& metadata) {
  const MetaValue* kind = metadata.Find("tokenizer.ggml.model");
  return kind != nullptr && *kind != MetaValue(std::string("none"));
}

Result<std::shared_ptr<const LoadedModel>> Load(const std::string& path, const BuildOptions& options) {
  auto model = std::make_shared<LoadedModel>();
  TERN_TRY(model->checkpoint, OpenModelCheckpoint(path));
  const Metadata& metadata = model->checkpoint->metadata();
  TERN_TRY(model->built, BuildModel(*model->checkpoint, options));
  if (HasTokenizer(metadata)) {
    TERN_TRY(model->tokenizer, LoadTokenizer(metadata));
  }
  if (metadata.Has("tokenizer.chat_template")) {
    TERN_TRY(model->chat_template, metadata.Str("tokenizer.chat_template"));
  }
  return std::shared_ptr<const LoadedModel>(std::move(model));
}

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::string& path, const BuildOptions& options) {
  auto model = Load(path, options);
  if (!model.ok()) return InFile(path, model.error());
  return model;
}

Result<std::unique_ptr<Tokenizer>> LoadTokenizerFile(const std::string& path) {
  TERN_TRY(const std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
  auto tokenizer = LoadTokenizer(checkpoint->metadata());
  if (!tokenizer.ok()) return InFile(path, tokenizer.error());
  return tokenizer;
}

}  // namespace tern
