#include "compress/trim_vocabulary.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "compress/kept_tokens.h"
#include "compress/read_windows.h"
#include "engine/tiny_model.h"
#include "text/tiny_vocabulary.h"

namespace tern {
namespace {

std::vector<std::string> TextsOf(const Metadata& tokenizer, const std::vector<int32_t>& ids) {
  std::vector<std::string> texts;
  for (const int32_t id : ids)
    texts.push_back((*tokenizer.Strings("tokenizer.ggml.tokens"))[static_cast<size_t>(id)]);
  return texts;
}

// Beside the bytes 257 and 258 are control tokens, and 259 to 264 are merges.
std::shared_ptr<const LoadedModel> ModelWithMerges() {
  auto checkpoint = MakeTinyCheckpoint(
      {.vocabulary = 264, .formats = {"f16"}, .pieces = {"he", "th", "the", "an", "and", "en"}});
  checkpoint->metadata_.Set("tokenizer.ggml.merges",
                            std::vector<std::string>{"t h", "a n", "h e", "th e", "an d", "e n"});
  const auto model = LoadModel(std::move(checkpoint));
  TERN_CHECK(model.ok());
  return model.value();
}

std::vector<int32_t> Ids(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> ids;
  tokenizer.Encode(text, false, &ids);
  return ids;
}

TEST(KeptTokens, AreThoseOfTheTextAndWhatMergesMakeThemOf) {
  const auto model = ModelWithMerges();
  const auto trimmed = TrimVocabulary(model, {}, {"the the"});
  ASSERT_TRUE(trimmed.ok()) << trimmed.error().what;
  const std::vector<int32_t>& kept = trimmed.value().kept;
  EXPECT_EQ(kept.size(), 256 + 2 + 2);
  const std::vector<int32_t> beyond(kept.begin() + 258, kept.end());
  EXPECT_EQ(TextsOf(model->checkpoint->metadata(), beyond), (std::vector<std::string>{"th", "the"}));
  EXPECT_EQ(*trimmed.value().model->checkpoint->metadata().Strings("tokenizer.ggml.merges"),
            (std::vector<std::string>{"t h", "th e"}));
  EXPECT_EQ(trimmed.value().model->tokenizer->eos(), 257);
}

// Pieces merge by score; "unused" places go, and with them the numbers of all behind them.
TEST(KeptTokens, OfSentencePieceTooAndIdsMove) {
  TinyVocabulary vocabulary;
  vocabulary.Add("<unk>", 2);
  for (int i = 0; i < 3; ++i) vocabulary.Add("<unused" + std::to_string(i) + ">", 3);
  const int32_t bos = vocabulary.Add("<s>", 3), end = vocabulary.Add("</s>", 3);
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    vocabulary.Add(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", 6);
  }
  for (const char* piece : {"a", "b", "c"}) vocabulary.Add(piece, 1, -10);
  vocabulary.Add("bc", 1, -1);
  const int32_t ab = vocabulary.Add("ab", 1, -2), abc = vocabulary.Add("abc", 1, -3);
  Metadata metadata = vocabulary.SentencePiece();
  metadata.Set("tokenizer.ggml.bos_token_id", int64_t{bos});
  metadata.Set("tokenizer.ggml.eos_token_id", static_cast<uint64_t>(end));
  const auto kept = KeptTokens(metadata, {abc});
  ASSERT_TRUE(kept.ok()) << kept.error().what;
  EXPECT_EQ(kept.value().size(), 3 + 256 + 5);
  EXPECT_FALSE(std::ranges::binary_search(kept.value(), ab));
  const auto trimmed = TrimmedTokenizer(metadata, kept.value());
  ASSERT_TRUE(trimmed.ok());
  EXPECT_EQ(trimmed.value().Int("tokenizer.ggml.eos_token_id").value(), 2);
  const auto whole = LoadTokenizer(metadata), small = LoadTokenizer(trimmed.value());
  ASSERT_TRUE(small.ok()) << small.error().what;
  for (const char* text : {"abcabc", "cbaabc", "aabcx bc"}) {
    std::vector<int32_t> mapped = Ids(*small.value(), text);
    for (int32_t& id : mapped) id = kept.value()[static_cast<size_t>(id)];
    EXPECT_EQ(mapped, Ids(*whole.value(), text)) << text;
  }
  // A token that went is spelled by what is left.
  EXPECT_EQ(Ids(*small.value(), "ab").size(), Ids(*whole.value(), "ab").size() + 1);
}

// So long that to look at all neighbours before each merge would take minutes.
TEST(KeptTokens, OfALongTokenAreAllThatMergesMakeOnTheWay) {
  TinyVocabulary vocabulary = BytesVocabulary();
  std::string text = "a";
  std::vector<int32_t> made = {'a'};
  for (int i = 0; i < 15; ++i) {
    made.push_back(vocabulary.Merge(text, text));
    text += text;
  }
  vocabulary.Merge("b", "a");
  const auto kept = KeptTokens(vocabulary.ByteLevel("gpt-2"), {made.back()});
  ASSERT_TRUE(kept.ok()) << kept.error().what;
  EXPECT_EQ(kept.value().size(), 256u + 15);
  for (const int32_t id : made) EXPECT_TRUE(std::ranges::binary_search(kept.value(), id));
}

// Each line of a page in its own words: where all of a line's tokens stay, it is cut as it was.
TEST(KeptTokens, OfPublishedVocabulariesCutTextsOfTheirsAsBefore) {
  const char* shared = std::getenv("TERN_SHARED");
  const std::filesystem::path folder =
      (shared != nullptr ? std::filesystem::path(shared)
                         : std::filesystem::path(TERN_SOURCE_DIR) / "../shared") /
      "golden/vocab";
  std::ifstream file(std::filesystem::path(TERN_SOURCE_DIR) / "docs/quality.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  ASSERT_GT(lines.size(), 50u);
  for (const char* name : {"gpt-2", "llama-spm", "deepseek-llm", "falcon"}) {
    const auto checkpoint = OpenCheckpoint((folder / fmt::format("ggml-vocab-{}.gguf", name)).string());
    if (!checkpoint.ok()) GTEST_SKIP() << checkpoint.error().what;
    const Metadata& metadata = checkpoint.value()->metadata();
    const auto whole = LoadTokenizer(metadata);
    ASSERT_TRUE(whole.ok()) << name;
    std::vector<int32_t> used;
    for (size_t i = 0; i < lines.size() / 2; ++i) whole.value()->Encode(lines[i], false, &used);
    const auto kept = KeptTokens(metadata, used);
    ASSERT_TRUE(kept.ok()) << kept.error().what;
    const auto small = LoadTokenizer(TrimmedTokenizer(metadata, kept.value()).value());
    ASSERT_TRUE(small.ok()) << small.error().what;
    EXPECT_LT(small.value()->size(), 4000) << name;
    int same = 0, others = 0;
    for (const std::string& line : lines) {
      const std::vector<int32_t> before = Ids(*whole.value(), line);
      const bool all_stay = std::ranges::all_of(
          before, [&](int32_t id) { return std::ranges::binary_search(kept.value(), id); });
      std::vector<int32_t> after = Ids(*small.value(), line);
      for (int32_t& id : after) id = kept.value()[static_cast<size_t>(id)];
      if (all_stay) {
        ASSERT_EQ(after, before) << name << ": " << line;
      }
      ++(all_stay ? same : others);
      std::string text;
      for (const int32_t id : Ids(*small.value(), line)) small.value()->AppendPiece(id, false, &text);
      EXPECT_TRUE(text == line || text == " " + line) << name << ": " << text;
    }
    EXPECT_GE(same, static_cast<int>(lines.size()) / 2) << name;
    EXPECT_GT(others, 0) << name;
  }
}

// By number of the whole model's tokens.
std::vector<std::vector<float>> LogitsOf(const std::shared_ptr<const LoadedModel>& model,
                                         const TextWindow& window, Precision precision) {
  const auto runner = Runner::Make(model, ReaderOptions({&window, 1}, precision, 1));
  TERN_CHECK(runner.ok());
  std::vector<std::vector<float>> rows;
  const Status status = ReadWindows(*runner.value(), {&window, 1}, [&](size_t count) -> Status {
    for (size_t i = 0; i < count; ++i) {
      const auto logits = runner.value()->Logits(static_cast<int>(i));
      rows.emplace_back(logits.begin(), logits.end());
    }
    return {};
  });
  TERN_CHECK(status.ok());
  return rows;
}

TEST(TrimVocabulary, LogitsOfWhatStaysAreTheSameBits) {
  const auto model = ModelWithMerges();
  const auto trimmed = TrimVocabulary(model, {}, {"the sand and then"});
  ASSERT_TRUE(trimmed.ok()) << trimmed.error().what;
  const std::vector<int32_t>& kept = trimmed.value().kept;
  ASSERT_LT(kept.size(), 264u);
  TextWindow small{.tokens = Ids(*trimmed.value().model->tokenizer, "then the sand ended")}, whole = small;
  for (int32_t& token : whole.tokens) token = kept[static_cast<size_t>(token)];
  for (const Precision precision : {Precision::kFast, Precision::kPrecise}) {
    const auto a = LogitsOf(model, whole, precision), b = LogitsOf(trimmed.value().model, small, precision);
    ASSERT_EQ(a.size(), b.size());
    for (size_t r = 0; r < a.size(); ++r) {
      ASSERT_EQ(b[r].size(), kept.size());
      for (size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(a[r][static_cast<size_t>(kept[i])], b[r][i]);
    }
  }
  // The share of what went, of each distribution.
  const auto loss = TrimmingLoss(model, trimmed.value(), {small}, 1);
  ASSERT_TRUE(loss.ok()) << loss.error().what;
  double sum = 0;
  for (const auto& row : LogitsOf(model, whole, Precision::kPrecise)) {
    double all = 0, stays = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      all += std::exp(static_cast<double>(row[i]));
      if (std::ranges::binary_search(kept, static_cast<int32_t>(i)))
        stays += std::exp(static_cast<double>(row[i]));
    }
    sum -= std::log(stays / all);
  }
  EXPECT_GT(sum, 0);
  EXPECT_NEAR(loss.value(), sum / static_cast<double>(whole.tokens.size()), 1e-5);
}

TEST(TrimVocabulary, SaysWhatIsMissing) {
  const auto none = TrimVocabulary(MakeTinyModel(), {}, {""});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().what, "text whose tokens stay: is empty");
}

}  // namespace
}  // namespace tern
