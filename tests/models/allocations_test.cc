// The catalogue models after warm-up: a decode step, and the text of any token, ask the heap for nothing.

#include <gtest/gtest.h>

#include "cli/model_store_options.h"
#include "engine/count_allocations.h"
#include "engine/engine.h"

namespace tern {
namespace {

class CatalogueModel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto files = ObtainModel(GetParam(), true);
    ASSERT_TRUE(files.ok()) << files.error().what;
    const auto model = LoadModel(files.value().path);
    ASSERT_TRUE(model.ok()) << model.error().what;
    auto runner = Runner::Make(model.value(), {.context = 128, .step_tokens = 32});
    ASSERT_TRUE(runner.ok()) << runner.error().what;
    engine_ = std::make_unique<Engine>(std::move(runner).value());
  }
  std::unique_ptr<Engine> engine_;
};

TEST_P(CatalogueModel, ADecodeStepAllocatesNothing) {
  Request request;
  engine_->tokenizer().Encode("Once upon a time", false, &request.prompt);
  request.sampling = {.seed = 3, .temperature = 2.f, .top_k = 0, .top_p = 1.f, .min_p = 0.f};  // rare words
  request.sampling.repetition_penalty = 1.1f;
  request.ignore_end = true;
  request.stop = {"a string that does not come"};
  ASSERT_TRUE(engine_->Submit(request).ok());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(engine_->Step());
  const size_t before = HeapAllocations();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(engine_->Step());
  EXPECT_EQ(HeapAllocations() - before, 0u);
}

TEST_P(CatalogueModel, TheTextOfATokenAllocatesNothing) {
  const Tokenizer& tokenizer = engine_->tokenizer();
  Detokenizer detokenizer(tokenizer, true);
  std::string text;
  text.reserve(detokenizer.max_text());
  size_t longest = 0;
  const size_t before = HeapAllocations();
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    text.clear();
    detokenizer.Push(id, &text);
    longest = std::max(longest, text.size());
  }
  EXPECT_EQ(HeapAllocations() - before, 0u);
  EXPECT_GT(longest, 15u);  // more than a std::string holds in itself
}

INSTANTIATE_TEST_SUITE_P(All, CatalogueModel, testing::Values("smollm2", "gemma3-270m"),
                         [](const auto& model) { return model.index == 0 ? "smollm2" : "gemma3"; });

}  // namespace
}  // namespace tern
