#include "engine/text_encoder.h"

#include <gtest/gtest.h>

#include "models/tiny_checkpoint.h"

namespace tern {
namespace {

// 512 bytes of keys and values per token in f32.
Result<std::unique_ptr<TextEncoder>> MakeEncoder(int context, EncoderOptions options) {
  auto model = LoadModel(MakeTinyCheckpoint({.context = context}), {.hidden_states = true});
  EXPECT_TRUE(model.ok()) << model.error().what;
  return TextEncoder::Make(model.value(), options);
}

TEST(TextEncoder, NeedsMemoryForAStepNotForFullContextsOfAllSequences) {
  // Sixty-four texts of 8192 tokens would take 256 MiB.
  auto encoder = MakeEncoder(8192, {.runner = {.memory_bytes = size_t{128} << 20}});
  ASSERT_TRUE(encoder.ok()) << encoder.error().what;
  EXPECT_EQ(encoder.value()->max_tokens(), 8192u);
  std::vector<EncoderText> texts(70, {.first = "to be or not to be"});
  texts.emplace_back().first.assign(5000, 'x');
  const auto vectors = encoder.value()->Embed(texts);
  ASSERT_TRUE(vectors.ok()) << vectors.error().what;
  EXPECT_EQ(vectors.value().size(), 71u);
  EXPECT_EQ(vectors.value()[0], vectors.value()[69]);
}

TEST(TextEncoder, ALengthThatWasNotAskedForIsCutToWhatFits) {
  auto encoder = MakeEncoder(1 << 20, {.runner = {.memory_bytes = size_t{128} << 20}});
  ASSERT_TRUE(encoder.ok()) << encoder.error().what;
  EXPECT_GE(encoder.value()->max_tokens(), 4096u);
  EXPECT_LT(encoder.value()->max_tokens(), 1u << 20);
}

TEST(TextEncoder, ALengthThatWasAskedForAndDoesNotFitIsAnErrorWithTheNumbers) {
  const auto encoder =
      MakeEncoder(1 << 20, {.runner = {.memory_bytes = size_t{128} << 20}, .max_tokens = 1 << 20});
  ASSERT_FALSE(encoder.ok());
  EXPECT_EQ(
      encoder.error().what,
      "context: 1048576 tokens for all of 64 sequences take 512 MiB of KV cache, at most 64 MiB allowed (of "
      "128 MiB of memory, beside 0 MiB of weights and 64 MiB of activations): 131072 tokens fit");
}

// As Hugging Face's tokenizers cut, tried there.
TEST(TextEncoder, CutsPairsAsTokenizersDoes) {
  using Pair = std::pair<size_t, size_t>;
  EXPECT_EQ(CutPair(30, 40, 70), Pair(30, 40));
  EXPECT_EQ(CutPair(300, 300, 509), Pair(254, 255));
  EXPECT_EQ(CutPair(300, 301, 509), Pair(254, 255));
  EXPECT_EQ(CutPair(301, 300, 509), Pair(255, 254));
  EXPECT_EQ(CutPair(300, 300, 508), Pair(254, 254));
  EXPECT_EQ(CutPair(40, 600, 509), Pair(40, 469));
  EXPECT_EQ(CutPair(600, 40, 509), Pair(469, 40));
  EXPECT_EQ(CutPair(254, 600, 509), Pair(254, 255));
  EXPECT_EQ(CutPair(255, 600, 509), Pair(254, 255));
  EXPECT_EQ(CutPair(600, 0, 509), Pair(509, 0));
  EXPECT_EQ(CutPair(1, 1, 1), Pair(0, 1));
  EXPECT_EQ(CutPair(2, 1, 0), Pair(0, 0));
}

}  // namespace
}  // namespace tern
