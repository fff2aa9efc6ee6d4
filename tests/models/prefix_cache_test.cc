// What a prompt costs whose first 1,500 tokens were computed before: the time to its first token, beside that
// of a prompt that nobody has asked. The best of a few, so that a busy machine does not decide.

#include <gtest/gtest.h>

#include "cli/model_store_options.h"
#include "engine/engine.h"

namespace tern {
namespace {

struct Asked {
  double first_token_s = 0;
  int cached_tokens = 0;
  std::vector<int32_t> answer;
};

Asked Ask(Engine& engine, std::vector<int32_t> prompt) {
  Asked asked;
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = 8;
  request.ignore_end = true;
  request.on_token = [&](int32_t token) { asked.answer.push_back(token); };
  request.on_finish = [&](const Outcome& outcome) {
    asked.first_token_s = outcome.first_token_s;
    asked.cached_tokens = outcome.cached_tokens;
  };
  EXPECT_TRUE(engine.Submit(std::move(request)).ok());
  while (engine.Step()) {
  }
  return asked;
}

class PrefixCache : public testing::TestWithParam<const char*> {};

// Gemma's layers with a window of 512 positions have given back what is further away.
TEST_P(PrefixCache, AKnownPrefixTakesATwentiethOfTheTime) {
  constexpr int kPrefix = 1500, kQuestion = 8, kRounds = 3;
  const auto files = ObtainModel(GetParam(), true);
  ASSERT_TRUE(files.ok()) << files.error().what;
  const auto model = LoadModel(files.value().path);
  ASSERT_TRUE(model.ok()) << model.error().what;
  auto runner =
      Runner::Make(model.value(), {.context = 2048, .sequences = kRounds, .own_window_blocks = true});
  ASSERT_TRUE(runner.ok()) << runner.error().what;
  Engine engine(std::move(runner).value());
  double cold = 1e9, warm = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<int32_t> prompt;
    for (int i = 0; i < kPrefix + kQuestion; ++i) prompt.push_back((i * 7919 + round * 31 + 13) % 49000);
    const Asked first = Ask(engine, prompt);
    EXPECT_EQ(first.cached_tokens, 0);
    const Asked again = Ask(engine, prompt);
    EXPECT_EQ(again.answer, first.answer);
    for (int i = 0; i < kQuestion; ++i) ++prompt[kPrefix + static_cast<size_t>(i)];
    const Asked other = Ask(engine, prompt);
    EXPECT_EQ(other.cached_tokens, kPrefix / 16 * 16);
    cold = std::min(cold, first.first_token_s);
    warm = std::min(warm, other.first_token_s);
  }
  std::printf("%s: first token of %d + %d tokens: %.1f ms cold, %.1f ms with the prefix cached, %.2f %%\n",
              GetParam(), kPrefix, kQuestion, 1e3 * cold, 1e3 * warm, 100 * warm / cold);
  EXPECT_LE(warm, 0.05 * cold);
}

INSTANTIATE_TEST_SUITE_P(Models, PrefixCache, testing::Values("smollm2", "gemma3-270m"));

}  // namespace
}  // namespace tern
