#include "engine/compare.h"

#include <gtest/gtest.h>

#include "engine/tiny_model.h"

namespace tern {
namespace {

TEST(Compare, RefusesModelsWithoutLogits) {
  const RunnerOptions options{.context = 64, .step_tokens = 64, .step_outputs = 64};
  const auto model = Runner::Make(MakeTinyModel(), options).value();
  const auto encoder =
      Runner::Make(LoadModel(MakeTinyCheckpoint(), {.hidden_states = true}).value(), options).value();
  // Ids beyond the width of a row of hidden states.
  const std::vector<int32_t> text = {250, 251, 252};
  EXPECT_TRUE(Compare(*model, nullptr, text, {.window = 64}, {}).ok());
  for (const auto& refused : {Compare(*encoder, nullptr, text, {.window = 64}, {}),
                              Compare(*model, encoder.get(), text, {.window = 64}, {})}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().what.starts_with("memory: llama yields hidden states"))
        << refused.error().what;
  }
  const auto answerer = Runner::Make(MakeTinyModel({.architecture = "t5"}), options).value();
  const auto refused = Compare(*answerer, nullptr, text, {.window = 64}, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what, "memory: t5 answers a source, expected a model that continues a text");
}

}  // namespace
}  // namespace tern
