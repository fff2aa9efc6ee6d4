// The tokenizers against published vectors, on the vocabularies of shared/golden/vocab: the texts and ids
// there, and those of tests/tokenizers, which tests/reference/make_tokenizer_vectors.py made.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/checkpoint.h"
#include "text/tokenizer.h"

namespace tern {
namespace {

// TERN_SHARED: another place for the folder, for checkouts that don't lie beside it.
const std::filesystem::path kShared = std::getenv("TERN_SHARED") != nullptr
                                          ? std::filesystem::path(std::getenv("TERN_SHARED"))
                                          : std::filesystem::path(TERN_SOURCE_DIR) / "../shared";
const std::filesystem::path kFolder = kShared / "golden/vocab";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> Split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  for (size_t at = 0, end; (end = text.find(separator, at)) != std::string::npos;
       at = end + separator.size()) {
    parts.push_back(text.substr(at, end - at));
  }
  return parts;
}

// A line of a .jsonl file of texts: a JSON string, or {"hex": "..."} for what is not UTF-8.
std::string TextOf(const std::string& line) {
  const boost::json::value value = boost::json::parse(line);
  if (value.is_string()) return std::string(value.as_string());
  const std::string hex(value.at("hex").as_string());
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

class GoldenVocabulary : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    path_ = kFolder / fmt::format("ggml-vocab-{}.gguf", GetParam());
    if (!std::filesystem::exists(path_)) GTEST_SKIP() << path_ << " is not there";
    auto checkpoint = OpenCheckpoint(path_);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().what;
    auto tokenizer = LoadTokenizer(checkpoint.value()->metadata());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().what;
    tokenizer_ = std::move(tokenizer).value();
    texts_ = Split(ReadFile(path_.string() + ".inp"), "\n__ggml_vocab_test__\n");
    expected_ = Split(ReadFile(path_.string() + ".out"), "\n");
    ASSERT_GE(texts_.size(), 30u);
    ASSERT_EQ(texts_.size(), expected_.size());
  }
  // Compares with tests/tokenizers/<texts> and <ids>.
  void ExpectReferenceIds(const std::string& texts, const std::string& ids_file, bool parse_special) {
    const std::filesystem::path folder = std::filesystem::path(TERN_SOURCE_DIR) / "tests/tokenizers";
    const auto lines = Split(ReadFile(folder / texts), "\n"),
               expected = Split(ReadFile(folder / ids_file), "\n");
    ASSERT_GE(lines.size(), 10u);
    ASSERT_EQ(lines.size(), expected.size());
    for (size_t i = 0; i < lines.size(); ++i) {
      std::vector<int32_t> ids;
      tokenizer_->Encode(TextOf(lines[i]), parse_special, &ids);
      EXPECT_EQ(fmt::format("{}", fmt::join(ids, " ")), expected[i])
          << texts << " line " << i + 1 << ": " << lines[i];
    }
  }
  std::filesystem::path path_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<std::string> texts_, expected_;
};

TEST_P(GoldenVocabulary, GivesThePublishedIds) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    std::vector<int32_t> ids;
    tokenizer_->Encode(texts_[i], false, &ids);
    std::string line;
    for (int32_t id : ids) line += fmt::format(" {}", id);
    EXPECT_EQ(line, expected_[i]) << "text " << i << ": " << texts_[i];
  }
}

TEST_P(GoldenVocabulary, GivesTheReferenceIds) {
  ExpectReferenceIds("texts.jsonl", fmt::format("{}.ids", GetParam()), false);
}

TEST_P(GoldenVocabulary, GivesTheReferenceIdsOfSpecialTokens) {
  ExpectReferenceIds("special_texts.jsonl", fmt::format("{}.special.ids", GetParam()), true);
}

TEST_P(GoldenVocabulary, DecodesToTheTextAndStreamsWholeCharacters) {
  if (std::string_view(GetParam()) == "bert-bge") GTEST_SKIP() << "changes the text";
  for (const std::string& text : texts_) {
    std::vector<int32_t> ids;
    tokenizer_->Encode(text, true, &ids);
    Detokenizer detokenizer(*tokenizer_);
    std::string decoded;
    for (int32_t id : ids) {
      std::string released;
      detokenizer.Push(id, &released);
      EXPECT_TRUE(released.empty() || (released[0] & 0xC0) != 0x80) << "starts inside a character";
      decoded += released;
    }
    detokenizer.Flush(&decoded);
    EXPECT_EQ(decoded, text);
  }
}

TEST_P(GoldenVocabulary, AddsABosWhereThePublishedTokenizerDoes) {
  const std::string name = GetParam();
  const bool expected =
      name == "llama-spm" || name == "phi-3" || name == "baichuan" || name.starts_with("deepseek");
  const bool is_bert = name == "bert-bge";
  EXPECT_EQ(tokenizer_->adds_bos(), expected || is_bert);
  EXPECT_EQ(tokenizer_->adds_eos(), is_bert);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenVocabulary,
                         testing::Values("baichuan", "bert-bge", "deepseek-coder", "deepseek-llm", "falcon",
                                         "gpt-2", "gpt-neox", "llama-spm", "mpt", "phi-3", "refact",
                                         "starcoder"),
                         [](const auto& vocabulary) {
                           std::string name = vocabulary.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace tern
