#include "text/hf/identify_pre_tokenizer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace tern {
namespace {

// The name for a tokenizer.json with these parts, or the error.
std::string Name(std::string_view pre_tokenizer, std::string_view normalizer = "null",
                 std::string_view ignore_merges = "false") {
  const boost::json::value json = boost::json::parse(
      fmt::format(R"({{"pre_tokenizer": {}, "normalizer": {}, "model": {{"ignore_merges": {}}}}})",
                  pre_tokenizer, normalizer, ignore_merges));
  const auto rule = IdentifyPreTokenizer(JsonNode(json, "tokenizer.json"));
  return rule.ok() ? std::string(rule.value()->name) : rule.error().what;
}

constexpr std::string_view kByteLevel =
    R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})";

// A sequence of a cut by `regex` and the spelling of bytes.
std::string CutBy(std::string_view regex) {
  return fmt::format(R"({{"type": "Sequence", "pretokenizers": [
      {{"type": "Split", "pattern": {{"Regex": {}}}, "behavior": "Isolated", "invert": false}},
      {{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}}]}})",
                     boost::json::serialize(boost::json::value(regex)));
}

constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
    R"(\s+(?!\S)|\s+)";

TEST(IdentifyPreTokenizer, ByWhatTheCutsDoAndWhatElseTheNameImplies) {
  EXPECT_EQ(Name(kByteLevel), "gpt-2");
  EXPECT_EQ(Name(kByteLevel, R"({"type": "NFC"})"), "mpt");
  EXPECT_EQ(Name(CutBy(kLlama3), "null", "true"), "llama-bpe");
  EXPECT_EQ(Name(CutBy(kLlama3)), "dbrx");
}

TEST(IdentifyPreTokenizer, HoweverTheCutIsWritten) {
  std::string spelled(kLlama3);
  const std::string digits = R"(\p{N}{1,3})";
  spelled.replace(spelled.find(digits), digits.size(), R"(\p{N}\p{N}?\p{N}?)");
  EXPECT_EQ(Name(CutBy(spelled), "null", "true"), "llama-bpe");
}

TEST(IdentifyPreTokenizer, OneDigitMoreIsAnotherCut) {
  std::string longer(kLlama3);
  longer.replace(longer.find("{1,3}"), 5, "{1,4}");
  EXPECT_EQ(Name(CutBy(longer)),
            "tokenizer.json: pre_tokenizer: cuts text as none of the names of tokenizer.ggml.pre does");
}

}  // namespace
}  // namespace tern
