#pragma once
// LoadedModel: a checkpoint opened, checked and built, with its tokenizer and chat template. Immutable;
// shared by every runner and request that uses it.

#include <memory>
#include <string>

#include "base/result.h"
#include "io/checkpoint.h"
#include "models/model.h"
#include "text/tokenizer.h"

namespace tern {

struct LoadedModel {
  std::unique_ptr<Checkpoint> checkpoint;
  BuiltModel built;
  std::unique_ptr<Tokenizer> tokenizer;  // null: the file has none; token ids still work
  std::string chat_template;             // Jinja source; empty: the model completes plain text

  const Hparams& hparams() const { return built.hparams; }
};

// The error names the file first.
Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::string& path,
                                                     const BuildOptions& options = {});
Result<std::shared_ptr<const LoadedModel>> LoadModel(std::unique_ptr<Checkpoint> checkpoint,
                                                     const BuildOptions& options = {});
// An error that names the file, for models without logits: encoders, and what was built for hidden states.
Status CheckPredictsTokens(const LoadedModel& model);
// The same, and an error for encoder-decoders, which answer a text instead of continuing it.
Status CheckContinuesText(const LoadedModel& model);
// The tokenizer alone, of a file or of a folder of Hugging Face: vocabulary-only files have no weights.
Result<std::unique_ptr<Tokenizer>> LoadTokenizerFile(const std::string& path);
// The Jinja source; none is an error.
Result<std::string> LoadChatTemplateFile(const std::string& path);

}  // namespace tern
