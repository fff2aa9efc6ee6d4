#pragma once
// Trimming the vocabulary: a model of fewer tokens, those of some text and what they are made of
// (kept_tokens.h). Of its embeddings, its head and its tokenizer the others are cut out; no other weight
// changes, so the logits of tokens that stay are the same bits, and only what the softmax shares out differs.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/compare.h"
#include "engine/loaded_model.h"

namespace tern {

struct TrimmedModel {
  std::shared_ptr<const LoadedModel> model;
  std::vector<int32_t> kept;  // kept[i] is what token i was called before
  std::string hash;           // of `kept`
};

// `tokenizer`: what the checkpoint's metadata lacks of it, as of a folder (cli/tokenizer_metadata.h).
// `texts`: whose tokens stay, and those of the chat template. Errors name what the model lacks.
Result<TrimmedModel> TrimVocabulary(const std::shared_ptr<const LoadedModel>& model,
                                    const Metadata& tokenizer, const std::vector<std::string>& texts);

// What it costs to never say a token that went: the mean of -ln(the share that the model gives to tokens that
// stay), in nats per token of `windows`, which are texts of the trimmed model. It is the KL divergence of the
// trimmed model's distribution from the whole one's.
Result<double> TrimmingLoss(const std::shared_ptr<const LoadedModel>& whole, const TrimmedModel& trimmed,
                            std::vector<TextWindow> windows, int threads);

}  // namespace tern
