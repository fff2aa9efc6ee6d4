#include "engine/loaded_model.h"

#include <fmt/format.h>

#include "io/files.h"
#include "io/hf_folder.h"
#include "models/hf/checkpoint.h"
#include "text/hf/folder.h"

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

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadModel(std::unique_ptr<Checkpoint> checkpoint,
                                                     const BuildOptions& options) {
  auto model = std::make_shared<LoadedModel>();
  model->checkpoint = std::move(checkpoint);
  const Metadata& metadata = model->checkpoint->metadata();
  const std::string path(model->checkpoint->path());
  TERN_TRY(model->built, BuildModel(*model->checkpoint, options));
  if (IsDirectory(path)) {
    if (HasTokenizerFiles(path)) {
      TERN_TRY(model->tokenizer, LoadTokenizerFromFolder(path));
    }
    TERN_TRY(model->chat_template, ReadChatTemplate(path));
  } else if (HasTokenizer(metadata)) {
    TERN_TRY(model->tokenizer, LoadTokenizer(metadata));
    if (model->tokenizer->size() > model->hparams().vocabulary) {
      return BadInput(
          fmt::format("tokenizer.ggml.tokens: {} tokens, expected at most {}, the rows of "
                      "token_embd.weight",
                      model->tokenizer->size(), model->hparams().vocabulary));
    }
    TERN_TRY(model->chat_template, metadata.Str("tokenizer.chat_template", ""));
  }
  return std::shared_ptr<const LoadedModel>(std::move(model));
}

Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::string& path, const BuildOptions& options) {
  TERN_TRY(auto checkpoint, OpenModelCheckpoint(path));
  auto model = LoadModel(std::move(checkpoint), options);
  if (!model.ok()) return InFile(path, model.error());
  return model;
}

Status CheckPredictsTokens(const LoadedModel& model) {
  if (!model.built.hidden_states) return {};
  return Unsupported(
      fmt::format("{}: {} yields hidden states, expected a model that predicts tokens; embed, rerank and "
                  "classify take encoders",
                  model.checkpoint->path(), model.built.desc->name));
}

Status CheckContinuesText(const LoadedModel& model) {
  TERN_TRY_STATUS(CheckPredictsTokens(model));
  if (!model.built.source) return {};
  return Unsupported(fmt::format("{}: {} answers a source, expected a model that continues a text",
                                 model.checkpoint->path(), model.built.desc->name));
}

Result<std::unique_ptr<Tokenizer>> LoadTokenizerFile(const std::string& path) {
  if (IsDirectory(path)) return LoadTokenizerFromFolder(path);
  TERN_TRY(const std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
  auto tokenizer = LoadTokenizer(checkpoint->metadata());
  if (!tokenizer.ok()) return InFile(path, tokenizer.error());
  return tokenizer;
}

Result<std::string> LoadChatTemplateFile(const std::string& path) {
  std::string source;
  if (IsDirectory(path)) {
    TERN_TRY(source, ReadChatTemplate(path));
  } else {
    TERN_TRY(const std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
    TERN_TRY(source, checkpoint->metadata().Str("tokenizer.chat_template", ""));
  }
  if (source.empty()) return NotFound(path + ": has no chat template");
  return source;
}

}  // namespace tern
