#pragma once
// The "model" of a tokenizer.json: how words become ids. To add one, write a loader and a line in the table
// of word_models.cc.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"
#include "text/word_model.h"

namespace tern {

// The tokens of the model by id; "" where no token has the id.
Result<std::vector<std::string>> LoadModelTokens(const JsonNode& node);

// Whether the model can take bytes where its pre-tokenizer would spell them.
Result<bool> ModelKnowsBytes(const JsonNode& node);

struct WordModelContext {
  const std::vector<std::string>* tokens;  // LoadModelTokens
  const std::vector<bool>* is_control;     // of each of them: no text may lead to it
  bool by_bytes;                           // words come as bytes
};
Result<std::unique_ptr<const WordModel>> LoadWordModel(const JsonNode& node, const WordModelContext& context);

}  // namespace tern
