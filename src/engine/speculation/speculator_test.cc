// Answers with drafts are what they are without, token for token and bit for bit.

#include "engine/speculation/speculator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "engine/count_allocations.h"
#include "engine/engine.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

struct Said {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  std::string text;
  Outcome outcome;
};

Request Ask(std::string_view prompt, Said* said, int max_tokens = 60) {
  Request request;
  request.prompt.assign(prompt.begin(), prompt.end());
  request.sampling.temperature = 0;
  request.sampling.seed = 5;
  request.max_tokens = max_tokens;
  request.ignore_end = true;
  request.on_token = [said](int32_t token) { said->tokens.push_back(token); };
  request.on_text = [said](std::string_view text) { said->text += text; };
  request.on_finish = [said](const Outcome& outcome) { said->outcome = outcome; };
  return request;
}

// Which drafts there are.
enum class From : uint8_t { kNowhere, kText, kTwin, kStranger };

struct EngineSetup {
  std::string architecture = "llama";
  From from = From::kNowhere;
  RunnerOptions runner = {.context = 256, .sequences = 4, .step_tokens = 64, .step_outputs = 40};
  TinyModelOptions model = {};
};

std::unique_ptr<Engine> MakeEngine(EngineSetup setup) {
  setup.model.architecture = setup.architecture;
  setup.runner.own_window_blocks = true;
  auto runner = Runner::Make(MakeTinyModel(setup.model), setup.runner);
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  EngineOptions options;
  options.drafts_always = true;
  options.draft_tokens = 5;
  std::unique_ptr<DraftModel> draft_model;
  if (setup.from == From::kText) options.speculation = Speculation::kNgram;
  if (setup.from == From::kTwin || setup.from == From::kStranger) {
    if (setup.from == From::kStranger) {
      setup.model.seed = 9;
      setup.model.layers = 1;
    }
    setup.runner.own_window_blocks = false;
    auto draft = Runner::Make(MakeTinyModel(setup.model), setup.runner, runner.value()->backend());
    EXPECT_TRUE(draft.ok()) << draft.error().what;
    options.speculation = Speculation::kDraft;
    draft_model = std::make_unique<DraftModel>(std::move(draft).value());
  }
  return std::make_unique<Engine>(std::move(runner).value(), std::move(options), std::move(draft_model));
}

void RunAll(Engine& engine) {
  for (int steps = 0; engine.Step(); ++steps) ASSERT_LT(steps, 10000);
}

Said AnswerOf(Engine& engine, Request request, Said* said) {
  EXPECT_TRUE(engine.Submit(std::move(request)).ok());
  RunAll(engine);
  return *said;
}

constexpr std::string_view kPrompt = "one two three, one two three, one two";

// Every way to choose a token that looks at more than its own row.
std::vector<std::pair<std::string, SamplingOptions>> Samplings() {
  SamplingOptions greedy;
  greedy.temperature = 0;
  greedy.seed = 3;
  SamplingOptions plain = greedy;
  plain.temperature = 0.7f;
  plain.min_p = 0;
  SamplingOptions few = plain;  // of few tokens some are right by chance
  few.logit_bias = {{'a', 60.f}, {'b', 60.f}, {'c', 60.f}};
  SamplingOptions penalties = few;
  penalties.repetition_penalty = 1.3f;
  penalties.presence_penalty = 0.5f;
  penalties.frequency_penalty = 0.2f;
  penalties.penalty_last_n = 9;
  SamplingOptions dry = few;
  dry.dry_multiplier = 0.8f;
  dry.xtc_probability = 0.5f;
  SamplingOptions mirostat = few;
  mirostat.mirostat = 2;
  SamplingOptions penalized_greedy = greedy;
  penalized_greedy.repetition_penalty = 1.2f;
  penalized_greedy.min_tokens = 20;
  penalized_greedy.end_tokens = {'a', 'e'};
  return {{"greedy", greedy},
          {"plain", plain},
          {"few", few},
          {"penalties", penalties},
          {"dry", dry},
          {"mirostat", mirostat},
          {"penalized greedy", penalized_greedy}};
}

class Drafts : public testing::TestWithParam<std::tuple<const char*, From>> {
 protected:
  EngineSetup SetupOf(From from) const { return {.architecture = std::get<0>(GetParam()), .from = from}; }
  From from() const { return std::get<1>(GetParam()); }
};

TEST_P(Drafts, ChangeNoToken) {
  const auto plain = MakeEngine(SetupOf(From::kNowhere)), drafting = MakeEngine(SetupOf(from()));
  int accepted = 0, rejected = 0;
  for (const auto& [name, sampling] : Samplings()) {
    Said want, got;
    for (auto [engine, said] : {std::pair(plain.get(), &want), {drafting.get(), &got}}) {
      Request request = Ask(kPrompt, said);
      request.sampling = sampling;
      AnswerOf(*engine, std::move(request), said);
    }
    EXPECT_EQ(got.tokens, want.tokens) << name;
    EXPECT_EQ(got.text, want.text) << name;
    EXPECT_EQ(want.outcome.draft_tokens, 0);
    accepted += got.outcome.accepted_tokens;
    rejected += got.outcome.draft_tokens - got.outcome.accepted_tokens;
  }
  EXPECT_GT(accepted, from() == From::kStranger ? 5 : 50);
  EXPECT_GT(rejected, 5);
  const SchedulerCounts counts = drafting->counts();
  EXPECT_EQ(counts.accepted_tokens, static_cast<uint64_t>(accepted));
  EXPECT_EQ(counts.draft_tokens, static_cast<uint64_t>(accepted + rejected));
  EXPECT_EQ(counts.kv_free + counts.kv_cached, counts.kv_blocks);
}

TEST_P(Drafts, ChangeNoLikelihood) {
  Said want, got;
  for (auto [from_where, said] : {std::pair(From::kNowhere, &want), {from(), &got}}) {
    const auto engine = MakeEngine(SetupOf(from_where));
    Request request = Ask(kPrompt, said);
    request.top_logprobs = 3;
    request.on_logprobs = [said = said](const TokenLogprobs& p) {
      said->logprobs.push_back(p.logprob);
      for (const Candidate& candidate : p.top) said->logprobs.push_back(candidate.logit);
    };
    AnswerOf(*engine, std::move(request), said);
  }
  EXPECT_EQ(got.tokens, want.tokens);
  ASSERT_EQ(got.logprobs.size(), want.logprobs.size());
  EXPECT_EQ(std::memcmp(got.logprobs.data(), want.logprobs.data(), got.logprobs.size() * sizeof(float)), 0);
}

// A grammar, a stop string in the middle of a step, few tokens, strangers beside it, a prefix that is shared.
TEST_P(Drafts, KeepToWhatEndsAnAnswer) {
  const auto plain = MakeEngine(SetupOf(From::kNowhere)), drafting = MakeEngine(SetupOf(from()));
  const auto both = [&](const std::string& what, auto change) {
    Said want, got;
    for (auto [engine, said] : {std::pair(plain.get(), &want), {drafting.get(), &got}}) {
      Request request = Ask(kPrompt, said);
      change(request);
      AnswerOf(*engine, std::move(request), said);
    }
    EXPECT_EQ(got.tokens, want.tokens) << what;
    EXPECT_EQ(got.text, want.text) << what;
    EXPECT_EQ(got.outcome.reason, want.outcome.reason) << what;
    EXPECT_EQ(got.outcome.stop, want.outcome.stop) << what;
    EXPECT_EQ(got.outcome.completion_tokens, want.outcome.completion_tokens) << what;
    return want;
  };
  const Said whole = both("whole", [](Request&) {});
  ASSERT_GT(whole.text.size(), 30u);
  for (size_t i = 8; i < 26; i += 3) {
    both("stop", [&](Request& request) { request.stop = {whole.text.substr(i, 3)}; });
  }
  for (int most = 1; most < 9; ++most) both("few", [&](Request& request) { request.max_tokens = most; });
  both("grammar", [](Request& request) {
    request.sampling.temperature = 1;
    request.grammar = Grammar::Compile(*FindGrammarForm("regex").value(), "(ab|ac){12}[0-9]x").value();
  });
  both("stop token", [&](Request& request) { request.stop_tokens = {whole.tokens[20]}; });
  both("end token", [](Request& request) {
    request.ignore_end = false;
    request.sampling.logit_bias = {{257, 3.f}};
    request.sampling.temperature = 1;
  });
}

TEST_P(Drafts, HoldAmongOthersWithLittleRoom) {
  EngineSetup small = SetupOf(from());
  small.runner.kv_tokens = 160;
  small.runner.context = 128;
  const auto plain = MakeEngine(SetupOf(From::kNowhere)), drafting = MakeEngine(small);
  Said brief;  // so that long answers come as a surprise
  for (int i = 0; i < 60; ++i) AnswerOf(*drafting, Ask("x", &brief, 1), &brief);
  std::vector<Said> want(7), got(7);
  for (size_t i = 0; i < want.size(); ++i) {
    const std::string prompt = std::string(kPrompt) + std::string(3 * i, static_cast<char>('a' + i));
    AnswerOf(*plain, Ask(prompt, &want[i]), &want[i]);
    ASSERT_TRUE(drafting->Submit(Ask(prompt, &got[i])).ok());
  }
  RunAll(*drafting);
  EXPECT_GT(drafting->counts().preemptions, 0u);
  EXPECT_GT(drafting->counts().accepted_tokens, 0u);
  for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(got[i].tokens, want[i].tokens) << i;
}

TEST_P(Drafts, HoldWhereTheContextShifts) {
  Said want, got;
  for (auto [from_where, said] : {std::pair(From::kNowhere, &want), {from(), &got}}) {
    EngineSetup small = SetupOf(from_where);
    small.runner.context = 64;
    Request request = Ask(kPrompt, said, 150);
    request.on_overflow = OnOverflow::kShift;
    const auto engine = MakeEngine(small);
    AnswerOf(*engine, std::move(request), said);
  }
  EXPECT_EQ(got.tokens.size(), 150u);
  EXPECT_EQ(got.tokens, want.tokens);
}

INSTANTIATE_TEST_SUITE_P(All, Drafts,
                         testing::Combine(testing::Values("llama", "gemma3"),
                                          testing::Values(From::kText, From::kTwin, From::kStranger)));

// A head of many tokens computes the likeliest only: each row what its own sampler needs.
TEST(Speculator, ManyRowsOfAScreenedHead) {
  Said want, got;
  for (auto [from, said] : {std::pair(From::kNowhere, &want), {From::kText, &got}}) {
    EngineSetup setup{.from = from};
    setup.model = {.vocabulary = 100'000, .formats = {"q8_0"}};
    Request request = Ask(kPrompt, said, 24);
    request.sampling.temperature = 0.5f;
    request.sampling.repetition_penalty = 1.1f;
    request.sampling.logit_bias = {{'a', 30.f}, {'b', 30.f}};
    const auto engine = MakeEngine(setup);
    AnswerOf(*engine, std::move(request), said);
  }
  EXPECT_GT(got.outcome.accepted_tokens, 0);
  EXPECT_EQ(got.tokens, want.tokens);
}

TEST(Speculator, ACallbackThatCancelsHearsNoMore) {
  const auto engine = MakeEngine({.from = From::kTwin});
  Said said;
  RequestId id = -1;
  Request request = Ask(kPrompt, &said);
  request.on_token = [&](int32_t token) {
    said.tokens.push_back(token);
    if (said.tokens.size() == 5) engine->Cancel(id);
  };
  id = engine->Submit(std::move(request)).value();
  RunAll(*engine);
  EXPECT_EQ(said.tokens.size(), 5u);
  EXPECT_EQ(said.outcome.reason, FinishReason::kCancelled);
  EXPECT_GT(said.outcome.accepted_tokens, 0);
}

// 20,000 answers of five tokens each, with drafts and without, each with a seed of its own.
TEST(Speculator, SamplesFromTheSameDistribution) {
  constexpr int kAnswers = 20'000, kTogether = 16;
  std::map<std::vector<int32_t>, std::array<double, 2>> counts;
  uint64_t accepted = 0;
  uint64_t seed = 1;
  for (const From from : {From::kNowhere, From::kText}) {
    EngineSetup setup{.from = from};
    setup.model = {.layers = 1, .width = 32, .heads = 1, .ffn_width = 32, .formats = {"q8_0"}};
    setup.runner = {
        .threads = 1, .context = 64, .sequences = kTogether, .step_tokens = 256, .step_outputs = 64};
    const auto engine = MakeEngine(setup);
    std::vector<Said> said(kTogether);
    for (int done = 0; done < kAnswers; done += kTogether) {
      for (Said& one : said) {
        one.tokens.clear();
        Request request = Ask("abacabacaba", &one, 5);
        request.sampling = {.seed = ++seed, .temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
        request.sampling.logit_bias = {{'a', 90.f}, {'b', 90.f}, {'c', 88.f}};
        ASSERT_TRUE(engine->Submit(std::move(request)).ok());
      }
      RunAll(*engine);
      for (const Said& one : said) ++counts[one.tokens][from == From::kText ? 1 : 0];
    }
    accepted += engine->counts().accepted_tokens;
  }
  EXPECT_GT(accepted, 10'000u);
  // Two samples of the same size: the sum of (a - b)^2 / (a + b), where that many are to be expected.
  double chi2 = 0;
  int cells = 0;
  for (const auto& [tokens, n] : counts) {
    if (n[0] + n[1] < 20) continue;
    ++cells;
    chi2 += (n[0] - n[1]) * (n[0] - n[1]) / (n[0] + n[1]);
  }
  EXPECT_GE(cells, 50);
  // One in 10,000 is beyond (Wilson and Hilferty's approximation).
  const double f = cells - 1, third = 1 - 2 / (9 * f) + 3.72 * std::sqrt(2 / (9 * f));
  EXPECT_LT(chi2, f * third * third * third) << cells << " cells";
}

TEST(Speculator, ADecodeStepAllocatesNothingAfterWarmUp) {
  for (const From from : {From::kText, From::kTwin}) {
    const auto engine = MakeEngine({.from = from});
    Said said[2];
    for (Said& one : said) {
      Request request = Ask(kPrompt, &one, 200);
      request.on_token = [](int32_t) {};
      request.on_text = [](std::string_view) {};
      request.sampling.temperature = from == From::kText ? 3 : 0;
      request.sampling.presence_penalty = 0.2f;
      request.sampling.penalty_last_n = -1;
      if (from == From::kText) request.sampling.logit_bias = {{'a', 60.f}, {'b', 60.f}, {'c', 60.f}};
      ASSERT_TRUE(engine->Submit(std::move(request)).ok());
    }
    for (int i = 0; i < 6; ++i) engine->Step();
    const SchedulerCounts counts = engine->counts();
    const size_t before = HeapAllocations();
    for (int i = 0; i < 25; ++i) EXPECT_TRUE(engine->Step());
    EXPECT_EQ(HeapAllocations() - before, 0u);
    EXPECT_GT(engine->counts().accepted_tokens, counts.accepted_tokens);
    RunAll(*engine);
  }
}

// The controller may decide anything here: what it decides changes no token.
TEST(Speculator, DecidesByItself) {
  auto runner = Runner::Make(MakeTinyModel(), {.context = 512, .step_outputs = 9}).value();
  EngineOptions options;
  options.speculation = Speculation::kNgram;
  Engine engine(std::move(runner), std::move(options));
  Said want, got;
  const auto plain = MakeEngine({.runner = {.context = 512}});
  AnswerOf(*plain, Ask(kPrompt, &want, 400), &want);
  AnswerOf(engine, Ask(kPrompt, &got, 400), &got);
  EXPECT_EQ(got.tokens, want.tokens);
}

TEST(CheckDraftModel, WantsTheSameTokens) {
  const auto target = MakeTinyModel();
  EXPECT_TRUE(CheckDraftModel(*MakeTinyModel({.seed = 2}), *target).ok());
  EXPECT_EQ(CheckDraftModel(*MakeTinyModel({.vocabulary = 259, .pieces = {"xy"}}), *target).error().what,
            "draft model memory: its tokens are not those of memory: a vocabulary of 259, expected 258");
  const auto more = MakeTinyModel({.vocabulary = 259, .pieces = {"xz"}});
  EXPECT_EQ(CheckDraftModel(*MakeTinyModel({.vocabulary = 259, .pieces = {"xy"}}), *more).error().what,
            "draft model memory: its tokens are not those of memory: token 258 is 'xy', expected 'xz'");
}

TEST(ParseSpeculation, NamesWhatThereIs) {
  EXPECT_EQ(ParseSpeculation("auto", false).value(), Speculation::kNgram);
  EXPECT_EQ(ParseSpeculation("auto", true).value(), Speculation::kDraft);
  EXPECT_EQ(ParseSpeculation("off", true).value(), Speculation::kOff);
  EXPECT_EQ(ParseSpeculation("draft", false).error().what,
            "speculation: draft, expected a draft model with it");
  EXPECT_FALSE(ParseSpeculation("medusa", false).ok());
}

}  // namespace
}  // namespace tern
