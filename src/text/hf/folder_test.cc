#include "text/hf/folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <filesystem>
#include <fstream>

namespace tern {
namespace {

// A protocol buffer message, field by field.
class Message {
 public:
  Message& Number(uint32_t field, uint64_t value) { return Varint(field << 3).Varint(value); }
  Message& Bytes(uint32_t field, std::string_view value) {
    Varint(field << 3 | 2).Varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& Float(uint32_t field, float value) {
    Varint(field << 3 | 5);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int i = 0; i < 4; ++i) bytes_ += static_cast<char>(bits >> 8 * i);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Message& Varint(uint64_t value) {
    for (; value > 127; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
    return *this;
  }
  std::string bytes_;
};

// <unk>, <s>, </s>, ▁, a, b, ab; `type` 1: Unigram, 2: BPE.
Message Model(uint64_t type) {
  Message model;
  const auto piece = [&](std::string_view text, float score, uint64_t kind) {
    model.Bytes(1, Message().Bytes(1, text).Float(2, score).Number(3, kind).bytes());
  };
  piece("<unk>", 0, 2);
  piece("<s>", 0, 3);
  piece("</s>", 0, 3);
  for (const char* text : {"▁", "a", "b"}) piece(text, -3, 1);
  piece("ab", -1, 1);
  model.Bytes(2, Message().Number(3, type).Number(40, 0).bytes());
  return model;
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "tern_hf_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void Write(const std::string& name, std::string_view text) {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }
  std::vector<int32_t> Ids(std::string_view text) {
    auto tokenizer = LoadTokenizerFromFolder(path_);
    if (!tokenizer.ok()) {
      ADD_FAILURE() << tokenizer.error().what;
      return {};
    }
    return EncodeInput(*tokenizer.value(), text, true);
  }
  std::string ErrorOf() {
    const auto tokenizer = LoadTokenizerFromFolder(path_);
    return tokenizer.ok() ? "no error" : tokenizer.error().what.substr(path_.size());
  }
  std::string path_;
};

TEST_F(Folder, ReadsSentencePieceFiles) {
  Write("tokenizer.model", Model(2).bytes());
  EXPECT_EQ(Ids("ab  a"), (std::vector<int32_t>{1, 3, 6, 3, 4}));  // extra spaces go, <s> comes in front
  Write("tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true, "eos_token": "</s>",
    "added_tokens_decoder": {"7": {"content": "<end>", "special": true}}})");
  EXPECT_EQ(Ids("ab<end>"), (std::vector<int32_t>{3, 6, 7, 2}));
  Write("tokenizer.model", Model(1).bytes());
  EXPECT_EQ(Ids("abb"), (std::vector<int32_t>{3, 6, 5, 2}));
}

TEST_F(Folder, RefusesBrokenSentencePieceFiles) {
  const std::string good = Model(2).bytes();
  Write("tokenizer.model", good.substr(0, good.size() - 1));
  EXPECT_EQ(ErrorOf(), "/tokenizer.model: the model: a field that is cut short or no field");
  Write("tokenizer.model", "");
  EXPECT_EQ(ErrorOf(), "/tokenizer.model: no pieces, expected a sentencepiece model");
  Write("tokenizer.model", Model(3).bytes());
  EXPECT_EQ(ErrorOf(), "/tokenizer.model: trainer_spec.model_type: 3, supported: 1 (Unigram), 2 (BPE)");
  Write("tokenizer.model", Message(Model(2)).Bytes(1, Message().Bytes(1, "x").Number(3, 9).bytes()).bytes());
  EXPECT_EQ(ErrorOf(), "/tokenizer.model: pieces[7]: type 9, expected 1 to 6");
  Write("tokenizer.model", Message(Model(2)).Bytes(3, Message().Bytes(2, "abc").bytes()).bytes());
  EXPECT_EQ(ErrorOf(),
            "/tokenizer.model: normalizer_spec.precompiled_charsmap: 3 bytes, expected a size and a trie");
}

TEST_F(Folder, ReadsTheFilesOfTheFirstYears) {
  Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##able\n");
  EXPECT_EQ(Ids("Unable x"), (std::vector<int32_t>{2, 4, 5, 1, 3}));
  Write("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_EQ(Ids("Unable"), (std::vector<int32_t>{2, 1, 3}));
  Write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "Ġ": 3, "<s>": 4, "</s>": 5})");
  Write("merges.txt", "#version: 0.2\na b\n");
  EXPECT_EQ(Ids("ab a"), (std::vector<int32_t>{2, 3, 0}));
  Write("tokenizer_config.json",
        R"({"tokenizer_class": "RobertaTokenizer", "cls_token": "<s>", "sep_token": "</s>"})");
  EXPECT_EQ(Ids("ab"), (std::vector<int32_t>{4, 2, 5}));
}

TEST_F(Folder, KnowsWhatEndsAnAnswer) {
  Write("vocab.json", R"({"a": 0, "b": 1, "c": 2})");
  Write("merges.txt", "");
  Write("special_tokens_map.json", R"({"eos_token": {"content": "a"}})");
  Write("generation_config.json", R"({"eos_token_id": [1, 99], "bos_token_id": 2})");
  const auto tokenizer = LoadTokenizerFromFolder(path_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().what;
  EXPECT_EQ(tokenizer.value()->eos(), 0);
  EXPECT_EQ(tokenizer.value()->bos(), 2);
  EXPECT_TRUE(tokenizer.value()->IsEndOfGeneration(1));
  EXPECT_FALSE(tokenizer.value()->IsEndOfGeneration(2));
}

TEST_F(Folder, FindsTheChatTemplate) {
  EXPECT_EQ(ReadChatTemplate(path_).value(), "");
  Write("tokenizer_config.json",
        R"({"chat_template": [{"name": "tools", "template": "T"}, {"name": "default", "template": "D"}]})");
  EXPECT_EQ(ReadChatTemplate(path_).value(), "D");
  Write("tokenizer_config.json", R"({"chat_template": "C"})");
  EXPECT_EQ(ReadChatTemplate(path_).value(), "C");
  Write("chat_template.json", R"({"chat_template": "J"})");
  EXPECT_EQ(ReadChatTemplate(path_).value(), "J");
  Write("chat_template.jinja", "F");
  EXPECT_EQ(ReadChatTemplate(path_).value(), "F");
}

TEST_F(Folder, SaysWhichFileIsWrong) {
  EXPECT_EQ(
      ErrorOf(),
      ": no tokenizer, expected tokenizer.json, tokenizer.model, spiece.model, vocab.json and merges.txt, or "
      "vocab.txt");
  Write("vocab.txt", "a\n\xFF");
  EXPECT_EQ(ErrorOf(), "/vocab.txt: not UTF-8");
  Write("tokenizer_config.json", R"({"add_bos_token": 3})");
  EXPECT_EQ(ErrorOf(), "/tokenizer_config.json: add_bos_token: is an integer, expected a bool");
  Write("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})");
  EXPECT_EQ(ErrorOf(), "/tokenizer_config.json: added_tokens_decoder: \"x\", expected an id");
  Write("tokenizer_config.json", R"({"bos_token": {"text": "y"}})");
  EXPECT_EQ(ErrorOf(), "/tokenizer_config.json: bos_token.content: is missing or null, expected a string");
}

}  // namespace
}  // namespace tern
