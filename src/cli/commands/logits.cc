#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/npy.h"
#include "cli/progress.h"
#include "cli/token_list.h"
#include "engine/sequences.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::string tokens, tokens_file, source, source_file, out;
  int chunk = 64;
};

using Tokens = std::vector<int32_t>;

Status WriteLogits(const Options& o, const Tokens& tokens, const Tokens& source) {
  const int length = static_cast<int>(tokens.size());
  ModelFlags flags = o.model;
  if (flags.context == 0) flags.context = std::max(length, static_cast<int>(source.size()));
  TERN_TRY(const auto model, OpenModel(flags));
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, flags));
  const bool whole = o.chunk == 0 || model->built.encoder;
  options.step_tokens = options.step_outputs = whole ? length : std::min(o.chunk, length);
  TERN_TRY(const auto runner, Runner::Make(model, options));
  Sequences sequences(runner.get());
  TERN_TRY(const SequenceId sequence, sequences.Open());
  if (!source.empty()) TERN_TRY_STATUS(sequences.ReadSource(sequence, source));
  const InterruptScope scope;
  TERN_TRY(NpyWriter out,
           NpyWriter::Create(o.out, tokens.size(), static_cast<size_t>(model->built.output_width())));
  Progress progress("logits", Progress::Unit::kCount);
  for (int done = 0; done < length;) {
    const int rows = std::min(options.step_tokens, length - done);
    const StepWork work{sequence,
                        std::span(tokens).subspan(static_cast<size_t>(done), static_cast<size_t>(rows)),
                        WantLogits::kAll};
    TERN_TRY_STATUS(sequences.Step({&work, 1}));
    for (int i = 0; i < rows; ++i) TERN_TRY_STATUS(out.Append(runner->Logits(i)));
    done += rows;
    progress.Update(static_cast<uint64_t>(done), tokens.size());
    TERN_TRY_STATUS(InterruptedStatus());
  }
  return out.Finish();
}

Result<Tokens> ReadTokens(const std::string& ids, const std::string& file) {
  if (!file.empty()) return ReadTokensFile(file);
  return ids.empty() ? Tokens() : ParseTokens(ids);
}

Status Run(const Options& o) {
  TERN_TRY(const Tokens tokens, ReadTokens(o.tokens, o.tokens_file));
  if (tokens.empty()) return BadInput("tokens: none given, expected at least one id");
  TERN_TRY(const Tokens source, ReadTokens(o.source, o.source_file));
  return WriteLogits(o, tokens, source);
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Option("--tokens", &o->tokens, "token ids, separated by commas; this or --tokens-file")
      .ValueName("IDS");
  args.Option("--tokens-file", &o->tokens_file, "a JSON array of token ids; this or --tokens")
      .ValueName("FILE")
      .Excludes("--tokens");
  args.Option("--source", &o->source, "token ids that an encoder-decoder's encoder reads").ValueName("IDS");
  args.Option("--source-file", &o->source_file, "a JSON array of them")
      .ValueName("FILE")
      .Excludes("--source");
  args.Option("--out", &o->out,
              "the .npy file to write: float32 [tokens, vocabulary], of an encoder [tokens, width]")
      .ValueName("FILE")
      .Required();
  args.Option("--chunk", &o->chunk, "tokens per step; 0: all at once").Range(0, 1 << 20);
  AddRunnerFlags(args, &o->model);
  args.Check([o]() -> Status {
    if (o->tokens.empty() && o->tokens_file.empty()) return BadInput("--tokens or --tokens-file is needed");
    return {};
  });
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_logits;
const CommandDesc k_command_logits = {
    .name = "logits",
    .summary = "write the logits of every position as a NumPy file",
    .example = "tern logits smollm2 --tokens 504,3575,282,4649 --out logits.npy --precision exact",
    .setup = Setup,
};

}  // namespace tern
