#pragma once
// What embed, rerank and classify share: the model's flags, and a text encoder made from them.

#include <memory>
#include <string>

#include "cli/model_flags.h"
#include "engine/text_encoder.h"

namespace tern {

struct EncoderFlags {
  ModelFlags model;
  std::string pooling = "auto", normalize = "auto";
  int max_tokens = 0;
  size_t memory_bytes = 0;  // as in RunnerOptions
};

void AddEncoderFlags(Arguments& args, EncoderFlags* flags);  // --max-tokens and the runner's
Result<std::unique_ptr<TextEncoder>> OpenEncoder(const EncoderFlags& flags);
// An error that names the model, where it has no classification head.
Status NeedHead(const TextEncoder& encoder, const EncoderFlags& flags);

}  // namespace tern
