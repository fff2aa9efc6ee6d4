#include "cli/speculation_flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cgroup.h"

namespace tern {
namespace {

// In all steps together; of one request --draft-tokens.
constexpr int kDraftRows = 32;
constexpr int kMostDraftTokens = 32;
constexpr int kRowsPerRequest = 32;  // that a draft model reads of each in a step

Result<Speculation> KindOf(const SpeculationFlags& flags) {
  const bool has_model = !flags.draft_model.empty();
  if (flags.speculation == "draft" && !has_model) {
    return BadInput("--speculation draft: expected --draft-model MODEL with it");
  }
  TERN_TRY(const Speculation kind, ParseSpeculation(flags.speculation, has_model));
  if (has_model && kind != Speculation::kDraft) {
    return BadInput(fmt::format("--draft-model: of no use with --speculation {}, expected draft or auto",
                                flags.speculation));
  }
  return kind;
}

Result<std::unique_ptr<Runner>> MakeDraftRunner(const std::shared_ptr<const LoadedModel>& model,
                                                const ModelFlags& flags, const Runner& target) {
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, flags));
  const RunnerBytes taken = target.bytes();
  const size_t bytes = taken.packed_weights + taken.arena + taken.kv, all = UsableMemory();
  options.memory_bytes = all > bytes ? all - bytes : 1;
  const int trained = model->hparams().context;
  options.context = trained > 0 ? std::min(target.context(), trained) : target.context();
  options.sequences = target.sequences();
  options.kv_tokens = target.kv_blocks() * kKvBlockTokens;
  options.step_tokens = std::max(options.step_tokens, kRowsPerRequest * options.sequences);
  auto runner = Runner::Make(model, options, target.backend());
  if (runner.ok() || runner.error().code != Code::kExhausted) return runner;
  options.kv_tokens = -1;  // as many as there is room for
  return Runner::Make(model, options, target.backend());
}

}  // namespace

void AddSpeculationFlags(Arguments& args, SpeculationFlags* flags) {
  args.Section("Speculation");
  args.Option("--speculation", &flags->speculation,
              "compute what may come next together with what comes, where that is faster; answers stay the "
              "same. ngram: what followed the same words before; draft: what --draft-model says; auto: "
              "draft where there is one, else ngram")
      .Choices({"auto", "off", "ngram", "draft"});
  args.Option(
          "--draft-model", &flags->draft_model,
          "a smaller model with the same tokens: catalogue name, hf:org/repo[:quant], https:, file or folder")
      .ValueName("MODEL");
  args.Option("--draft-tokens", &flags->draft_tokens, "most of them for an answer in one step")
      .Range(1, kMostDraftTokens);
  args.Section("");
  args.Check([flags]() -> Status {
    const auto kind = KindOf(*flags);
    return kind.ok() ? Status() : Status(kind.error());
  });
}

Status MakeRoomForDrafts(const SpeculationFlags& flags, RunnerOptions* options) {
  TERN_TRY(const Speculation kind, KindOf(flags));
  if (kind == Speculation::kOff) return {};
  const int drafts = std::min(kDraftRows, flags.draft_tokens * options->sequences);
  options->step_outputs = std::max(options->step_outputs, options->sequences + drafts);
  return {};
}

Result<std::unique_ptr<DraftModel>> OpenDrafts(const SpeculationFlags& flags, const ModelFlags& model,
                                               const Runner& target, EngineOptions* engine) {
  TERN_TRY(engine->speculation, KindOf(flags));
  engine->draft_tokens = flags.draft_tokens;
  if (engine->speculation != Speculation::kDraft) return std::unique_ptr<DraftModel>();
  ModelFlags draft = model;
  draft.model = flags.draft_model;
  draft.granted.clear();
  draft.error_budget.clear();
  draft.context = 0;
  TERN_TRY(const auto loaded, OpenModel(draft));
  TERN_TRY_STATUS(CheckDraftModel(*loaded, target.model()));
  TERN_TRY(auto runner, MakeDraftRunner(loaded, draft, target));
  return std::make_unique<DraftModel>(std::move(runner));
}

}  // namespace tern
