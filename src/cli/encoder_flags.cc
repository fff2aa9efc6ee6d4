#include "cli/encoder_flags.h"

namespace tern {

void AddEncoderFlags(Arguments& args, EncoderFlags* flags) {
  args.Option("--max-tokens", &flags->max_tokens,
              "cut texts to this length; 0: as the model says, or as fits in memory")
      .Range(0, 1 << 20);
  AddRunnerFlags(args, &flags->model, ContextFlag::kNo);
}

Result<std::unique_ptr<TextEncoder>> OpenEncoder(const EncoderFlags& flags) {
  TERN_TRY(const std::string path, FindModelFile(flags.model));
  TERN_TRY(auto model, LoadModel(path, {.hidden_states = true}));
  EncoderOptions options{.max_tokens = flags.max_tokens};
  TERN_TRY(options.runner, ToRunnerOptions(model, flags.model));
  options.runner.memory_bytes = flags.memory_bytes;
  if (flags.pooling != "auto") {
    TERN_TRY(options.pooling, ParsePooling(flags.pooling));
  }
  if (flags.normalize != "auto") options.normalize = flags.normalize == "yes";
  return TextEncoder::Make(std::move(model), options);
}

Status NeedHead(const TextEncoder& encoder, const EncoderFlags& flags) {
  if (encoder.outputs() > 0) return {};
  return Unsupported(flags.model.model + ": has no classification head (cls.output.weight)");
}

}  // namespace tern
