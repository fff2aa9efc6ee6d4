#include "engine/engine.h"

#include <gtest/gtest.h>

#include <cstring>

#include "engine/count_allocations.h"
#include "engine/sequences.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

struct Answer {
  std::string text;
  std::vector<int32_t> tokens;
  Outcome outcome;
  bool finished = false;
};

Request Ask(const std::string& prompt, Answer* answer, int max_tokens = 8) {
  Request request;
  request.prompt.assign(prompt.begin(), prompt.end());
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.ignore_end = true;
  request.on_text = [answer](std::string_view text) { answer->text += text; };
  request.on_token = [answer](int32_t token) { answer->tokens.push_back(token); };
  request.on_finish = [answer](const Outcome& outcome) {
    EXPECT_FALSE(answer->finished) << "finished twice";
    answer->outcome = outcome;
    answer->finished = true;
  };
  return request;
}

std::unique_ptr<Engine> MakeEngine(
    RunnerOptions options = {.context = 128, .sequences = 4, .step_tokens = 32}, EngineOptions engine = {}) {
  auto runner = Runner::Make(MakeTinyModel(), options);
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  return std::make_unique<Engine>(std::move(runner).value(), std::move(engine));
}

void RunAll(Engine& engine) {
  for (int steps = 0; engine.Step(); ++steps) ASSERT_LT(steps, 10000);
}

TEST(Engine, AnswersTheSameAloneAndTogether) {
  const auto engine = MakeEngine();
  const std::string prompts[] = {"one", "a somewhat longer prompt that takes two steps to read", "three",
                                 "4"};
  std::vector<std::vector<int32_t>> alone;
  for (const std::string& prompt : prompts) {
    Answer answer;
    ASSERT_TRUE(engine->Submit(Ask(prompt, &answer)).ok());
    RunAll(*engine);
    EXPECT_EQ(answer.outcome.reason, FinishReason::kLength);
    EXPECT_EQ(answer.tokens.size(), 8u);
    alone.push_back(answer.tokens);
  }
  Answer together[4];
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(engine->Submit(Ask(prompts[i], &together[i])).ok());
  RunAll(*engine);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(together[i].tokens, alone[i]) << i;
}

std::unique_ptr<Runner> MakeAnsweringRunner(RunnerOptions options) {
  auto model = LoadModel([] {
    auto checkpoint = MakeTinyCheckpoint({.architecture = "t5"});
    checkpoint->metadata_.Set("t5.decoder_start_token_id", int64_t{256});
    return checkpoint;
  }());
  EXPECT_TRUE(model.ok()) << model.error().what;
  auto runner = Runner::Make(model.value(), options);
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  return std::move(runner).value();
}

std::unique_ptr<Engine> MakeAnswerer(const RunnerOptions& options) {
  return std::make_unique<Engine>(MakeAnsweringRunner(options));
}

// The likeliest tokens behind the start token, by hand.
std::vector<int32_t> GreedyAnswer(Runner& runner, std::string_view source, size_t count) {
  Sequences sequences(&runner);
  const SequenceId id = sequences.Open().value();
  EXPECT_TRUE(sequences.ReadSource(id, std::vector<int32_t>(source.begin(), source.end())).ok());
  std::vector<int32_t> answer = {256};
  while (answer.size() <= count) {
    const StepWork work{id, std::span(answer).last(1), WantLogits::kLast};
    EXPECT_TRUE(sequences.Step({&work, 1}).ok());
    const auto logits = runner.Logits(0);
    answer.push_back(static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin()));
  }
  return {answer.begin() + 1, answer.end()};
}

TEST(Engine, AnEncoderDecoderAnswersItsSourceAloneAndTogether) {
  const RunnerOptions options{.context = 64, .sequences = 3, .step_tokens = 8};
  const auto engine = MakeAnswerer(options);
  const auto alone = MakeAnsweringRunner(options);
  const std::string sources[] = {"one", std::string(64, 'x'), "a source of more tokens than a step has"};
  Answer together[3];
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine->Submit(Ask(sources[i], &together[i])).ok());
  RunAll(*engine);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(together[i].tokens, GreedyAnswer(*alone, sources[i], 8)) << i;
    EXPECT_EQ(together[i].outcome.prompt_tokens, static_cast<int>(sources[i].size()));
    EXPECT_EQ(together[i].outcome.reason, FinishReason::kLength);
  }
}

TEST(Engine, SourcesShareNothing) {
  const RunnerOptions options{.context = 64, .sequences = 2, .step_tokens = 8};
  const auto engine = MakeAnswerer(options);
  const auto alone = MakeAnsweringRunner(options);
  for (const std::string source : {"first", "second, and longer", "first"}) {
    Answer answer;
    ASSERT_TRUE(engine->Submit(Ask(source, &answer, 40)).ok());
    RunAll(*engine);
    EXPECT_EQ(answer.tokens, GreedyAnswer(*alone, source, 40)) << source;
    EXPECT_EQ(answer.outcome.cached_tokens, 0);
  }
}

TEST(Engine, ASourceBeyondTheContextIsRefusedOrCut) {
  const auto engine = MakeAnswerer({.context = 64, .step_tokens = 8});
  Answer answer;
  Request request = Ask(std::string(65, 'x'), &answer);
  EXPECT_EQ(engine->Submit(request).error().what,
            "prompt: 65 tokens, the context of 64 leaves room for 64; shorten it, or see --on-overflow and "
            "--context");
  request.on_overflow = OnOverflow::kTruncateMiddle;
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(answer.outcome.reason, FinishReason::kLength);
}

TEST(Engine, AnAnswerBeyondTheContextKeepsItsSource) {
  const auto engine = MakeAnswerer({.context = 32, .step_tokens = 8});
  Answer cut, shifted;
  ASSERT_TRUE(engine->Submit(Ask("a source", &cut, 100)).ok());
  RunAll(*engine);
  EXPECT_EQ(cut.outcome.reason, FinishReason::kLength);
  EXPECT_EQ(cut.tokens.size(), 31u);  // behind the start
  Request request = Ask("a source", &shifted, 100);
  request.on_overflow = OnOverflow::kShift;
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  ASSERT_EQ(shifted.tokens.size(), 100u);
  EXPECT_TRUE(std::equal(cut.tokens.begin(), cut.tokens.end(), shifted.tokens.begin()));
}

TEST(Engine, ASourceWaitsForBlocks) {
  const RunnerOptions options{.context = 64, .sequences = 2, .kv_tokens = 32, .step_tokens = 8};
  const auto engine = MakeAnswerer(options);
  const auto alone = MakeAnsweringRunner({.context = 64});
  Answer first, second;
  ASSERT_TRUE(engine->Submit(Ask(std::string(40, 'x'), &first)).ok());
  ASSERT_TRUE(engine->Submit(Ask(std::string(40, 'y'), &second)).ok());
  engine->Step();
  EXPECT_EQ(engine->counts().running, 1);
  RunAll(*engine);
  EXPECT_EQ(first.tokens.size(), 8u);
  EXPECT_EQ(second.tokens, GreedyAnswer(*alone, std::string(40, 'y'), 8));
}

TEST(Engine, AConversationComputesOnlyWhatIsNew) {
  const auto engine = MakeEngine();
  Answer first, second, stranger, fresh;
  ASSERT_TRUE(engine->Submit(Ask("hello there", &first, 30)).ok());
  RunAll(*engine);
  EXPECT_EQ(first.outcome.cached_tokens, 0);
  Request next = Ask("hello there", &second);
  next.prompt.insert(next.prompt.end(), first.tokens.begin(), first.tokens.end());
  next.prompt.push_back('!');
  ASSERT_TRUE(engine->Submit(next).ok());
  RunAll(*engine);
  // Whole blocks; the last token of the first answer was never fed back.
  EXPECT_EQ(second.outcome.cached_tokens, (11 + 30 - 1) / 16 * 16);
  next = Ask("", &stranger);
  next.prompt.assign(engine->context() - 10, 'x');
  ASSERT_TRUE(engine->Submit(next).ok());
  RunAll(*engine);
  next = Ask("hello there", &fresh);
  next.prompt.insert(next.prompt.end(), first.tokens.begin(), first.tokens.end());
  next.prompt.push_back('!');
  next.tenant = "another";
  ASSERT_TRUE(engine->Submit(next).ok());
  RunAll(*engine);
  EXPECT_EQ(fresh.outcome.cached_tokens, 0);
  EXPECT_EQ(second.tokens, fresh.tokens);
}

TEST(Engine, CancelEndsARequestBeforeTheNextStep) {
  const auto engine = MakeEngine();
  Answer answer;
  const RequestId id = engine->Submit(Ask("abc", &answer, -1)).value();
  engine->Step();
  engine->Step();
  engine->Cancel(id);
  EXPECT_TRUE(answer.finished);
  EXPECT_EQ(answer.outcome.reason, FinishReason::kCancelled);
  EXPECT_EQ(answer.tokens.size(), 2u);
  EXPECT_FALSE(engine->Step());
  engine->Cancel(id);
}

TEST(Engine, CallbacksMayCancelCloseAndSubmit) {
  const auto engine = MakeEngine();
  Answer token, text, closed, bystander, again;
  RequestId id = -1;
  Request request = Ask("abc", &token, 50);
  request.on_token = [&](int32_t) { engine->Cancel(id); };
  id = engine->Submit(request).value();
  RunAll(*engine);
  EXPECT_EQ(token.outcome.reason, FinishReason::kCancelled);
  EXPECT_EQ(token.outcome.completion_tokens, 1);

  request = Ask("abc", &closed, 50);
  request.on_text = [&](std::string_view piece) {
    engine->Cancel(id);
    closed.text += piece;
  };
  request.on_finish = [&](const Outcome& outcome) {
    closed.outcome = outcome;
    closed.finished = true;
    engine->Cancel(id);
    EXPECT_TRUE(engine->Submit(Ask("again", &again)).ok());
  };
  id = engine->Submit(request).value();
  ASSERT_TRUE(engine->Submit(Ask("def", &bystander)).ok());
  RunAll(*engine);
  EXPECT_EQ(closed.outcome.reason, FinishReason::kCancelled);
  EXPECT_FALSE(closed.text.empty());
  EXPECT_EQ(bystander.tokens.size(), 8u);
  EXPECT_EQ(again.tokens.size(), 8u);
}

TEST(Engine, AFinishedRequestMayCancelAnotherThatFinishedWithIt) {
  const auto engine = MakeEngine();
  Answer a, b;
  RequestId second = -1;
  Request request = Ask("abc", &a, 3);
  request.on_finish = [&](const Outcome&) { engine->Cancel(second); };
  ASSERT_TRUE(engine->Submit(request).ok());
  second = engine->Submit(Ask("abc", &b, 3)).value();
  RunAll(*engine);
  EXPECT_TRUE(b.finished);
  EXPECT_EQ(b.outcome.reason, FinishReason::kLength);
}

// What throws in one request's callbacks ends it, and nobody else.
TEST(Engine, ACallbackThatThrowsFailsItsOwnRequest) {
  const auto engine = MakeEngine();
  Answer good, bad[4];
  ASSERT_TRUE(engine->Submit(Ask("abc", &good)).ok());
  Request request = Ask("abc", &bad[0]);
  request.on_start = [] { throw std::runtime_error("start"); };
  ASSERT_TRUE(engine->Submit(request).ok());
  request = Ask("abc", &bad[1]);
  request.on_token = [](int32_t) { throw std::runtime_error("token"); };
  ASSERT_TRUE(engine->Submit(request).ok());
  request = Ask("abc", &bad[2]);
  request.on_text = [](std::string_view) { throw std::runtime_error("text"); };
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(good.tokens.size(), 8u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bad[i].outcome.reason, FinishReason::kFailed) << i;
    EXPECT_EQ(bad[i].outcome.error.code, Code::kInternal) << i;
  }
  EXPECT_EQ(bad[1].outcome.error.what, "engine: token");
  request = Ask("abc", &bad[3]);
  request.on_finish = [](const Outcome&) { throw std::runtime_error("finish"); };
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_TRUE(engine->idle());
}

TEST(Engine, ADeadlineIsATypedFailure) {
  const auto engine = MakeEngine();
  Answer late, never;
  Request request = Ask("abc", &late, -1);
  request.deadline_s = 1e-9;
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(late.outcome.reason, FinishReason::kFailed);
  EXPECT_EQ(late.outcome.error.code, Code::kDeadline);
  EXPECT_EQ(late.outcome.error.what, "deadline: 1e-09 s, and the answer was not done");
  request.deadline_s = -1;
  EXPECT_FALSE(engine->Submit(request).ok());
}

TEST(Engine, MoreRequestsThanRunAtOnceWaitAndTooManyAreRefused) {
  EngineOptions options;
  options.queue.requests = 6;
  const auto engine = MakeEngine({.context = 128, .sequences = 2, .step_tokens = 32}, options);
  Answer answers[8], refused;
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(engine->Submit(Ask("abc", &answers[i])).ok());
  const auto full = engine->Submit(Ask("abc", &refused));
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, Code::kExhausted);
  EXPECT_GE(full.error().retry_after_s, 1);
  engine->Step();
  EXPECT_EQ(engine->counts().running, 2);
  EXPECT_EQ(engine->counts().waiting, 4);
  for (int i = 6; i < 8; ++i) ASSERT_TRUE(engine->Submit(Ask("abc", &answers[i])).ok());
  RunAll(*engine);
  for (const Answer& answer : answers) EXPECT_EQ(answer.tokens, answers[0].tokens);
  EXPECT_FALSE(refused.finished);
}

TEST(Engine, AModelWithoutLogitsIsRefused) {
  const auto encoder = LoadModel(MakeTinyCheckpoint(), {.hidden_states = true}).value();
  Engine engine(Runner::Make(encoder, {.context = 128}).value());
  Answer answer;
  EXPECT_EQ(engine.Submit(Ask("abc", &answer)).error().what,
            "memory: llama yields hidden states, expected a model that predicts tokens; embed, rerank and "
            "classify take encoders");
  EXPECT_TRUE(engine.idle());
}

TEST(Engine, ABadRequestIsRefusedAndHarmsNobody) {
  const auto engine = MakeEngine();
  Answer good, bad;
  ASSERT_TRUE(engine->Submit(Ask("abc", &good)).ok());
  Request request = Ask("abc", &bad);
  request.prompt[1] = 258;
  EXPECT_EQ(engine->Submit(request).error().what, "prompt: token id 258, expected 0 to 257");
  request.prompt[1] = -1;
  EXPECT_FALSE(engine->Submit(request).ok());
  EXPECT_EQ(engine->Submit(Ask("abc", &bad, 0)).error().what, "max-tokens: 0, expected -1 or at least 1");
  EXPECT_FALSE(engine->Submit(Ask("abc", &bad, -2)).ok());
  request = Ask("abc", &bad);
  request.sampling.order = {"nothing"};
  EXPECT_FALSE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(good.tokens.size(), 8u);
  EXPECT_FALSE(bad.finished);
}

TEST(Engine, StopStringsEndTheAnswerBeforeThem) {
  const auto engine = MakeEngine();
  Answer whole, cut;
  ASSERT_TRUE(engine->Submit(Ask("stop here", &whole, 12)).ok());
  RunAll(*engine);
  ASSERT_GE(whole.text.size(), 4u);
  Request request = Ask("stop here", &cut, 12);
  request.stop = {whole.text.substr(2, 2)};
  const size_t at = whole.text.find(request.stop[0]);
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(cut.outcome.reason, FinishReason::kStop);
  EXPECT_EQ(cut.text, whole.text.substr(0, at));
}

TEST(Engine, APromptThatDoesNotFitIsRefusedWithTheNumbers) {
  const auto engine = MakeEngine();
  Answer answer;
  const auto refused = engine->Submit(Ask(std::string(200, 'a'), &answer));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("prompt: 200 tokens, the context of 128 leaves room for 127"),
            std::string::npos)
      << refused.error().what;
  EXPECT_FALSE(engine->Submit(Ask("", &answer)).ok());
  EXPECT_TRUE(engine->idle());
}

TEST(Engine, TruncateMiddleKeepsBothEnds) {
  const auto engine = MakeEngine();
  Answer answer;
  Request request = Ask(std::string(200, 'a'), &answer);
  request.on_overflow = OnOverflow::kTruncateMiddle;
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(answer.outcome.reason, FinishReason::kLength);
  EXPECT_EQ(answer.tokens.size(), 8u);
  EXPECT_LT(answer.outcome.prompt_tokens, 128);
}

TEST(Engine, AFullContextEndsTheAnswerOrShifts) {
  const auto engine = MakeEngine({.context = 48, .sequences = 1, .step_tokens = 32});
  Answer ends, shifts;
  ASSERT_TRUE(engine->Submit(Ask("0123456789", &ends, -1)).ok());
  RunAll(*engine);
  EXPECT_EQ(ends.outcome.reason, FinishReason::kLength);
  EXPECT_EQ(ends.tokens.size(), 38u);
  Request request = Ask("0123456789", &shifts, 100);
  request.on_overflow = OnOverflow::kShift;
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(shifts.tokens.size(), 100u);
  EXPECT_TRUE(std::equal(ends.tokens.begin(), ends.tokens.end(), shifts.tokens.begin()));
}

TEST(Engine, APresencePenaltyIsForWhatTheAnswerSaid) {
  const auto engine = MakeEngine({.context = 48, .sequences = 1, .step_tokens = 32});
  Answer shifted;
  // A prompt that holds the token that comes next: this costs it nothing.
  Request request = Ask("abc", nullptr, 1);
  int32_t plain = -1, penalized = -1;
  for (int i = 0; std::count(request.prompt.begin(), request.prompt.end(), plain) == 0; ++i) {
    ASSERT_LT(i, 40);
    if (plain >= 0) request.prompt.insert(request.prompt.begin(), plain);
    request.on_text = nullptr;
    request.on_finish = nullptr;
    request.on_token = [&](int32_t token) { plain = token; };
    ASSERT_TRUE(engine->Submit(request).ok());
    RunAll(*engine);
  }
  request.sampling.presence_penalty = 100;
  request.on_token = [&](int32_t token) { penalized = token; };
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  EXPECT_EQ(penalized, plain);
  // An answer that outgrows the context repeats nothing that it still holds.
  request = Ask("abc", &shifted, 60);
  request.sampling.presence_penalty = 100;
  request.sampling.penalty_last_n = -1;
  request.on_overflow = OnOverflow::kShift;
  ASSERT_TRUE(engine->Submit(request).ok());
  RunAll(*engine);
  ASSERT_EQ(shifted.tokens.size(), 60u);
  for (size_t i = 0; i < 60; ++i) {
    const auto recent =
        std::span(shifted.tokens).subspan(i - std::min<size_t>(i, 20), std::min<size_t>(i, 20));
    EXPECT_EQ(std::count(recent.begin(), recent.end(), shifted.tokens[i]), 0) << i;
  }
}

TEST(Engine, ALongPromptShiftsAsIfItHadComeTokenByToken) {
  const auto engine = MakeEngine({.context = 48, .sequences = 1, .step_tokens = 32});
  // 6 stay; of what is behind 21 go at a time, so that at most 47 are left.
  for (const auto& [length, dropped] :
       {std::pair{47u, 0u}, {48u, 21u}, {68u, 21u}, {69u, 42u}, {500u, 462u}}) {
    std::string prompt;
    for (unsigned i = 0; i < length; ++i) prompt.push_back(static_cast<char>('a' + i % 26));
    Answer shifted, cut;
    Request request = Ask(prompt, &shifted, 3);
    request.on_overflow = OnOverflow::kShift;
    ASSERT_TRUE(engine->Submit(request).ok());
    RunAll(*engine);
    request = Ask(prompt.substr(0, 6) + prompt.substr(6 + dropped), &cut, 3);
    request.on_overflow = OnOverflow::kShift;
    ASSERT_TRUE(engine->Submit(request).ok());
    RunAll(*engine);
    EXPECT_EQ(shifted.outcome.prompt_tokens, length - dropped);
    EXPECT_EQ(shifted.tokens, cut.tokens) << length;
  }
}

TEST(Engine, DryBreakersAreTheTokensThatContainThem) {
  const auto model = MakeTinyModel({.vocabulary = 260, .pieces = {"a\xc4\x8a", "bb"}});  // "a\n"
  const std::vector<std::string> texts = {"\n", ":", "ab"};
  const DryBreakers breakers = FindDryBreakers(*model->tokenizer, texts);
  for (int32_t id = 0; id < 260; ++id) EXPECT_EQ(breakers.Is(id), id == '\n' || id == ':' || id == 258) << id;
  EXPECT_FALSE(breakers.Is(260));
  EXPECT_EQ(breakers.sequences, (std::vector<std::vector<int32_t>>{{'a', 'b'}}));
}

TEST(Engine, DryLeavesWhatFollowsABreakerAlone) {
  const auto engine = MakeEngine();
  // Forced to say "abcabc...", which DRY forbids unless something ends the sequence in between.
  const auto answer = [&](const std::string& prompt, std::vector<std::string> breakers) {
    int32_t said = -1;
    Request request = Ask(prompt, nullptr, 1);
    request.on_text = nullptr;
    request.on_finish = nullptr;
    request.on_token = [&](int32_t token) { said = token; };
    request.sampling.dry_multiplier = 100;
    request.sampling.dry_breakers = std::move(breakers);
    request.sampling.logit_bias = {{'c', 90.f}};
    EXPECT_TRUE(engine->Submit(request).ok());
    RunAll(*engine);
    return said;
  };
  const std::vector<std::string> standard = SamplingOptions().dry_breakers;
  EXPECT_NE(answer("xyabcxyab", standard), 'c');
  EXPECT_EQ(answer("xya:cxya:", standard), 'c');
  EXPECT_NE(answer("xya:cxya:", {}), 'c');
  EXPECT_NE(answer("xya:cxya:", {"\n"}), 'c');
  EXPECT_EQ(answer("xya\ncxya\n", {"\n"}), 'c');
}

// Pieces of 16 to 271 bytes, so that a longer one than all before may come at any step.
std::unique_ptr<Engine> MakeLongWindedEngine() {
  TinyModelOptions model;
  for (size_t i = 0; i < 256; ++i) {
    model.pieces.push_back(std::string(15, 'x') + static_cast<char>('a' + i % 26) + std::string(i, 'y'));
  }
  model.vocabulary += static_cast<int>(model.pieces.size());
  auto runner = Runner::Make(MakeTinyModel(model), {.context = 512, .sequences = 2, .step_tokens = 32});
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  return std::make_unique<Engine>(std::move(runner).value());
}

size_t AllocationsOf50Steps(Engine& engine, const SamplingOptions& sampling,
                            const std::vector<std::string>& stop) {
  Answer answers[2];
  size_t longest = 0;
  for (Answer& answer : answers) {
    Request request = Ask("warm up", &answer, 100);
    request.sampling = sampling;
    request.stop = stop;
    request.on_text = [&longest](std::string_view text) { longest = std::max(longest, text.size()); };
    request.on_token = [](int32_t) {};
    EXPECT_TRUE(engine.Submit(request).ok());
  }
  for (int i = 0; i < 4; ++i) engine.Step();
  const size_t before = HeapAllocations(), longest_before = longest;
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(engine.Step());
  const size_t allocations = HeapAllocations() - before;
  EXPECT_GT(longest, longest_before) << "nothing grew after the warm-up: the test shows little";
  RunAll(engine);
  return allocations;
}

TEST(Engine, ADecodeStepAllocatesNothingAfterWarmUp) {
  const auto engine = MakeLongWindedEngine();
  const SamplingOptions plain{.seed = 7, .temperature = 1.5f, .top_k = 0, .top_p = 1.f, .min_p = 0.f};
  EXPECT_EQ(AllocationsOf50Steps(*engine, plain, {}), 0u);
  EXPECT_EQ(AllocationsOf50Steps(*engine, plain, {"never said", std::string(300, 'y')}), 0u);
  SamplingOptions all = plain;
  all.top_k = 300;
  all.top_p = 0.99f;
  all.min_p = 1e-4f;
  all.typical_p = 0.99f;
  all.repetition_penalty = 1.1f;
  all.penalty_last_n = -1;
  all.dry_multiplier = 0.5f;
  all.xtc_probability = 0.5f;
  all.mirostat = 2;
  all.mirostat_tau = 8.f;
  all.logit_bias = {{65, 1.f}};
  for (const SamplerDesc* desc : AllSamplers()) all.order.emplace_back(desc->name);
  EXPECT_EQ(AllocationsOf50Steps(*engine, all, {}), 0u);
}

std::shared_ptr<const Grammar> RegexGrammar(std::string_view source) {
  return Grammar::Compile(*FindGrammarForm("regex").value(), source).value();
}

TEST(Engine, HoldsAnAnswerToItsGrammarAndLeavesOthersAlone) {
  const auto engine = MakeEngine();
  Answer free_alone, free_together, held;
  ASSERT_TRUE(engine->Submit(Ask("some prompt", &free_alone)).ok());
  RunAll(*engine);
  Request request = Ask("some prompt", &held, 20);
  request.grammar = RegexGrammar("[0-9]{3}-x");
  ASSERT_TRUE(engine->Submit(std::move(request)).ok());
  ASSERT_TRUE(engine->Submit(Ask("some prompt", &free_together)).ok());
  RunAll(*engine);
  EXPECT_EQ(held.outcome.reason, FinishReason::kStop);
  ASSERT_EQ(held.text.size(), 5u);
  EXPECT_EQ(held.text.substr(3), "-x");
  EXPECT_EQ(free_together.tokens, free_alone.tokens);
}

// A head of many tokens computes the likeliest only where nobody looks at others; a grammar does.
TEST(Engine, AGrammarMayWantWhatIsUnlikely) {
  const auto model = MakeTinyModel({.vocabulary = 100'000, .formats = {"q8_0"}});
  auto runner = Runner::Make(model, {.context = 64});
  ASSERT_TRUE(runner.ok()) << runner.error().what;
  Engine engine(std::move(runner).value());
  Answer held;
  Request request = Ask("some prompt", &held, 20);
  request.grammar = RegexGrammar("[0-9]{3}-x");
  ASSERT_TRUE(engine.Submit(std::move(request)).ok());
  RunAll(engine);
  EXPECT_EQ(held.outcome.reason, FinishReason::kStop) << held.outcome.error.what;
  EXPECT_EQ(held.text.size(), 5u);
}

TEST(Engine, SaysHowLikelyTokensWereAsTheModelSeesThem) {
  const auto engine = MakeEngine();
  std::vector<TokenLogprobs> all[2];
  Answer answers[2];
  for (int i = 0; i < 2; ++i) {
    Request request = Ask("a prompt", &answers[i]);
    request.top_logprobs = 3;
    request.on_logprobs = [&, i](TokenLogprobs logprobs) { all[i].push_back(std::move(logprobs)); };
    // What samplers do to the logits does not show.
    if (i == 1) request.sampling.logit_bias = {{answers[0].tokens[0], 50.f}};
    ASSERT_TRUE(engine->Submit(std::move(request)).ok());
    RunAll(*engine);
    ASSERT_EQ(all[i].size(), answers[i].tokens.size());
    for (size_t t = 0; t < all[i].size(); ++t) EXPECT_EQ(all[i][t].token, answers[i].tokens[t]);
  }
  for (const TokenLogprobs& greedy : all[0]) {
    EXPECT_EQ(greedy.top[0].id, greedy.token);
    EXPECT_EQ(greedy.top[0].logit, greedy.logprob);
    EXPECT_LT(greedy.top[2].logit, greedy.top[1].logit);
  }
  EXPECT_EQ(all[0][0].logprob, all[1][0].logprob);
}

// Of each token behind the first, from the runner's own logits.
std::vector<TokenLogprobs> ScoresOf(const std::vector<int32_t>& tokens) {
  auto runner = Runner::Make(MakeTinyModel(), {.context = 128, .step_tokens = 128, .step_outputs = 128});
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  Sequences sequences(runner.value().get());
  const StepWork work{sequences.Open().value(), tokens, WantLogits::kAll};
  EXPECT_TRUE(sequences.Step({&work, 1}).ok());
  std::vector<TokenLogprobs> scores;
  for (size_t i = 1; i < tokens.size(); ++i) {
    scores.push_back(FindLogprobs(runner.value()->Logits(static_cast<int>(i) - 1), tokens[i], 2));
  }
  return scores;
}

Request AskForScores(const std::string& prompt, Answer* answer, std::vector<TokenLogprobs>* scores) {
  Request request = Ask(prompt, answer, 0);
  request.top_logprobs = 2;
  request.on_prompt_logprobs = [scores](TokenLogprobs p) { scores->push_back(std::move(p)); };
  return request;
}

void ExpectScores(const std::vector<TokenLogprobs>& got, const std::string& prompt) {
  const auto want = ScoresOf({prompt.begin(), prompt.end()});
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].token, want[i].token) << i;
    EXPECT_EQ(got[i].logprob, want[i].logprob) << i;
    ASSERT_EQ(got[i].top.size(), 2u) << i;
    EXPECT_EQ(got[i].top[1].logit, want[i].top[1].logit) << i;
  }
}

TEST(Engine, SaysHowLikelyAPromptIs) {
  const auto engine = MakeEngine({.context = 128, .sequences = 3, .step_tokens = 32, .step_outputs = 3 + 7});
  const std::string prompts[] = {
      "a prompt of many more tokens than a step has logits for, and again: a prompt", "b"};
  Answer answers[2], stranger;
  std::vector<TokenLogprobs> scores[2];
  ASSERT_TRUE(engine->Submit(Ask(prompts[0], &stranger, 20)).ok());  // its prefix is not taken
  for (int i = 0; i < 5; ++i) engine->Step();
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(engine->Submit(AskForScores(prompts[i], &answers[i], &scores[i])).ok());
  RunAll(*engine);
  for (int i = 0; i < 2; ++i) {
    ExpectScores(scores[i], prompts[i]);
    EXPECT_EQ(answers[i].outcome.reason, FinishReason::kLength) << answers[i].outcome.error.what;
    EXPECT_TRUE(answers[i].tokens.empty());
  }
  EXPECT_EQ(stranger.tokens.size(), 20u);
}

TEST(Engine, WhoGaveWayIsScoredOnce) {
  const auto engine = MakeEngine({.context = 64, .kv_tokens = 64, .step_tokens = 32, .step_outputs = 6});
  const std::string prompt = "as far as this it came, and then another was first";
  Answer answer, other;
  std::vector<TokenLogprobs> scores;
  Request request = AskForScores(prompt, &answer, &scores);
  request.priority = Priority::kLow;
  ASSERT_TRUE(engine->Submit(std::move(request)).ok());
  for (int i = 0; i < 3; ++i) engine->Step();
  EXPECT_GT(scores.size(), 5u);
  request = Ask("something else", &other);
  request.priority = Priority::kHigh;
  ASSERT_TRUE(engine->Submit(std::move(request)).ok());
  RunAll(*engine);
  EXPECT_EQ(engine->counts().preemptions, 1u);
  ExpectScores(scores, prompt);
}

TEST(Engine, ScoresNeedARunnerWithRoomForLogits) {
  Answer answer;
  std::vector<TokenLogprobs> scores;
  const auto refused = MakeEngine()->Submit(AskForScores("a prompt", &answer, &scores));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
}

// An answer and the bits of its likelihoods.
struct Said {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  Outcome outcome;
};

Request AskWithLogprobs(const std::vector<int32_t>& prompt, Said* said, int max_tokens = 24) {
  Request request;
  request.prompt = prompt;
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.ignore_end = true;
  request.top_logprobs = 5;
  request.on_logprobs = [said](const TokenLogprobs& p) {
    said->tokens.push_back(p.token);
    said->logprobs.push_back(p.logprob);
    for (const Candidate& candidate : p.top) said->logprobs.push_back(candidate.logit);
  };
  request.on_finish = [said](const Outcome& outcome) { said->outcome = outcome; };
  return request;
}

std::vector<int32_t> SomeTokens(int n, int seed) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back((i * 37 + seed * 101 + 5) % 251);
  return tokens;
}

class SameAnswer : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Engine> Make(RunnerOptions options, EngineOptions engine = {}) const {
    options.own_window_blocks = engine.prefix_cache;  // not for the answer that the others are compared with
    auto runner = Runner::Make(model_, options);
    EXPECT_TRUE(runner.ok()) << runner.error().what;
    EXPECT_EQ(runner.value()->window_tokens(), options.own_window_blocks ? window_ : 0);
    return std::make_unique<Engine>(std::move(runner).value(), std::move(engine));
  }
  Said Ask(Engine& engine) const {
    Said said;
    EXPECT_TRUE(engine.Submit(AskWithLogprobs(prompt_, &said)).ok());
    RunAll(engine);
    return said;
  }
  void ExpectSame(const Said& got, const std::string& what) {
    EXPECT_EQ(got.tokens, want_.tokens) << what;
    ASSERT_EQ(got.logprobs.size(), want_.logprobs.size()) << what;
    EXPECT_EQ(std::memcmp(got.logprobs.data(), want_.logprobs.data(), got.logprobs.size() * sizeof(float)), 0)
        << what;
  }
  void SetUp() override {
    model_ = MakeTinyModel({.architecture = GetParam()});
    window_ = model_->hparams().window;
    want_ = Ask(*Make({.context = 256, .step_tokens = 256}, {.prefix_cache = false}));
    ASSERT_EQ(want_.tokens.size(), 24u);
  }

  std::shared_ptr<const LoadedModel> model_;
  int window_ = 0;
  const std::vector<int32_t> prompt_ = SomeTokens(100, 0);
  Said want_;
};

// The rule of determinism, as far as a client can see.
TEST_P(SameAnswer, InChunksOfAnySize) {
  for (const int chunk : {1, 7, 16, 99}) {
    ExpectSame(Ask(*Make({.context = 256, .step_tokens = chunk})), "chunks of " + std::to_string(chunk));
  }
}

TEST_P(SameAnswer, AmongStrangers) {
  const auto engine = Make({.context = 256, .sequences = 9, .step_tokens = 64}, {.mixed_step_tokens = 24});
  Said strangers[8], said;
  for (int i = 0; i < 8; ++i) {
    if (i == 4) {
      ASSERT_TRUE(engine->Submit(AskWithLogprobs(prompt_, &said)).ok());
    }
    ASSERT_TRUE(engine->Submit(AskWithLogprobs(SomeTokens(20 + 30 * i, i + 1), &strangers[i])).ok());
  }
  RunAll(*engine);
  ExpectSame(said, "among strangers");
}

TEST_P(SameAnswer, BehindAPrefixThatOthersComputed) {
  const auto engine = Make({.context = 256, .sequences = 4, .step_tokens = 64});
  Ask(*engine);
  const Said again = Ask(*engine);
  EXPECT_EQ(again.outcome.cached_tokens, 96);
  ExpectSame(again, "the same again");
  const auto others = Make({.context = 256, .sequences = 4, .step_tokens = 64});
  std::vector<int32_t> begins_alike = prompt_;
  begins_alike.resize(70);
  begins_alike.resize(120, 9);
  Said ignored, together[3];
  ASSERT_TRUE(others->Submit(AskWithLogprobs(begins_alike, &ignored)).ok());
  RunAll(*others);
  for (Said& said : together) ASSERT_TRUE(others->Submit(AskWithLogprobs(prompt_, &said)).ok());
  RunAll(*others);
  EXPECT_EQ(together[0].outcome.cached_tokens, 64);
  EXPECT_EQ(together[2].outcome.cached_tokens, 96);
  for (const Said& said : together) ExpectSame(said, "three at once, behind a part");
}

TEST_P(SameAnswer, AfterAPreemption) {
  for (const int stranger : {20, 200}) {  // that leaves its blocks in the tree, or drives them out
    const auto engine = Make({.context = 256, .step_tokens = 64});
    Said said, other;
    Request request = AskWithLogprobs(prompt_, &said);
    request.priority = Priority::kLow;
    ASSERT_TRUE(engine->Submit(std::move(request)).ok());
    for (int i = 0; i < 9; ++i) engine->Step();
    request = AskWithLogprobs(SomeTokens(stranger, 3), &other);
    request.priority = Priority::kHigh;
    ASSERT_TRUE(engine->Submit(std::move(request)).ok());
    RunAll(*engine);
    EXPECT_EQ(said.outcome.preemptions, 1);
    EXPECT_EQ(engine->counts().evicted_blocks > 0, stranger == 200);
    ExpectSame(said, "after a preemption by " + std::to_string(stranger));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, SameAnswer, testing::Values("llama", "gemma3"));

}  // namespace
}  // namespace tern
