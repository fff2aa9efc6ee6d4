#include "text/grammar/token_masker.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "text/tiny_vocabulary.h"

namespace tern {
namespace {

// Bytes, pieces as grammars meet them in the middle, parts of characters, an end.
std::unique_ptr<Tokenizer> PieceTokenizer(bool sentence_piece) {
  const std::vector<std::string> pieces = {"ab",    "abc",    "abcabcabcabcabcabcabcabcabcabcabcabcabcabc",
                                           "a\"",   "\",\"",  "\": ",
                                           "{\"",   "\"}",    "x\\n",
                                           "\\u00", "12",     "1.5",
                                           "\n  ",  " the",   "the",
                                           "de f",  "x\xC3",  "\xA4x",
                                           "日本",  "ä\"",    "a\xE6\x97",
                                           "}]",    "true",   "null,",
                                           "[[",    "9\",\"a"};
  TinyVocabulary vocabulary;
  if (!sentence_piece) {
    vocabulary = BytesVocabulary();
    for (const std::string& piece : pieces) vocabulary.Add(SpellBytes(piece), 1);
    vocabulary.Add("</s>", 3);
  } else {
    vocabulary.Add("<unk>", 2);
    vocabulary.Add("<s>", 3);
    vocabulary.Add("</s>", 3);
    for (int byte = 0; byte < 256; ++byte) {
      char name[8];
      std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
      vocabulary.Add(name, 6);
    }
    for (const char* piece : {"\xE2\x96\x81", "a", "b", "ab",
                              "\xE2\x96\x81"
                              "a",
                              "\xE2\x96\x81\xE2\x96\x81", "\"a", "1", "\xE2\x96\x81{", "{", "}"}) {
      vocabulary.Add(piece, 1);
    }
  }
  Metadata metadata = sentence_piece ? vocabulary.SentencePiece() : vocabulary.ByteLevel("gpt-2");
  metadata.Set("tokenizer.ggml.eos_token_id", sentence_piece ? uint64_t{2} : uint64_t{256 + pieces.size()});
  auto tokenizer = LoadTokenizer(metadata);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().what;
  return std::move(tokenizer).value();
}

struct Source {
  const char *form, *source;
};
constexpr Source kSources[] = {
    {"json", ""},
    {"json_schema",
     R"({"type": "array", "items": {"type": "string", "minLength": 2, "maxLength": 5}, "minItems": 1, "maxItems": 3})"},
    {"json_schema",
     R"({"properties": {"a": {"type": "integer", "maximum": 15}, "ab": {"enum": ["the", "de f"]}}, "additionalProperties": {}})"},
    {"json_schema", R"({"type": "string", "pattern": "^[^\"]{2,3}ab*$"})"},
    {"regex", "[a-z ]{3,40}\"?"},
    {"regex", ".*the.*"},
    {"regex", "(?:ab|abc|[a-c]{1,3})+[^a]"},
    {"regex", " ?ab ?"},
    {"regex", "\\w*(?:[a-d]{0,2}x|ä)*"},
    {"choice", R"(["the", "abc", "abab", "日本語"])"},
    {"gbnf", "root ::= \"[\" (root (\",\" root)*)? \"]\" | str\nstr ::= \"\\\"\" [^\"]* \"\\\"\""},
};

// Along random texts, each mask has the bits of exactly the tokens that a step accepts.
void ExpectMasksAreRight(bool sentence_piece) {
  const auto tokenizer = PieceTokenizer(sentence_piece);
  const auto vocabulary = std::make_shared<grammar::VocabularyIndex>(*tokenizer);
  std::mt19937 random(7);
  for (const Source& source : kSources) {
    const auto compiled = Grammar::Compile(*FindGrammarForm(source.form).value(), source.source);
    ASSERT_TRUE(compiled.ok()) << compiled.error().what;
    const auto masker = TokenMasker::Make(compiled.value(), vocabulary).value();
    for (int run = 0; run < 12; ++run) {
      GrammarPosition position = masker->start();
      for (int step = 0; step < 30; ++step) {
        const auto mask = masker->Mask(position);
        ASSERT_TRUE(mask.ok()) << mask.error().what;
        std::vector<int32_t> allowed;
        for (int32_t id = 0; id < vocabulary->size(); ++id) {
          GrammarPosition after = position;
          const bool accepted = masker->Accept(&after, id).value();
          EXPECT_EQ(accepted, grammar::HasBit(mask.value(), id))
              << source.form << " " << source.source << ": token '" << vocabulary->text(id) << "' at step "
              << step;
          if (accepted && !tokenizer->IsEndOfGeneration(id)) allowed.push_back(id);
        }
        if (allowed.empty()) break;
        // Often the longest: these are what masks are worked out in groups for.
        int32_t next = allowed[random() % allowed.size()];
        for (int tries = 0; tries < 3; ++tries) {
          const int32_t other = allowed[random() % allowed.size()];
          if (vocabulary->text(other).size() > vocabulary->text(next).size()) next = other;
        }
        ASSERT_TRUE(masker->Accept(&position, next).value());
      }
    }
  }
}

TEST(TokenMasker, MasksAreWhatStepsAccept) { ExpectMasksAreRight(false); }
TEST(TokenMasker, MasksAreWhatStepsAcceptWhereTheFirstSpaceIsDropped) { ExpectMasksAreRight(true); }

TEST(TokenMasker, PositionsAreValues) {
  const auto tokenizer = PieceTokenizer(false);
  const auto vocabulary = std::make_shared<grammar::VocabularyIndex>(*tokenizer);
  const auto compiled = Grammar::Compile(*FindGrammarForm("regex").value(), "ab{2}c").value();
  const auto masker = TokenMasker::Make(compiled, vocabulary).value();
  GrammarPosition position = masker->start();
  ASSERT_TRUE(masker->Accept(&position, 'a').value());
  const GrammarPosition kept = position;
  ASSERT_TRUE(masker->Accept(&position, 'b').value());
  ASSERT_TRUE(masker->Accept(&position, 'b').value());
  EXPECT_FALSE(grammar::HasBit(masker->Mask(position).value(), 'b'));
  position = kept;
  EXPECT_TRUE(grammar::HasBit(masker->Mask(position).value(), 'b'));
  for (const char c : {'b', 'b', 'c'}) ASSERT_TRUE(masker->Accept(&position, c).value());
  EXPECT_TRUE(position.is_finished());
  EXPECT_TRUE(masker->Accept(&position, tokenizer->eos()).value());
}

TEST(TokenMasker, TooManyReadingsAreAnError) {
  const auto tokenizer = PieceTokenizer(false);
  const auto vocabulary = std::make_shared<grammar::VocabularyIndex>(*tokenizer);
  const auto compiled =
      Grammar::Compile(*FindGrammarForm("regex").value(), "(?:(?:a|aa){0,9000}){0,9000}").value();
  auto masker = TokenMasker::Make(compiled, vocabulary);
  if (!masker.ok()) return;
  GrammarPosition position = masker.value()->start();
  for (int i = 0; i < 5000; ++i) {
    const auto accepted = masker.value()->Accept(&position, 'a');
    if (accepted.ok()) continue;
    EXPECT_EQ(accepted.error().code, Code::kExhausted);
    return;
  }
}

}  // namespace
}  // namespace tern
