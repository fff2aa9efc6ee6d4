#include "text/grammar/token_masker.h"

#include <gtest/gtest.h>

#include <algorithm>
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
    {"regex", "([ab]{1,4} ?){1,3}"},
    {"regex", "([a-c]{2,5}[b ]?){2,3}x"},
    {"regex", "(?:(?:ab?|abc){2,4}c?){1,3}"},
    {"regex", "((a?){0,70}b?){2,90}"},
    {"regex", "(?:(?:a|ab){3,}[abc]?){2,}\\n?"},
    {"json_schema", R"({"items": {"type": "string", "pattern": "^([a-z]{1,5} ?){1,4}$"}, "maxItems": 3})"},
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

TEST(VocabularyIndex, HugeVocabulariesAreCutOff) {
  const auto tokenizer = PieceTokenizer(false);
  const grammar::VocabularyIndex all(*tokenizer), some(*tokenizer, 300);
  EXPECT_EQ(all.text(257), "abc");
  EXPECT_EQ(some.text(257), "abc");
  EXPECT_EQ(some.text(258), "");  // 42 bytes
  EXPECT_EQ(some.size(), all.size());
  EXPECT_LT(some.bytes(), all.bytes());
}

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

// Words with and without a space in front, in all combinations of some syllables.
std::unique_ptr<Tokenizer> WordTokenizer() {
  TinyVocabulary vocabulary = BytesVocabulary();
  std::vector<std::string> words = {""};
  for (size_t i = 0; i < words.size() && words.size() < 6000; ++i) {
    for (const char* syllable : {"a", "th", "en", "or", "ist", "b"}) words.push_back(words[i] + syllable);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::string& word : words) {
    if (word.size() > 1) vocabulary.Add(SpellBytes(word), 1);
    if (!word.empty()) vocabulary.Add(SpellBytes(" " + word), 1);
  }
  return LoadTokenizer(vocabulary.ByteLevel("gpt-2")).value();
}

// The most work of a mask along `text`, letter by letter, and of a letter.
uint64_t MostWork(const std::shared_ptr<grammar::VocabularyIndex>& vocabulary, std::string_view regex,
                  std::string_view text) {
  const auto compiled = Grammar::Compile(*FindGrammarForm("regex").value(), regex).value();
  const auto masker = TokenMasker::Make(compiled, vocabulary).value();
  GrammarPosition position = masker->start();
  uint64_t most = 0;
  for (const char letter : text) {
    const auto mask = masker->Mask(position);
    EXPECT_TRUE(mask.ok()) << regex << ": " << mask.error().what;
    most = std::max(most, masker->last_work());
    EXPECT_TRUE(masker->Accept(&position, letter).value()) << regex;
    most = std::max(most, masker->last_work());
  }
  return most;
}

// Counted, not timed: 200,000 steps are about 1 ms. Most are of the first masks.
TEST(TokenMasker, CountedLoopsInLoopsTakeLittleWork) {
  const auto tokenizer = WordTokenizer();
  const auto vocabulary = std::make_shared<grammar::VocabularyIndex>(*tokenizer);
  std::string words, letters;
  for (int i = 0; i < 6; ++i) words += "the north is at an end ";
  for (int i = 0; i < 10; ++i) letters += "thenorth";
  for (const char* regex :
       {"([a-z]{1,20} ?){1,200}", "(([a-z ]|ab|abc){2,30}){2,30}", "([a-z]{1,100}[a-z ]?){1,100}",
        "(([a-z]{1,12} ?){1,8} ?){1,50}", "(?:(?:a|[a-z ]{1,2}){0,9000}){0,9000}"}) {
    EXPECT_LT(MostWork(vocabulary, regex, words), 400'000u) << regex;
  }
  EXPECT_LT(MostWork(vocabulary, "((([a-z]{0,9} ?){0,9}){0,9} ?){0,90}", words), 1'000'000u);
  // Counts below their least do not cover each other.
  EXPECT_LT(MostWork(vocabulary, "([a-z]{5,10}[a-z ]?){5,10}", letters), 1'000'000u);
}

// Each letter doubles the stacks.
constexpr const char* kAmbiguous = "root ::= \"x\" | s\ns ::= \"a\" s \"b\" | \"a\" s \"th\" | \"a\"";

TEST(TokenMasker, TooManyReadingsEndOneAnswerOnly) {
  const auto tokenizer = WordTokenizer();
  const auto vocabulary = std::make_shared<grammar::VocabularyIndex>(*tokenizer);
  const auto compiled = Grammar::Compile(*FindGrammarForm("gbnf").value(), kAmbiguous).value();
  const auto masker = TokenMasker::Make(compiled, vocabulary).value();
  GrammarPosition position = masker->start();
  Status failed;
  for (int i = 0; i < 20 && failed.ok(); ++i) {
    const auto mask = masker->Mask(position);
    EXPECT_LT(masker->last_work(), 2 * grammar::Simulation::kMostWork);
    if (!mask.ok()) failed = mask.error();
    const auto accepted = masker->Accept(&position, 'a');
    if (!accepted.ok()) failed = accepted.error();
  }
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kExhausted);
  GrammarPosition other = masker->start();
  EXPECT_TRUE(grammar::HasBit(masker->Mask(other).value(), 'x'));
  EXPECT_TRUE(masker->Accept(&other, 'x').value());
  EXPECT_TRUE(other.can_end);
}

// Each letter doubles the states that a deterministic automaton would need.
TEST(TokenMasker, ManyStatesDoNotPileUp) {
  const auto tokenizer = WordTokenizer();
  const auto vocabulary = std::make_shared<grammar::VocabularyIndex>(*tokenizer);
  const auto compiled = Grammar::Compile(*FindGrammarForm("regex").value(), "[ab]*a[ab]{60}x").value();
  const auto masker = TokenMasker::Make(compiled, vocabulary).value();
  GrammarPosition position = masker->start();
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    const auto mask = masker->Mask(position);
    EXPECT_LT(masker->last_work(), 2 * grammar::Simulation::kMostWork);
    if (!mask.ok()) {
      EXPECT_EQ(mask.error().code, Code::kExhausted);
    }
    const auto accepted = masker->Accept(&position, random() % 2 != 0 ? 'a' : 'b');
    if (!accepted.ok()) break;
    ASSERT_TRUE(accepted.value());
    EXPECT_LT(masker->bytes(), size_t{150} << 20);
  }
}

}  // namespace
}  // namespace tern
