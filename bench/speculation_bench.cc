// How much speculation is worth: answers of a model with and without, in turns, on the same packed weights;
// each turn begins anew, with nothing learned. Single answers that repeat their prompt, that write prose, and
// 16 at once of both. An answer must be the same with and without; else this ends with an error.
//
//   speculation_bench [--draft MODEL] [--rounds 5] MODEL...

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include "cli/chat.h"
#include "cli/model_flags.h"
#include "engine/engine.h"
#include "engine/speculation/draft_model.h"

namespace tern {
namespace {

constexpr int kDrafts = 8, kDraftRows = 32;

constexpr std::string_view kPassage =
    "The ferry left the northern quay at half past six, carrying forty crates of pears, two mail sacks and a "
    "brass clock that nobody had claimed. Captain Ottilie Brandt wrote the weather in her book: wind from "
    "the "
    "west, light rain, visibility of three miles. Near the second buoy the engine coughed twice, and the boy "
    "Anselm was sent below with a lamp and a can of oil. He found the filter clogged with weed, cleaned it "
    "with "
    "his sleeve, and came back up smiling, black to the elbows. By nine they had passed the lighthouse at "
    "Cape "
    "Lorne, where the keeper waved a yellow flag, as he did on every second Thursday of the month.\n\n";

constexpr std::string_view kQuestions[] = {"Write a story about a lighthouse keeper who finds a letter.",
                                           "Why is the sky blue?",
                                           "Explain how bread rises.",
                                           "Describe a city that floats on clouds.",
                                           "What should one know before keeping bees?",
                                           "Tell me about the history of the printing press.",
                                           "Write a letter to a friend who has moved away.",
                                           "How do vaccines work?"};

struct Case {
  std::string name;
  bool repeats = false;
  int answers = 1, tokens = 192;
};

struct Turn {
  double tokens_per_s = 0;
  int drafts = 0, accepted = 0;
  std::vector<std::vector<int32_t>> answers;
};

struct Contest {
  std::shared_ptr<const LoadedModel> model, draft;
  std::shared_ptr<Backend> backend;
};

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void Fail(const std::string& what) {
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

template <class T>
T Must(Result<T> result) {
  if (!result.ok()) Fail(result.error().what);
  return std::move(result).value();
}

Result<std::shared_ptr<const LoadedModel>> Open(const std::string& name) {
  ModelFlags flags;
  flags.model = name;
  return OpenPredictor(flags);
}

std::vector<int32_t> Prompt(const LoadedModel& model, const Case& c, int answer) {
  if (c.repeats) {
    // Twice, and a beginning, of another length for each.
    std::string text = std::string(kPassage) + std::string(kPassage);
    text += kPassage.substr(0, kPassage.find(' ', 20 + 9 * static_cast<size_t>(answer)));
    return EncodePlain(model, text, false);
  }
  const std::string question(kQuestions[static_cast<size_t>(answer) % std::size(kQuestions)]);
  if (model.chat_template.empty()) return EncodePlain(model, question, false);
  return Must(EncodeChat(model, Must(ChatTemplate::Parse(model.chat_template)), {{"user", question}}));
}

std::unique_ptr<Engine> MakeEngine(const Contest& contest, const Case& c, Speculation speculation) {
  RunnerOptions options{.context = 1024, .sequences = c.answers, .own_window_blocks = true};
  options.step_outputs = c.answers + kDraftRows;
  auto runner = Must(Runner::Make(contest.model, options, contest.backend));
  EngineOptions engine{.prefix_cache = false, .speculation = speculation, .draft_tokens = kDrafts};
  std::unique_ptr<DraftModel> draft_model;
  if (speculation == Speculation::kDraft) {
    options.own_window_blocks = false;
    options.step_outputs = 0;
    draft_model = std::make_unique<DraftModel>(Must(Runner::Make(contest.draft, options, contest.backend)));
  }
  return std::make_unique<Engine>(std::move(runner), std::move(engine), std::move(draft_model));
}

// From when all answers have begun until the last token of any.
Turn TakeTurn(const Contest& contest, const Case& c, Speculation speculation) {
  const auto engine = MakeEngine(contest, c, speculation);
  Turn turn;
  turn.answers.resize(static_cast<size_t>(c.answers));
  int said = 0;
  for (int i = 0; i < c.answers; ++i) {
    Request request;
    request.prompt = Prompt(*contest.model, c, i);
    request.sampling.seed = static_cast<uint64_t>(i) + 1;
    request.max_tokens = c.tokens;
    request.ignore_end = true;
    request.on_token = [&, i](int32_t token) {
      turn.answers[static_cast<size_t>(i)].push_back(token);
      ++said;
    };
    request.on_finish = [&](const Outcome& outcome) {
      turn.drafts += outcome.draft_tokens;
      turn.accepted += outcome.accepted_tokens;
    };
    Must(engine->Submit(std::move(request)));
  }
  const auto begun = [&] {
    return std::ranges::none_of(turn.answers, [](const auto& a) { return a.empty(); });
  };
  while (!begun()) engine->Step();
  const int before = said;
  const double begin = Now();
  while (engine->Step()) {
  }
  turn.tokens_per_s = (said - before) / (Now() - begin);
  return turn;
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void Compare(const std::string& name, const Contest& contest, const Case& c, int rounds) {
  const Speculation kind = contest.draft ? Speculation::kDraft : Speculation::kNgram;
  std::vector<double> plain, drafting, ratios;
  Turn last;
  for (int i = 0; i < rounds; ++i) {
    Turn turns[2];
    for (const int which : {i % 2, 1 - i % 2}) {
      turns[which] = TakeTurn(contest, c, which == 0 ? Speculation::kOff : kind);
    }
    if (turns[0].answers != turns[1].answers) Fail(c.name + ": not the same answers");
    plain.push_back(turns[0].tokens_per_s);
    drafting.push_back(turns[1].tokens_per_s);
    ratios.push_back(drafting.back() / plain.back());
    last = std::move(turns[1]);
  }
  fmt::print("| {} | {} | {} | {:.0f} | {:.0f} | {:.2f}x ({:.2f}-{:.2f}) | {} of {} |\n", name, c.name,
             c.answers, Median(plain), Median(drafting), Median(ratios), *std::ranges::min_element(ratios),
             *std::ranges::max_element(ratios), last.accepted, last.drafts);
  std::fflush(stdout);
}

int Main(std::vector<std::string> args) {
  int rounds = 5;
  std::string draft;
  std::vector<std::string> models;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--draft" && i + 1 < args.size()) {
      draft = args[++i];
    } else if (args[i] == "--rounds" && i + 1 < args.size()) {
      rounds = std::atoi(args[++i].c_str());
    } else {
      models.push_back(args[i]);
    }
  }
  if (models.empty()) Fail("speculation_bench [--draft MODEL] [--rounds 5] MODEL...");
  fmt::print("| model | text | answers | tokens/s without | with | median of pairs | drafts right |\n");
  fmt::print("|---|---|---|---|---|---|---|\n");
  const Case cases[] = {{.name = "repeats its prompt", .repeats = true},
                        {.name = "prose"},
                        {.name = "repeats its prompt", .repeats = true, .answers = 4, .tokens = 96},
                        {.name = "prose", .answers = 4, .tokens = 96},
                        {.name = "repeats its prompt", .repeats = true, .answers = 16, .tokens = 64},
                        {.name = "prose", .answers = 16, .tokens = 64}};
  for (const std::string& name : models) {
    Contest contest{.model = Must(Open(name)), .draft = nullptr, .backend = nullptr};
    if (!draft.empty()) contest.draft = Must(Open(draft));
    contest.backend = Must(OpenBackend("cpu", {}));
    for (const Case& c : cases) Compare(name, contest, c, rounds);
  }
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main({argv + 1, argv + argc}); }
