#include "text/hf/tokenizer_json.h"

#include <gtest/gtest.h>

#include "io/json_text.h"

namespace tern {
namespace {

Result<std::unique_ptr<Tokenizer>> Make(std::string_view text, const HfSettings& settings = {}) {
  TERN_TRY(const boost::json::value json, ParseJson(text, "tokenizer.json", 32));
  return LoadTokenizerJson(json, "tokenizer.json", settings);
}

std::unique_ptr<Tokenizer> Load(std::string_view text, const HfSettings& settings = {}) {
  auto made = Make(text, settings);
  if (!made.ok()) {
    ADD_FAILURE() << made.error().what;
    return nullptr;
  }
  return std::move(made).value();
}

std::string ErrorOf(std::string_view text) {
  const auto made = Make(text);
  return made.ok() ? "no error" : made.error().what;
}

std::string Tokens(const Tokenizer& tokenizer, std::string_view text, bool parse_special = false) {
  std::vector<int32_t> ids;
  tokenizer.Encode(text, parse_special, &ids);
  std::string out;
  for (int32_t id : ids) out += (out.empty() ? "" : "|") + tokenizer.Piece(id, true);
  return out;
}

std::string Decoded(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  Detokenizer detokenizer(tokenizer);
  std::string text;
  for (int32_t id : ids) detokenizer.Push(id, &text);
  detokenizer.Flush(&text);
  return text;
}

constexpr std::string_view kWords = R"({
  "added_tokens": [
    {"id": 0, "content": "[UNK]", "special": true}, {"id": 7, "content": "<t>", "special": false, "lstrip": true},
    {"id": 8, "content": "the", "single_word": true, "normalized": true}],
  "normalizer": {"type": "BertNormalizer", "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "model": {"type": "WordPiece", "unk_token": "[UNK]",
    "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "un": 3, "##able": 4, "a": 5, "##the": 6}},
  "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
  "decoder": {"type": "WordPiece"}
})";

TEST(TokenizerJson, ReadsAPipeline) {
  HfSettings settings;
  settings.named = {{"cls_token", {.text = "[CLS]"}}, {"sep_token", {.text = "[SEP]"}}};
  const auto tokenizer = Load(kWords, settings);
  EXPECT_EQ(Tokens(*tokenizer, "Unable, a"), " un|able|[UNK]| a");
  EXPECT_EQ(EncodeInput(*tokenizer, "a", false), (std::vector<int32_t>{1, 5, 2}));
  EXPECT_EQ(EncodePair(*tokenizer, "a", "un").types, (std::vector<int32_t>{0, 0, 0, 1, 1}));
  EXPECT_TRUE(tokenizer->adds_bos());
  EXPECT_EQ(tokenizer->eos(), 2);
  EXPECT_EQ(tokenizer->size(), 9);
  EXPECT_EQ(Decoded(*tokenizer, {3, 4, 5}), "unable a");
}

TEST(TokenizerJson, MatchesAddedTokensByTheirFlags) {
  const auto tokenizer = Load(kWords);
  EXPECT_EQ(Tokens(*tokenizer, "a <t>a"), " a| <t>| a");
  EXPECT_EQ(Tokens(*tokenizer, "THE a"), " the| a");  // found in the normalized text
  EXPECT_EQ(Tokens(*tokenizer, "athe"), " a|the");    // part of a word
  EXPECT_EQ(Tokens(*tokenizer, "[UNK]", true), "[UNK]");
}

// Byte-level BPE with one merge and a special token that is normalized.
constexpr std::string_view kBytes = R"({
  "added_tokens": [{"id": 5, "content": "<s>", "special": true, "normalized": true}],
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
  "model": {"vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ã": 4}, "merges": ["a b"]},
  "decoder": {"type": "ByteLevel"}
})";

TEST(TokenizerJson, UserTextNeverSpellsSpecialTokens) {
  const auto tokenizer = Load(kBytes);
  EXPECT_EQ(Tokens(*tokenizer, "ab <s>a", true), "ab| |<s>|a");
  EXPECT_EQ(Tokens(*tokenizer, "ab <s>a", false), "ab| |a");  // "<", "s" and ">" are no tokens
  const auto joined = [&](std::vector<TextSegment> segments) {
    std::vector<int32_t> ids;
    tokenizer->EncodeJoined(segments, &ids);
    return ids;
  };
  EXPECT_EQ(joined({{"<s>", true}, {"a<s>", false}}), (std::vector<int32_t>{5, 0}));
  EXPECT_EQ(joined({{"<s", true}, {">a", false}}), (std::vector<int32_t>{0}));
}

TEST(TokenizerJson, AddsBosByTheSettingsWhereThePostProcessorAddsNothing) {
  HfSettings settings;
  settings.named = {{"bos_token", {.text = "<s>"}}};
  settings.adds_bos = true;
  settings.end_ids = {1};
  const auto tokenizer = Load(kBytes, settings);
  EXPECT_EQ(EncodeInput(*tokenizer, "a", false), (std::vector<int32_t>{5, 0}));
  EXPECT_EQ(EncodePair(*tokenizer, "a", "b").ids, (std::vector<int32_t>{5, 0, 5, 1}));
  EXPECT_EQ(tokenizer->eos(), 1);
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(1));
}

TEST(TokenizerJson, ReadsUnigramAndStreamsBytes) {
  const auto tokenizer = Load(R"({
    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"},
    "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true,
      "vocab": [["<unk>", 0], ["▁a", -1.5], ["▁", -2], ["a", -3], ["<0xC3>", -9], ["<0xA9>", -9]]},
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
      {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}})");
  EXPECT_EQ(Tokens(*tokenizer, "a aa"), " a| a|a");
  EXPECT_EQ(Decoded(*tokenizer, {1, 4, 5, 1}), "aé a");
  EXPECT_EQ(Tokens(*tokenizer, "ü"), " |<unk>");
}

TEST(TokenizerJson, NamesTheKeyThatIsWrong) {
  const auto with = [](std::string_view key, std::string_view value) {
    std::string text(kWords);
    const std::string quoted = "\"" + std::string(key) + "\": ";
    const size_t at = text.find(quoted) + quoted.size();
    return ErrorOf(text.substr(0, at) + std::string(value) + ", \"was\": " + text.substr(at));
  };
  EXPECT_EQ(ErrorOf(kWords), "no error");
  EXPECT_EQ(ErrorOf("[]"), "tokenizer.json: is an array, expected an object");
  EXPECT_EQ(ErrorOf("{}"), "tokenizer.json: model: is missing or null, expected an object");
  EXPECT_EQ(ErrorOf("{"), "tokenizer.json: byte 1: incomplete JSON, expected JSON");
  EXPECT_EQ(with("model", "3"), "tokenizer.json: model: is an integer, expected an object");
  EXPECT_EQ(with("vocab", "[]"), "tokenizer.json: model.vocab: is an array, expected an object");
  EXPECT_EQ(with("vocab", "{\"a\": -1}"), "tokenizer.json: model.vocab: \"a\" has no id from 0 to 2097151");
  EXPECT_EQ(with("vocab", "{\"a\": 1, \"b\": 1}"),
            "tokenizer.json: model.vocab: \"a\" and \"b\" both have id 1");
  EXPECT_EQ(with("cls", "[\"[CLS]\", 99]"), "tokenizer.json: post_processor.cls[1]: 99, expected 0 to 8");
  EXPECT_EQ(with("added_tokens", "{}"), "tokenizer.json: added_tokens: is an object, expected an array");
  EXPECT_EQ(with("added_tokens", "[{\"id\": 3, \"content\": \"x\"}]"),
            "tokenizer.json: added_tokens[0].id: 3 is \"un\" already");
  EXPECT_EQ(with("normalizer", "{\"type\": \"Upper\"}").substr(0, 67),
            "tokenizer.json: normalizer.type: \"Upper\", supported: NFC, NFD, NFKC");
  EXPECT_EQ(with("pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"})"),
            "tokenizer.json: pre_tokenizer.pattern.Regex: pattern \"(\": missing closing parenthesis");
  EXPECT_EQ(with("pre_tokenizer", R"({"type": "Split", "pattern": {"String": "x"}, "behavior": "Cut"})"),
            "tokenizer.json: pre_tokenizer.behavior: \"Cut\", expected one of Isolated, Removed, Contiguous, "
            "MergedWithPrevious, MergedWithNext");
  EXPECT_EQ(ErrorOf(R"({"model": {"vocab": {"a": 0}, "merges": ["a b"]}})"),
            "tokenizer.json: model.merges[0]: \"b\" is not in the vocabulary");
  EXPECT_EQ(ErrorOf(R"({"model": {"vocab": {"a": 0}, "merges": [["a"]]}})"),
            "tokenizer.json: model.merges[0]: expected a pair of tokens");
  EXPECT_EQ(ErrorOf(R"({"model": {"vocab": [["a", 0]], "unk_id": 1}})"),
            "tokenizer.json: model.unk_id: 1, expected 0 to 0");
}

TEST(TokenizerJson, GrowthOfTextIsBounded) {
  std::string steps;
  for (int i = 0; i < 40; ++i) {
    steps += std::string(i == 0 ? "" : ",") +
             R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aaaa"})";
  }
  const auto tokenizer = Load(R"({"normalizer": {"type": "Sequence", "normalizers": [)" + steps +
                              R"(]}, "model": {"vocab": {"a": 0}, "merges": []}})");
  std::vector<int32_t> ids;
  tokenizer->Encode("aaaaaaaaaa", false, &ids);
  EXPECT_LT(ids.size(), 10'000u);
}

}  // namespace
}  // namespace tern
