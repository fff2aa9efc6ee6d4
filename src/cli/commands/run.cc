#include <fmt/format.h>
#include <unistd.h>

#include "backends/cpu/limits/limits.h"
#include "cli/adaptation_flags.h"
#include "cli/chat.h"
#include "cli/command.h"
#include "cli/grammar_flags.h"
#include "cli/lines.h"
#include "cli/model_flags.h"
#include "cli/sampling_flags.h"
#include "cli/speculation_flags.h"
#include "cli/terminal.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  GenerateOptions generate;
  GrammarFlags grammar;
  SpeculationFlags speculation;
  AdaptationFlags adaptation;
  std::string prompt, system, on_overflow = "error";
  bool raw = false, quiet = false;
};

void Note(const std::string& text) { fmt::print(stderr, "{}\n", Styled(STDERR_FILENO, Style::kDim, text)); }

struct Loaded {
  std::unique_ptr<Engine> engine;
  std::optional<ChatTemplate> chat_template;
  int threads = 0;
};

Result<Loaded> Load(const Options& o, bool prompt_waits) {
  Loaded loaded;
  TERN_TRY(const auto model, OpenModel(o.model));
  TERN_TRY_STATUS(CheckPredictsTokens(*model));
  if (model->tokenizer == nullptr) return BadInput(o.model.model + ": has no tokenizer, run needs one");
  if (!model->chat_template.empty() && !o.raw) {
    TERN_TRY(loaded.chat_template, ChatTemplate::Parse(model->chat_template));
  }
  if (!loaded.chat_template && !o.system.empty()) {
    return BadInput("--system: completing plain text, expected a model with a chat template" +
                    std::string(o.raw ? ", and no --raw" : ""));
  }
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, o.model));
  options.pack_later = prompt_waits;
  TERN_TRY_STATUS(MakeRoomForDrafts(o.speculation, &options));
  TERN_TRY(auto runner, Runner::Make(model, options));
  EngineOptions engine;
  TERN_TRY(auto drafts, OpenDrafts(o.speculation, o.model, *runner, &engine));
  SetAdaptation(o.adaptation, *runner, options, &engine);
  loaded.engine = std::make_unique<Engine>(std::move(runner), std::move(engine), std::move(drafts));
  TERN_TRY_STATUS(CheckFixed(o.adaptation, *loaded.engine));
  loaded.threads = options.threads;
  return loaded;
}

// Completing where a chat was expected is said once.
void NotePlainText(const Options& o, const Loaded& loaded) {
  if (!loaded.chat_template && !o.raw && !o.quiet) {
    const bool answers = loaded.engine->runner().source_tokens() > 0;
    Note(answers ? "This model has no chat template: it answers each text alone."
                 : "This model has no chat template: it completes plain text.");
  }
}

Status OneShot(const Options& o, const std::string& text) {
  TERN_TRY(const Loaded loaded, Load(o, true));
  NotePlainText(o, loaded);
  const LoadedModel& model = loaded.engine->runner().model();
  std::vector<int32_t> prompt;
  if (loaded.chat_template) {
    std::vector<ChatTurn> messages;
    if (!o.system.empty()) messages.push_back({"system", o.system});
    messages.push_back({"user", text});
    TERN_TRY(prompt, EncodeChat(model, *loaded.chat_template, messages));
  } else {
    prompt = EncodePlain(model, text, o.raw);
  }
  std::string answer;
  TERN_TRY(const Outcome outcome, StreamAnswer(*loaded.engine, std::move(prompt), o.generate, &answer));
  std::fputc('\n', stdout);
  std::fflush(stdout);
  if (!o.quiet) {
    Note(StatsLine(loaded.engine->runner(), outcome, MeasureReadRate(loaded.threads)));
  }
  if (outcome.reason == FinishReason::kCancelled) return Error{Code::kCancelled, ""};
  return {};
}

Status Converse(const Options& o) {
  TERN_TRY(Loaded loaded, Load(o, false));
  const Runner& runner = loaded.engine->runner();
  Note(fmt::format("{} on {}, context {}; /help lists commands", o.model.model, runner.device(),
                   runner.context()));
  NotePlainText(o, loaded);
  const auto measure_limit = [&] { return o.quiet ? 0 : MeasureReadRate(loaded.threads); };
  Chat chat(loaded.engine.get(), std::move(loaded.chat_template), o.generate, o.system, measure_limit);
  return chat.Loop();
}

Status Run(Options& o) {
  TERN_TRY(o.generate.on_overflow, ParseOnOverflow(o.on_overflow));
  TERN_TRY(o.generate.grammar, ToGrammar(o.grammar));
  std::string text = o.prompt;
  if (!isatty(STDIN_FILENO)) {
    // A pipe that stays open and silent may still bring what the prompt is about: waiting is right, but said.
    const std::string piped =
        ReadStandardInput([] { Note("Reading standard input to its end; < /dev/null would leave it out."); });
    text += (text.empty() || piped.empty() ? "" : "\n\n") + piped;
    if (text.empty()) return BadInput("prompt: is empty, and so is standard input");
  }
  return text.empty() ? Converse(o) : OneShot(o, text);
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, false);
  args.Option("PROMPT", &o->prompt,
              "answer this and leave; text piped in is read to its end and goes behind it. Without either, a "
              "chat starts");
  args.Option("-s,--system", &o->system, "system prompt").ValueName("TEXT");
  args.Option("-n,--max-tokens", &o->generate.max_tokens, "longest answer; -1: until the context is full");
  args.Option("--stop", &o->generate.stop, "end the answer before this text (repeatable)")
      .ValueName("TEXT")
      .KeepsCommas();
  args.Option(
          "--on-overflow", &o->on_overflow,
          "when the context is full: stop, cut a prompt's middle, or drop the oldest after the first eighth")
      .Choices({"error", "truncate-middle", "shift"});
  args.Flag("--raw", &o->raw, "no chat template: complete the text; special tokens in it count");
  args.Flag("-q,--quiet", &o->quiet, "no line of figures at the end");
  AddRunnerFlags(args, &o->model);
  AddSpeculationFlags(args, &o->speculation);
  AddAdaptationFlags(args, &o->adaptation);
  AddGrammarFlags(args, &o->grammar);
  AddSamplingFlags(args, &o->generate.sampling);
  args.Check([o]() -> Status {
    const int most = o->generate.max_tokens;
    if (most == -1 || most >= 1) return {};
    return BadInput(fmt::format("--max-tokens: {}, expected -1 or at least 1", most));
  });
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_run;
const CommandDesc k_command_run = {
    .name = "run",
    .summary = "talk to a model, or answer one prompt",
    .example = "tern run smollm2 \"Why is the sky blue?\"\ncat notes.txt | tern run smollm2 \"Summarize:\"",
    .setup = Setup,
};

}  // namespace tern
