#include <gtest/gtest.h>

#include <cstring>

#include "engine/sequences.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

std::vector<int32_t> Tokens(int n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 256);
  return tokens;
}

std::unique_ptr<Runner> MakeRunner(const std::shared_ptr<const LoadedModel>& model, RunnerOptions options) {
  auto runner = Runner::Make(model, options);
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  return std::move(runner).value();
}

using Rows = std::vector<std::vector<float>>;

void Append(const Runner& runner, int first, int count, Rows* rows) {
  for (int i = 0; i < count; ++i) {
    const auto row = runner.Logits(first + i);
    rows->emplace_back(row.begin(), row.end());
  }
}

// Of an encoder-decoder: one that is long enough to be split over threads, or a short one.
SequenceId OpenWithSource(Runner& runner, Sequences& sequences, unsigned seed, int source_tokens) {
  const SequenceId id = sequences.Open().value();
  if (runner.source_tokens() == 0) return id;
  const Status status = sequences.ReadSource(id, Tokens(source_tokens, seed));
  EXPECT_TRUE(status.ok()) << status.error().what;
  return id;
}

constexpr unsigned kSource = 77;
constexpr int kSourceTokens = 300;

// The logits of every position, computed in steps of `chunk` tokens; where `threads_change`, each on other
// threads than the one before.
Rows Alone(Runner& runner, const std::vector<int32_t>& tokens, int chunk, bool threads_change = false) {
  Sequences sequences(&runner);
  const SequenceId id = OpenWithSource(runner, sequences, kSource, kSourceTokens);
  Rows rows;
  for (size_t done = 0; done < tokens.size(); done += static_cast<size_t>(chunk)) {
    const size_t n = std::min(tokens.size() - done, static_cast<size_t>(chunk));
    const StepWork work{id, std::span(tokens).subspan(done, n), WantLogits::kAll};
    if (threads_change) {
      const int threads = 1 + static_cast<int>(done) % runner.threads();
      runner.UseThreads(Runner::Rows::kFew, threads);
      runner.UseThreads(Runner::Rows::kMany, runner.threads() + 1 - threads);
    }
    const Status status = sequences.Step({&work, 1});
    EXPECT_TRUE(status.ok()) << status.error().what;
    Append(runner, 0, static_cast<int>(n), &rows);
  }
  return rows;
}

// The same among seven strangers, who take part in every step with chunks of other sizes.
Rows AmongStrangers(Runner& runner, const std::vector<int32_t>& tokens, int chunk) {
  Sequences sequences(&runner);
  std::vector<SequenceId> ids;
  std::vector<std::vector<int32_t>> texts;
  for (unsigned i = 0; i < 8; ++i) {
    ids.push_back(i == 3 ? OpenWithSource(runner, sequences, kSource, kSourceTokens)
                         : OpenWithSource(runner, sequences, i, 1 + 29 * static_cast<int>(i)));
    texts.push_back(i == 3 ? tokens : Tokens(static_cast<int>(tokens.size()), 100 + i));
  }
  Rows rows;
  std::vector<size_t> done(8, 0);
  while (done[3] < tokens.size()) {
    std::vector<StepWork> work;
    int before = 0, mine = 0;
    for (size_t i = 0; i < 8; ++i) {
      const size_t wanted = i == 3 ? static_cast<size_t>(chunk) : 1 + (i * 5 + done[3]) % 9;
      const size_t n = std::min(texts[i].size() - done[i], wanted);
      if (n == 0) continue;
      work.push_back({ids[i], std::span(texts[i]).subspan(done[i], n), WantLogits::kAll});
      if (i < 3) before += static_cast<int>(n);
      if (i == 3) mine = static_cast<int>(n);
      done[i] += n;
    }
    const Status status = sequences.Step(work);
    EXPECT_TRUE(status.ok()) << status.error().what;
    Append(runner, before, mine, &rows);
  }
  return rows;
}

void ExpectSameBits(const Rows& got, const Rows& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(std::memcmp(got[i].data(), want[i].data(), want[i].size() * sizeof(float)), 0)
        << what << ", row " << i;
  }
}

struct Setup {
  std::string architecture;
  Precision precision;
  std::vector<std::string> formats = TinyModelOptions().formats;
};

class SameBits : public testing::TestWithParam<Setup> {};

// The rule of determinism: batch, chunks and threads change no bit of a sequence's logits.
TEST_P(SameBits, WhateverTheBatchTheChunkAndTheThreads) {
  const auto model = MakeTinyModel({.architecture = GetParam().architecture, .formats = GetParam().formats});
  RunnerOptions options{
      .precision = GetParam().precision, .context = kSourceTokens, .sequences = 8, .step_tokens = 256};
  options.step_outputs = 256;
  options.threads = 1;
  const auto one = MakeRunner(model, options);
  options.threads = 2;
  const auto two = MakeRunner(model, options);
  const std::vector<int32_t> tokens = Tokens(70, 5);
  const Rows want = Alone(*one, tokens, 70);
  for (const int chunk : {1, 7, 64}) {
    ExpectSameBits(Alone(*one, tokens, chunk), want, "chunks of " + std::to_string(chunk));
  }
  ExpectSameBits(Alone(*two, tokens, 70), want, "2 threads");
  ExpectSameBits(Alone(*two, tokens, 7), want, "2 threads, chunks of 7");
  ExpectSameBits(AmongStrangers(*one, tokens, 6), want, "8 sequences");
  ExpectSameBits(AmongStrangers(*two, tokens, 1), want, "8 sequences, 2 threads");
  options.threads = 3;
  const auto three = MakeRunner(model, options);
  for (const int chunk : {1, 7, 11}) {
    ExpectSameBits(Alone(*three, tokens, chunk, true), want,
                   "1 to 3 threads, chunks of " + std::to_string(chunk));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, SameBits,
    testing::Values(Setup{"llama", Precision::kFast}, Setup{"llama", Precision::kDefault},
                    Setup{"llama", Precision::kPrecise}, Setup{"llama", Precision::kExact},
                    Setup{"gemma3", Precision::kDefault}, Setup{"gemma3", Precision::kExact},
                    Setup{"t5", Precision::kDefault}, Setup{"t5", Precision::kExact},
                    Setup{"llama", Precision::kDefault, {"bf16"}},
                    Setup{"gemma3", Precision::kFast, {"bf16"}},
                    Setup{"llama", Precision::kPrecise, {"bf16"}},
                    Setup{"llama", Precision::kDefault, {"f16"}},
                    Setup{"llama", Precision::kDefault, {"bf16", "f32", "q8_0"}}));

TEST(Runner, ASourceStaysUntilAnotherOneComes) {
  const auto model = MakeTinyModel({.architecture = "t5"});
  const auto runner = MakeRunner(model, {.context = kSourceTokens, .step_outputs = 64});
  const std::vector<int32_t> tokens = Tokens(20, 1);
  const Rows want = Alone(*runner, tokens, 20);
  Sequences sequences(runner.get());
  const SequenceId id = OpenWithSource(*runner, sequences, 5, 40);
  const StepWork work{id, tokens, WantLogits::kAll};
  const auto step = [&] {
    const Status status = sequences.Step({&work, 1});
    EXPECT_TRUE(status.ok()) << status.error().what;
    Rows got;
    Append(*runner, 0, 20, &got);
    return got;
  };
  const Rows other = step();
  EXPECT_NE(other, want);
  sequences.Truncate(id, 0);
  ExpectSameBits(step(), other, "the same source");
  ASSERT_TRUE(sequences.ReadSource(id, Tokens(kSourceTokens, kSource)).ok());
  EXPECT_EQ(sequences.length(id), 0);
  ExpectSameBits(step(), want, "another source");
  // Blocks of a long source go with it.
  ASSERT_TRUE(sequences.ReadSource(id, Tokens(1, 1)).ok());
  EXPECT_EQ(sequences.free_tokens(),
            (kSourceTokens + kKvBlockTokens - 1) / kKvBlockTokens * kKvBlockTokens - 16);
}

TEST(Runner, SourceErrorsSayWhatIsWrong) {
  const auto runner = MakeRunner(MakeTinyModel({.architecture = "t5"}), {.context = 32});
  Sequences sequences(runner.get());
  const SequenceId id = sequences.Open().value();
  const auto error = [&](const std::vector<int32_t>& source) {
    return sequences.ReadSource(id, source).error().what;
  };
  EXPECT_EQ(error({}), "source: 0 tokens, expected 1 to 32, the context");
  EXPECT_EQ(error(Tokens(33, 1)), "source: 33 tokens, expected 1 to 32, the context");
  EXPECT_EQ(error({258}), "token id 258: outside the vocabulary, expected 0 to 257");
  const std::vector<int32_t> one = {1};
  const StepWork work{id, one, WantLogits::kLast};
  EXPECT_EQ(sequences.Step({&work, 1}).error().what,
            "step: the sequence has no source, expected one that the encoder has read");
  const auto decoder = MakeRunner(MakeTinyModel(), {.context = 32});
  Sequences others(decoder.get());
  EXPECT_EQ(others.ReadSource(others.Open().value(), one).error().what,
            "source: the model has no encoder, expected an encoder-decoder");
}

TEST(Runner, PassesChangeNoResultBeyondRounding) {
  const auto model = MakeTinyModel({.architecture = "gemma3"});
  RunnerOptions options{.precision = Precision::kExact, .context = 64, .step_outputs = 40};
  const std::vector<int32_t> tokens = Tokens(40, 9);
  const Rows all = Alone(*MakeRunner(model, options), tokens, 40);
  for (const PassDesc* pass : AllPasses()) options.disabled_passes.emplace_back(pass->name);
  const Rows none = Alone(*MakeRunner(model, options), tokens, 40);
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < all[i].size(); ++j) ASSERT_NEAR(all[i][j], none[i][j], 2e-3) << i << " " << j;
  }
}

TEST(Runner, TruncatedTokensAreForgotten) {
  const auto model = MakeTinyModel();
  const auto runner = MakeRunner(model, {.context = 64, .step_outputs = 64});
  const std::vector<int32_t> tokens = Tokens(30, 1), others = Tokens(20, 2);
  const Rows want = Alone(*runner, tokens, 30);
  Sequences sequences(runner.get());
  const SequenceId id = sequences.Open().value();
  std::vector<int32_t> wrong(tokens.begin(), tokens.begin() + 10);
  wrong.insert(wrong.end(), others.begin(), others.end());
  const StepWork first{id, wrong, WantLogits::kNone};
  ASSERT_TRUE(sequences.Step({&first, 1}).ok());
  sequences.Truncate(id, 10);
  EXPECT_EQ(sequences.length(id), 10);
  const StepWork second{id, std::span(tokens).subspan(10), WantLogits::kAll};
  ASSERT_TRUE(sequences.Step({&second, 1}).ok());
  Rows got;
  Append(*runner, 0, 20, &got);
  ExpectSameBits(got, Rows(want.begin() + 10, want.end()), "after truncation");
}

TEST(Runner, ErrorsNameTheNumbersAndChangeNothing) {
  const auto model = MakeTinyModel();
  const auto runner = MakeRunner(model, {.context = 32, .step_tokens = 16});
  Sequences sequences(runner.get());
  const SequenceId id = sequences.Open().value();
  const std::vector<int32_t> tokens = Tokens(17, 1);
  StepWork work{id, tokens, WantLogits::kLast};
  Status status = sequences.Step({&work, 1});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "step: 17 rows and 1 outputs, at most 16 and 1");
  const std::vector<int32_t> bad = {258};
  work.tokens = bad;
  status = sequences.Step({&work, 1});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "token id 258: outside the vocabulary, expected 0 to 257");
  EXPECT_EQ(sequences.length(id), 0);
  for (int i = 0; i < 2; ++i) {
    work.tokens = std::span(tokens).first(16);
    ASSERT_TRUE(sequences.Step({&work, 1}).ok());
  }
  work.tokens = std::span(tokens).first(1);
  status = sequences.Step({&work, 1});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "context: 33 tokens wanted, the context holds 32");
  EXPECT_EQ(sequences.Open().error().what, "sequences: all 1 are open");
}

TEST(Runner, PassReportsTellTheArenaThatThePlanTakes) {
  const auto model = MakeTinyModel();
  const RunnerOptions options{.threads = 2, .context = 64, .sequences = 3, .step_tokens = 40};
  Graph graph = model->built.graph;
  const auto backend = OpenBackend(options.backend, {.threads = options.threads});
  ASSERT_TRUE(backend.ok());
  const StepLimits limits = LimitsOf(options);
  const auto reports = RunPasses(graph, {.target = *backend.value()}, {}, &limits);
  ASSERT_TRUE(reports.ok());
  const auto runner = MakeRunner(model, options);
  EXPECT_EQ(reports.value().back().arena_after, runner->plan_bytes().arena);
}

TEST(Runner, AStepThatNoMachineCouldHoldIsRefusedWithTheNumbers) {
  const auto runner = Runner::Make(MakeTinyModel(), {.context = 64, .step_tokens = 1 << 30});
  ASSERT_FALSE(runner.ok());
  EXPECT_TRUE(runner.error().what.starts_with("activations: a step of 1073741824 tokens takes "))
      << runner.error().what;
}

TEST(Runner, ASharedPoolTakesWhatMemoryHolds) {
  const auto model = MakeTinyModel();
  const auto make = [&](int context, size_t memory_bytes) {
    return Runner::Make(model,
                        {.context = context, .sequences = 8, .kv_tokens = -1, .memory_bytes = memory_bytes});
  };
  const auto roomy = make(64, size_t{1} << 30);
  ASSERT_TRUE(roomy.ok());
  EXPECT_EQ(roomy.value()->kv_blocks(), 8 * 4);
  const size_t block = roomy.value()->bytes().kv / 32;
  const auto tight = make(4096, size_t{4} << 20);
  ASSERT_TRUE(tight.ok()) << tight.error().what;
  EXPECT_EQ(tight.value()->context(), 4096);
  EXPECT_EQ(static_cast<size_t>(tight.value()->kv_blocks()), (size_t{2} << 20) / block);
  const auto refused = make(1 << 20, size_t{4} << 20);
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().what.starts_with("context: 1048576 tokens take ")) << refused.error().what;
}

// What weights and a step take is not there for KV.
TEST(Runner, WeightsAndActivationsLeaveLessForKv) {
  const auto model = MakeTinyModel();
  RunnerOptions options{.context = 1024, .sequences = 8, .kv_tokens = -1, .step_tokens = 8};
  const auto roomy = Runner::Make(model, options);
  ASSERT_TRUE(roomy.ok());
  const size_t beside = roomy.value()->bytes().file + roomy.value()->plan_bytes().arena;
  options.memory_bytes = beside + roomy.value()->bytes().kv / 2;
  const auto tight = Runner::Make(model, options);
  ASSERT_TRUE(tight.ok()) << tight.error().what;
  EXPECT_LE(tight.value()->bytes().kv, roomy.value()->bytes().kv / 2);
  options.memory_bytes = beside;
  const auto full = Runner::Make(model, options);
  ASSERT_FALSE(full.ok());
  EXPECT_NE(full.error().what.find("at most 0 MiB allowed (of "), std::string::npos) << full.error().what;
}

TEST(Runner, LayersWithAWindowHaveFewBlocksOfTheirOwn) {
  const auto model = MakeTinyModel({.architecture = "gemma3"});
  RunnerOptions options{.context = 512, .sequences = 64, .step_tokens = 64};
  const auto whole = Runner::Make(model, options);
  options.own_window_blocks = true;
  const auto apart = Runner::Make(model, options);
  options.context = 24;  // the window
  const auto narrow = Runner::Make(model, options);
  ASSERT_TRUE(whole.ok() && apart.ok() && narrow.ok());
  EXPECT_EQ(whole.value()->window_tokens(), 0);
  EXPECT_EQ(apart.value()->window_tokens(), 24);
  EXPECT_EQ(apart.value()->kv_blocks(), 64 * 32);
  EXPECT_EQ(apart.value()->window_blocks(), 16 * 32);  // a quarter; a sequence needs seven
  EXPECT_LT(apart.value()->bytes().kv, whole.value()->bytes().kv);
  EXPECT_EQ(narrow.value()->window_tokens(), 0);
  options.context = 0;
  options.memory_bytes = apart.value()->bytes().kv;
  const auto tight = Runner::Make(model, options);
  ASSERT_TRUE(tight.ok()) << tight.error().what;
  EXPECT_LE(tight.value()->bytes().kv, options.memory_bytes / 2);
  EXPECT_GT(tight.value()->bytes().kv, options.memory_bytes * 2 / 5);
}

TEST(LoadModel, ATokenizerNeedsNoMoreRowsThanTheEmbeddingHas) {
  EXPECT_TRUE(LoadModel(MakeTinyCheckpoint({.vocabulary = 300})).ok());  // rows without a token are padding
  const auto model = LoadModel(MakeTinyCheckpoint({.vocabulary = 257}));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().what,
            "tokenizer.ggml.tokens: 258 tokens, expected at most 257, the rows of token_embd.weight");
}

}  // namespace
}  // namespace tern
