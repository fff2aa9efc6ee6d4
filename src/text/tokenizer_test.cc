#include "text/tokenizer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "text/tiny_vocabulary.h"

namespace tern {
namespace {

std::unique_ptr<Tokenizer> Load(const Metadata& metadata) {
  auto tokenizer = LoadTokenizer(metadata);
  if (!tokenizer.ok()) {
    ADD_FAILURE() << tokenizer.error().what;
    return nullptr;
  }
  return std::move(tokenizer).value();
}

std::string ErrorOf(const Metadata& metadata) {
  const auto tokenizer = LoadTokenizer(metadata);
  return tokenizer.ok() ? "no error" : tokenizer.error().what;
}

std::vector<int32_t> Ids(const Tokenizer& tokenizer, std::string_view text, bool parse_special = false) {
  std::vector<int32_t> ids;
  tokenizer.Encode(text, parse_special, &ids);
  return ids;
}

// The tokens of `text` as they are spelled, with a bar between two.
std::string Tokens(const Tokenizer& tokenizer, std::string_view text, bool parse_special = false) {
  std::string out;
  for (int32_t id : Ids(tokenizer, text, parse_special)) {
    out += (out.empty() ? "" : "|") + tokenizer.Piece(id, true);
  }
  return out;
}

std::string Decoded(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool with_special = false) {
  Detokenizer detokenizer(tokenizer, with_special);
  std::string text;
  for (int32_t id : ids) detokenizer.Push(id, &text);
  detokenizer.Flush(&text);
  return text;
}

// Bytes, the merges of "hello" and two added tokens.
TinyVocabulary HelloVocabulary() {
  TinyVocabulary vocabulary = BytesVocabulary();
  vocabulary.Merge("l", "l");
  vocabulary.Merge("h", "e");
  vocabulary.Merge("ll", "o");
  vocabulary.Merge("he", "llo");
  vocabulary.Merge(" ", "hello");
  vocabulary.Add("<|im_end|>", 3);
  vocabulary.Add("<tool>", 4);
  return vocabulary;
}

// Characters a to e and "▁", a few pieces, byte tokens, <unk>, <s>, </s>.
TinyVocabulary AbcVocabulary() {
  TinyVocabulary vocabulary;
  vocabulary.Add("<unk>", 2);
  vocabulary.Add("<s>", 3);
  vocabulary.Add("</s>", 3);
  for (int byte = 0; byte < 256; ++byte) vocabulary.Add(fmt::format("<0x{:02X}>", byte), 6);
  for (const char* character : {"▁", "a", "b", "c", "d", "e"}) vocabulary.Add(character, 1, -100);
  vocabulary.Add("ab", 1, -2);
  vocabulary.Add("bc", 1, -1);
  vocabulary.Add("▁a", 1, -3);
  vocabulary.Add("bcd", 1, -5);
  return vocabulary;
}

TEST(ByteLevelBpe, MergesInTheOrderOfTheFile) {
  const auto tokenizer = Load(HelloVocabulary().ByteLevel("gpt-2"));
  EXPECT_EQ(Tokens(*tokenizer, "hello hello, hell"), "hello| hello|,| |he|ll");
  EXPECT_EQ(Tokens(*tokenizer, ""), "");
  EXPECT_EQ(Tokens(*tokenizer, "llll"), "ll|ll");
  EXPECT_EQ(Tokens(*tokenizer, "lll"), "ll|l");
  EXPECT_EQ(Ids(*tokenizer, "é\n"), (std::vector<int32_t>{0xC3, 0xA9, '\n'}));
}

TEST(ByteLevelBpe, AWholeWordThatIsATokenNeedsNoMergesWhereTheFamilySaysSo) {
  TinyVocabulary vocabulary = HelloVocabulary();
  vocabulary.Add("abc", 1);
  EXPECT_EQ(Tokens(*Load(vocabulary.ByteLevel("gpt-2")), "abc abc"), "a|b|c| |a|b|c");
  EXPECT_EQ(Tokens(*Load(vocabulary.ByteLevel("llama-bpe")), "abc abc"), "abc| |a|b|c");
}

TEST(ByteLevelBpe, NormalizesWhereThePublishedTokenizerDoes) {
  const TinyVocabulary vocabulary = BytesVocabulary();
  EXPECT_EQ(Ids(*Load(vocabulary.ByteLevel("mpt")), "e\u0301"), (std::vector<int32_t>{0xC3, 0xA9}));
  EXPECT_EQ(Ids(*Load(vocabulary.ByteLevel("gpt-2")), "e\u0301"), (std::vector<int32_t>{'e', 0xCC, 0x81}));
  Metadata neox = vocabulary.ByteLevel("");
  Metadata no_pre;
  for (const auto& [key, value] : neox.all()) {
    if (key != "tokenizer.ggml.pre") no_pre.Set(key, value);
  }
  EXPECT_EQ(Ids(*Load(no_pre), "e\u0301").size(), 3u);
  no_pre.Set("general.architecture", "gptneox");
  EXPECT_EQ(Ids(*Load(no_pre), "e\u0301").size(), 2u);
}

// Some published vocabularies lack bytes that valid UTF-8 is made of.
TEST(ByteLevelBpe, AByteWithoutATokenIsLeftOutAndNeverBecomesASpecialToken) {
  TinyVocabulary vocabulary;
  vocabulary.Add("<|endoftext|>", 3);
  vocabulary.Add("a", 1);
  Metadata metadata = vocabulary.ByteLevel("gpt-2");
  metadata.Set("tokenizer.ggml.unknown_token_id", uint64_t{0});
  EXPECT_EQ(Tokens(*Load(metadata), "aba"), "a|a");
}

TEST(ByteLevelBpe, ABosIsAddedWhereTheFileOrTheFamilySaysSo) {
  const TinyVocabulary vocabulary = HelloVocabulary();
  for (const auto& [pre, key, expected] : std::vector<std::tuple<std::string, int, bool>>{
           {"gpt-2", -1, false}, {"gpt-2", 1, true}, {"llama-bpe", -1, true}, {"llama-bpe", 0, false}}) {
    Metadata metadata = vocabulary.ByteLevel(pre);
    metadata.Set("tokenizer.ggml.bos_token_id", uint64_t{261});
    if (key >= 0) metadata.Set("tokenizer.ggml.add_bos_token", key == 1);
    EXPECT_EQ(Load(metadata)->adds_bos(), expected) << pre << key;
  }
}

TEST(SentencePieceBpe, MergesTheHighestScoreFirst) {
  const auto tokenizer = Load(AbcVocabulary().SentencePiece());
  EXPECT_EQ(Tokens(*tokenizer, "abcd"), " a|bcd");
  EXPECT_EQ(Tokens(*tokenizer, "abab"), " |ab|ab");
  EXPECT_EQ(Tokens(*tokenizer, ""), "");
  EXPECT_EQ(Tokens(*tokenizer, "a  a"), " a| | a");
}

TEST(SentencePieceBpe, SpellsWhatHasNoPieceInBytes) {
  const auto tokenizer = Load(AbcVocabulary().SentencePiece());
  EXPECT_EQ(Ids(*tokenizer, "é"), (std::vector<int32_t>{3 + 256, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, "aé🦙\n")), "aé🦙\n");
}

TEST(SentencePieceBpe, WithoutByteTokensARunIsOneUnknown) {
  TinyVocabulary vocabulary;
  vocabulary.Add("<unk>", 2);
  vocabulary.Add("a", 1);
  Metadata metadata = vocabulary.SentencePiece();
  metadata.Set("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(Ids(*Load(metadata), "aéxa€"), (std::vector<int32_t>{1, 0, 1, 0}));
}

TEST(SentencePieceBpe, UnusedPiecesAreTakenApartAgain) {
  TinyVocabulary vocabulary = AbcVocabulary();
  vocabulary.types[static_cast<size_t>(vocabulary.tokens.size() - 1)] = 5;  // bcd
  EXPECT_EQ(Tokens(*Load(vocabulary.SentencePiece()), "bcd"), " |bc|d");
  vocabulary.Add("bcde", 1, -6);
  EXPECT_EQ(Tokens(*Load(vocabulary.SentencePiece()), "bcdebcd"), " |bcde|bc|d");
}

TEST(SentencePieceBpe, SpacesAreTreatedAsTheFileSays) {
  Metadata metadata = AbcVocabulary().SentencePiece();
  metadata.Set("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(Tokens(*Load(metadata), "a a"), "a| a");
  EXPECT_FALSE(Load(metadata)->strips_leading_space());
  metadata.Set("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_EQ(Tokens(*Load(metadata), "  a   a "), "a| a");
}

// <unk>, [CLS], [SEP], a few words and continuations.
TinyVocabulary WordVocabulary() {
  TinyVocabulary vocabulary;
  vocabulary.Add("[UNK]", 3);
  vocabulary.Add("[CLS]", 3);
  vocabulary.Add("[SEP]", 3);
  for (const char* piece : {"▁the", "▁un", "▁a", "aff", "able", "ed", "b", "▁,", "▁漢", "▁e"})
    vocabulary.Add(piece, 1);
  return vocabulary;
}

Metadata WordMetadata() {
  Metadata metadata = WordVocabulary().WordPiece();
  metadata.Set("tokenizer.ggml.unknown_token_id", uint64_t{0});
  metadata.Set("tokenizer.ggml.cls_token_id", uint64_t{1});
  metadata.Set("tokenizer.ggml.seperator_token_id", uint64_t{2});
  return metadata;
}

// Characters and bytes as in AbcVocabulary, merges instead of scores.
TinyVocabulary MarkedVocabulary() {
  TinyVocabulary vocabulary = AbcVocabulary();
  vocabulary.Add("\n\n", 1);
  vocabulary.Add("<tool>", 4);
  vocabulary.Add("▁▁", 4);
  vocabulary.merges = {"b c", "▁ a", "bc d", "a b"};
  return vocabulary;
}

TEST(SpaceMarkedBpe, MergesCharactersAndFallsBackToBytes) {
  const auto tokenizer = Load(MarkedVocabulary().SpaceMarked("gemma4"));
  EXPECT_EQ(Tokens(*tokenizer, "abcd ab"), "a|bcd| a|b");
  EXPECT_EQ(Tokens(*tokenizer, "a<tool>  a"), "a|<tool>|  |a");
  EXPECT_EQ(Ids(*tokenizer, "é"), (std::vector<int32_t>{3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, " a é  \n")), " a é  \n");
}

TEST(SpaceMarkedBpe, IsMeantByNamesOfPreTokenizersToo) {
  Metadata metadata = MarkedVocabulary().SpaceMarked("gpt2");
  metadata.Set("tokenizer.ggml.pre", std::string("sarvam-moe"));
  EXPECT_EQ(Tokens(*Load(metadata), "ab ab"), "ab| a|b");
  metadata.Set("tokenizer.ggml.pre", std::string("whitespace"));
  EXPECT_EQ(Tokens(*Load(metadata), " ab\u3000 AB"), "ab|A|B");
  metadata.Set("tokenizer.ggml.normalizer.lowercase", true);
  metadata.Set("tokenizer.ggml.model", std::string("whitespace"));
  EXPECT_EQ(Tokens(*Load(metadata), "ab AB"), "ab|ab");
}

TEST(WordPiece, TakesTheLongestPieces) {
  const auto tokenizer = Load(WordMetadata());
  EXPECT_EQ(Tokens(*tokenizer, "unaffable"), " un|aff|able");
  EXPECT_EQ(Tokens(*tokenizer, "The unaffed, thé"), " the| un|aff|ed| ,| the");
  EXPECT_EQ(Tokens(*tokenizer, "a漢a\u2028a\x01\v\t"), " a| 漢| a| a");
  EXPECT_EQ(Tokens(*tokenizer, "unaffx the"), "[UNK]| the");
  EXPECT_EQ(Tokens(*tokenizer, "a" + std::string(99, 'b')).size(), 2u + 99 * 2);
  EXPECT_EQ(Tokens(*tokenizer, "a" + std::string(100, 'b')), "[UNK]");  // 101 characters
  EXPECT_EQ(Tokens(*tokenizer, ""), "");
  EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, "The unaffable")), "the unaffable");
}

TEST(WordPiece, PutsTextsBetweenClsAndSep) {
  const auto tokenizer = Load(WordMetadata());
  EXPECT_EQ(EncodeInput(*tokenizer, "a", false), (std::vector<int32_t>{1, 5, 2}));
  const PairInput pair = EncodePair(*tokenizer, "a b", "the");
  EXPECT_EQ(pair.ids, (std::vector<int32_t>{1, 5, 0, 2, 3, 2}));
  EXPECT_EQ(pair.types, (std::vector<int32_t>{0, 0, 0, 0, 1, 1}));
}

TEST(SentencePieceUnigram, TakesTheLikeliestPieces) {
  TinyVocabulary vocabulary = AbcVocabulary();  // ab -2, bc -1, ▁a -3, bcd -5
  const auto tokenizer = Load(vocabulary.SentencePiece("t5"));
  EXPECT_EQ(Tokens(*tokenizer, "abcd"), " a|bcd");
  EXPECT_EQ(Tokens(*tokenizer, "abc"), " a|bc");
  EXPECT_EQ(Tokens(*tokenizer, ""), "");
  EXPECT_EQ(Ids(*tokenizer, "é"), (std::vector<int32_t>{259, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, "a é🦙\n")), "a é🦙\n");
  EXPECT_EQ(EncodeInput(*tokenizer, "a", false).back(), 2);  // </s>
  vocabulary.types[vocabulary.tokens.size() - 1] = 5;        // bcd is not used
  EXPECT_EQ(Tokens(*Load(vocabulary.SentencePiece("t5")), "abcd"), " a|bc|d");
}

TEST(SentencePieceUnigram, WithoutByteTokensARunIsOneUnknown) {
  TinyVocabulary vocabulary;
  vocabulary.Add("<unk>", 2);
  vocabulary.Add("▁", 1, -1);
  vocabulary.Add("a", 1, -1);
  EXPECT_EQ(Ids(*Load(vocabulary.SentencePiece("t5")), "aéxa€ é"),
            (std::vector<int32_t>{1, 2, 0, 2, 0, 1, 0}));
}

// A table of one entry: "A" becomes "a ", made by hand as darts-clone lays it out.
std::vector<int64_t> TinyCharsmap() {
  std::vector<uint32_t> units(256);
  const auto put = [&](size_t at, uint32_t unit) { units[at] = unit; };
  put(0, 1u << 10);                                   // the root: its children are at 1 ^ byte
  put(1 ^ 'A', (uint32_t{2} << 10) | 1u << 8 | 'A');  // "A": a string ends here; its value is at 1 ^ 'A' ^ 2
  put(1 ^ 'A' ^ 2, 1u << 31 | 0);                     // the replacement at 0
  std::vector<int64_t> bytes;
  const auto append = [&](uint32_t number) {
    for (int i = 0; i < 4; ++i) bytes.push_back(number >> 8 * i & 0xFF);
  };
  append(static_cast<uint32_t>(units.size() * 4));
  for (uint32_t unit : units) append(unit);
  for (char c : std::string("a \0", 3)) bytes.push_back(c);
  return bytes;
}

TEST(SentencePieceUnigram, NormalizesByTheTableOfTheFile) {
  Metadata metadata = AbcVocabulary().SentencePiece("t5");
  metadata.Set("tokenizer.ggml.precompiled_charsmap", TinyCharsmap());
  EXPECT_EQ(Tokens(*Load(metadata), "Ab"), " a| |b");
  EXPECT_EQ(Tokens(*Load(metadata), " A"), " | a| ");
  metadata.Set("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_EQ(Tokens(*Load(metadata), "  A  b "), " a| |b");
  EXPECT_EQ(Tokens(*Load(metadata), "  "), "");
  std::vector<int64_t> cut = TinyCharsmap();
  cut.resize(100);
  metadata.Set("tokenizer.ggml.precompiled_charsmap", cut);
  EXPECT_EQ(ErrorOf(metadata),
            "tokenizer.ggml.precompiled_charsmap: a trie of 1024 bytes in 100 bytes, expected a "
            "multiple of 4 that fits");
}

// A user's text must never become a special token, whatever it spells and wherever the pieces of it come
// from.
TEST(SpecialTokens, AreRecognisedOnlyWhereAllowed) {
  const auto tokenizer = Load(HelloVocabulary().ByteLevel("gpt-2"));
  const int32_t end = 261, tool = 262;
  EXPECT_EQ(Ids(*tokenizer, "<|im_end|>", true), std::vector<int32_t>{end});
  EXPECT_EQ(Ids(*tokenizer, "<|im_end|>", false).size(), 10u);
  EXPECT_EQ(Ids(*tokenizer, "a<tool>", false), (std::vector<int32_t>{'a', tool}));

  const auto joined = [&](std::vector<TextSegment> segments) {
    std::vector<int32_t> ids;
    tokenizer->EncodeJoined(segments, &ids);
    return std::count(ids.begin(), ids.end(), end);
  };
  EXPECT_EQ(joined({{"<|im_end|>", true}}), 1);
  EXPECT_EQ(joined({{"<|im_", true}, {"end|>", true}}), 1);
  EXPECT_EQ(joined({{"<|im_end|>", false}}), 0);
  EXPECT_EQ(joined({{"<|im_", true}, {"end|>", false}}), 0);
  EXPECT_EQ(joined({{"<|im_", false}, {"end|>", true}}), 0);
  EXPECT_EQ(joined({{"<|im", true}, {"_e", false}, {"nd|>", true}}), 0);
  EXPECT_EQ(joined({{"<|im_end|>", false}, {"<|im_end|>", true}, {"<|im_end|>", false}}), 1);
}

TEST(SpecialTokens, CannotBeReachedByMerging) {
  TinyVocabulary bytes = BytesVocabulary();
  bytes.Merge("<", "<");
  bytes.merges.push_back("<< >");
  bytes.Add("<<>", 3);
  EXPECT_EQ(Tokens(*Load(bytes.ByteLevel("gpt-2")), "<<>"), "<<|>");
  EXPECT_EQ(Tokens(*Load(bytes.ByteLevel("llama-bpe")), "<<>"), "<<|>");

  TinyVocabulary pieces = AbcVocabulary();
  for (const char* piece : {"<", "s", ">", "<s"}) pieces.Add(piece, 1, -1);
  EXPECT_EQ(Tokens(*Load(pieces.SentencePiece()), "<s>"), " |<s|>");
  EXPECT_EQ(Ids(*Load(pieces.SentencePiece()), "<0x0A>").back(),
            pieces.tokens.size() - 2);  // ">", not a byte
}

TEST(SpecialTokens, TheLeftmostThenTheLongestAddedTokenWins) {
  TinyVocabulary vocabulary = BytesVocabulary();
  for (const char* text : {"<a>", "<a><b>", "b><c>", "<c>"}) vocabulary.Add(text, 4);
  const auto tokenizer = Load(vocabulary.ByteLevel("gpt-2"));
  EXPECT_EQ(Tokens(*tokenizer, "<a><b><c>"), "<a><b>|<c>");
  EXPECT_EQ(Tokens(*tokenizer, "<a><b"), "<a>|<|b");
}

TEST(SpecialTokens, PaddingOfTheVocabularyIsNotMatched) {
  TinyVocabulary vocabulary = BytesVocabulary();
  vocabulary.Add("[PAD256]", 4);
  vocabulary.Add("[PAD9]", 4);
  const auto tokenizer = Load(vocabulary.ByteLevel("gpt-2"));
  EXPECT_EQ(Ids(*tokenizer, "[PAD256]").size(), 8u);
  EXPECT_EQ(Ids(*tokenizer, "[PAD9]"), std::vector<int32_t>{257});
}

TEST(SpecialTokens, Phi3TakesTheWhiteSpaceBehindItsMarkersAlong) {
  TinyVocabulary vocabulary = AbcVocabulary();
  const int32_t user = vocabulary.Add("<|user|>", 3);
  vocabulary.Add("<|endoftext|>", 3);
  Metadata metadata = vocabulary.SentencePiece();
  EXPECT_EQ(Tokens(*Load(metadata), "<|user|>\n a", true), "<|user|>| |\n| a");
  metadata.Set("general.architecture", "phi3");
  EXPECT_EQ(Tokens(*Load(metadata), "<|user|>\n \u3000a", true), "<|user|>| a");
  EXPECT_EQ(Tokens(*Load(metadata), "<|endoftext|> a", true), "<|endoftext|>| | a");
  EXPECT_EQ(Ids(*Load(metadata), "<|user|>\n", true), std::vector<int32_t>{user});
}

TEST(SpecialTokens, TheEndOfAnAnswerIsKnownByKeyOrByText) {
  TinyVocabulary vocabulary = HelloVocabulary();
  const int32_t eot = vocabulary.Add("<end>", 3);
  Metadata metadata = vocabulary.ByteLevel("gpt-2");
  metadata.Set("tokenizer.ggml.eos_token_id", uint64_t{0});
  metadata.Set("tokenizer.ggml.eot_token_id", static_cast<uint64_t>(eot));
  const auto tokenizer = Load(metadata);
  for (int32_t id : {0, eot, 261}) EXPECT_TRUE(tokenizer->IsEndOfGeneration(id)) << id;
  for (int32_t id : {1, 260, -1, 9999}) EXPECT_FALSE(tokenizer->IsEndOfGeneration(id)) << id;
}

TEST(EncodeSegments, PutsOneBosInFront) {
  Metadata metadata = AbcVocabulary().SentencePiece();
  const auto tokenizer = Load(metadata);
  const std::vector<TextSegment> plain = {{"a", false}}, spelled = {{"<s>", true}, {"a", false}};
  EXPECT_EQ(EncodeSegments(*tokenizer, plain)[0], 1);
  EXPECT_EQ(EncodeSegments(*tokenizer, plain).size(), 2u);
  EXPECT_EQ(EncodeSegments(*tokenizer, spelled), EncodeSegments(*tokenizer, plain));
  metadata.Set("tokenizer.ggml.add_bos_token", false);
  EXPECT_EQ(EncodeSegments(*Load(metadata), plain).size(), 1u);
}

TEST(EncodeWhole, PutsWhatStandsBehindATextThere) {
  Metadata metadata = AbcVocabulary().SentencePiece();
  const std::vector<TextSegment> text = {{"a", false}};
  const std::vector<int32_t> open = EncodeSegments(*Load(metadata), text);
  EXPECT_EQ(EncodeWhole(*Load(metadata), text), open);
  metadata.Set("tokenizer.ggml.add_eos_token", true);
  std::vector<int32_t> closed = open;
  closed.push_back(Load(metadata)->eos());
  EXPECT_EQ(EncodeSegments(*Load(metadata), text), open);
  EXPECT_EQ(EncodeWhole(*Load(metadata), text), closed);
}

TEST(EncodeSegments, WordsCrossTheBordersOfSegments) {
  const auto tokenizer = Load(HelloVocabulary().ByteLevel("gpt-2"));
  const std::vector<TextSegment> segments = {{" he", true}, {"ll", false}, {"o", true}};
  EXPECT_EQ(EncodeSegments(*tokenizer, segments), std::vector<int32_t>{260});
}

TEST(InvalidUtf8, BecomesReplacementCharacters) {
  const auto tokenizer = Load(BytesVocabulary().ByteLevel("gpt-2"));
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{
           {"\xF4\x90\x80\x80", "����"}, {"\xC0\xAF", "��"}, {"a\xED\xA0\x80", "a���"}, {"\xE2\x82", "�"}}) {
    EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, bytes)), text);
    std::vector<int32_t> ids;
    tokenizer->EncodeJoined(std::vector<TextSegment>{{bytes, true}}, &ids);
    EXPECT_EQ(ids, Ids(*tokenizer, bytes));
  }
  // The halves of a character in two segments are two invalid sequences.
  std::vector<int32_t> ids;
  tokenizer->EncodeJoined(std::vector<TextSegment>{{"\xC3", true}, {"\xA9", false}}, &ids);
  EXPECT_EQ(Decoded(*tokenizer, ids), "��");
}

TEST(Detokenizer, ReleasesWholeCharactersOnly) {
  const auto tokenizer = Load(BytesVocabulary().ByteLevel("gpt-2"));
  Detokenizer detokenizer(*tokenizer);
  std::vector<std::string> released;
  for (int id : std::vector<int>{'a', 0xF0, 0x9F, 0xA6, 0x99, 0xC3, 'b', 0xFF, 0xE2, 0x82}) {
    detokenizer.Push(id, &released.emplace_back());
  }
  detokenizer.Flush(&released.emplace_back());
  EXPECT_EQ(released, (std::vector<std::string>{"a", "", "", "", "🦙", "", "�b", "�", "", "", "�"}));
  std::string nothing;
  detokenizer.Flush(&nothing);
  EXPECT_EQ(nothing, "");
}

TEST(Detokenizer, ReleasesNoMoreThanItSays) {
  TinyVocabulary vocabulary = BytesVocabulary();
  const int32_t longest = vocabulary.Merge("\xFF\xFF\xFF\xFF", "\xFF\xFF\xFF\xFF");
  vocabulary.merges.clear();
  const auto tokenizer = Load(vocabulary.ByteLevel("gpt-2"));
  EXPECT_GE(tokenizer->longest_piece(), 8u);
  Detokenizer detokenizer(*tokenizer);
  std::string released;
  for (const int32_t id : {0xF0, 0x9F, 0xA6}) detokenizer.Push(id, &released);
  EXPECT_EQ(released, "");
  detokenizer.Push(longest, &released);  // what was held is one invalid sequence, each byte another
  EXPECT_EQ(released.size(), 9u * 3);
  EXPECT_LE(released.size(), detokenizer.max_text());
}

TEST(Detokenizer, DropsTheSpaceInFrontOfTheFirstWord) {
  const auto tokenizer = Load(AbcVocabulary().SentencePiece());
  EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, "a a")), "a a");
  EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, "<s>a a", true)), "a a");
  EXPECT_EQ(Decoded(*tokenizer, Ids(*tokenizer, " a")), " a");
}

TEST(Detokenizer, HidesControlTokensUnlessAskedAndIgnoresStrangeIds) {
  const auto tokenizer = Load(HelloVocabulary().ByteLevel("gpt-2"));
  EXPECT_EQ(Decoded(*tokenizer, {261}), "");
  EXPECT_EQ(Decoded(*tokenizer, {261}, true), "<|im_end|>");
  EXPECT_EQ(Decoded(*tokenizer, {262}), "<tool>");
  EXPECT_EQ(Decoded(*tokenizer, {-1, 263, 1 << 30}, true), "");
}

TEST(LoadTokenizer, NamesTheKeyThatIsWrong) {
  const Metadata good = HelloVocabulary().ByteLevel("gpt-2");
  const auto with = [&](const std::string& key, MetaValue value) {
    Metadata metadata = good;
    metadata.Set("tokenizer.ggml." + key, std::move(value));
    return ErrorOf(metadata);
  };
  using Strings = std::vector<std::string>;
  EXPECT_EQ(ErrorOf(good), "no error");
  EXPECT_EQ(
      with("model", "rwkv"),
      "tokenizer.ggml.model: \"rwkv\", expected one of gpt2 (byte-level BPE), llama (SentencePiece BPE), "
      "t5 (SentencePiece Unigram), gemma4 (BPE with marked spaces), bert (WordPiece)");
  EXPECT_EQ(with("tokens", uint64_t{3}), "tokenizer.ggml.tokens: missing or not an array of strings");
  EXPECT_EQ(with("tokens", Strings{}), "tokenizer.ggml.tokens: empty");
  EXPECT_EQ(with("token_type", Strings(263, "1")),
            "tokenizer.ggml.token_type: expected an array of integers");
  EXPECT_EQ(with("token_type", std::vector<int64_t>(3, 1)),
            "tokenizer.ggml.token_type: 3 entries, expected 263, one for each of tokenizer.ggml.tokens");
  EXPECT_EQ(with("token_type", std::vector<uint64_t>(263, 7)),
            "tokenizer.ggml.token_type[0]: not a token type, expected 1 to 6");
  EXPECT_EQ(with("bos_token_id", uint64_t{263}),
            "tokenizer.ggml.bos_token_id: 263, expected an id below 263");
  EXPECT_EQ(with("eom_token_id", int64_t{-2}), "tokenizer.ggml.eom_token_id: -2, expected an id below 263");
  EXPECT_EQ(with("merges", std::vector<double>{1}),
            "tokenizer.ggml.merges: missing or not an array of strings");
  EXPECT_EQ(with("merges", Strings{"l l", "ll"}),
            "tokenizer.ggml.merges[1]: \"ll\", expected two tokens and a space");
  EXPECT_EQ(with("merges", Strings{"l l", "x y"}),
            "tokenizer.ggml.merges[1]: \"xy\" is not in the vocabulary");
}

TEST(LoadTokenizer, NamesTheTokenThatIsThereTwice) {
  TinyVocabulary vocabulary = HelloVocabulary();
  vocabulary.Add("ll", 1);
  EXPECT_EQ(ErrorOf(vocabulary.ByteLevel("gpt-2")),
            "tokenizer.ggml.tokens[263]: \"ll\" is token 256 already");
  vocabulary = HelloVocabulary();
  vocabulary.Add("<tool>", 4);
  EXPECT_EQ(ErrorOf(vocabulary.ByteLevel("gpt-2")),
            "tokenizer.ggml.tokens[263]: \"<tool>\" is token 262 already");
  vocabulary = AbcVocabulary();
  vocabulary.Add("<0x41>", 6);
  EXPECT_EQ(ErrorOf(vocabulary.SentencePiece()), "tokenizer.ggml.tokens[269]: <0x41> is token 68 already");
}

TEST(LoadTokenizer, NamesWhatIsWrongInSentencePieceFiles) {
  const Metadata good = AbcVocabulary().SentencePiece();
  const auto with = [&](const std::string& key, MetaValue value) {
    Metadata metadata = good;
    metadata.Set("tokenizer.ggml." + key, std::move(value));
    return ErrorOf(metadata);
  };
  EXPECT_EQ(with("scores", std::vector<double>(2)),
            "tokenizer.ggml.scores: 2 entries, expected 269, one for each of tokenizer.ggml.tokens");
  EXPECT_EQ(with("scores", std::vector<double>(269, std::nan(""))),
            "tokenizer.ggml.scores[0]: not a finite number");
  EXPECT_EQ(with("scores", std::vector<int64_t>(269)),
            "tokenizer.ggml.scores: missing or not an array of floats");
  TinyVocabulary vocabulary = AbcVocabulary();
  vocabulary.Add("<0xG1>", 6);
  EXPECT_EQ(ErrorOf(vocabulary.SentencePiece()),
            "tokenizer.ggml.tokens[269]: \"<0xG1>\", expected a byte token such as <0x0A>");
}

// Texts that make a careless merge loop or matcher quadratic; linear work is well below the limit.
TEST(Time, StaysLinearOnAdversarialTexts) {
  constexpr size_t kSize = 100'000;
  TinyVocabulary bytes = HelloVocabulary(), pieces = AbcVocabulary(), words = WordVocabulary();
  std::string long_as = "a", long_spaces = " ";
  for (int i = 0; i < 6; ++i, long_as += long_as, long_spaces += long_spaces) {
    bytes.Merge(long_as, long_as);
    pieces.Add(long_as + long_as, 1, -10 - i);
    bytes.Add(long_spaces + long_spaces, 4);
    pieces.Add(long_spaces + long_spaces, 4);
  }
  std::string marks = "e", llamas, openers;
  while (marks.size() < kSize) marks += "\u0301\u0323";
  while (llamas.size() < kSize) llamas += "🦙";
  while (openers.size() < kSize) openers += "<|im_en";
  const std::string kTexts[] = {std::string(kSize, 'a'),
                                std::string(kSize, ' '),
                                std::string(kSize, 'z'),
                                std::string(kSize, '\n'),
                                std::string(kSize, '<'),
                                marks,
                                llamas,
                                openers};
  for (const Metadata& metadata :
       {bytes.ByteLevel("mpt"), bytes.ByteLevel("deepseek-llm"), bytes.ByteLevel("gpt-4o"),
        bytes.ByteLevel("falcon"), pieces.SentencePiece(), pieces.SentencePiece("t5"), words.WordPiece()}) {
    const auto tokenizer = Load(metadata);
    for (const std::string& text : kTexts) {
      const std::clock_t start = std::clock();
      const std::vector<int32_t> ids = Ids(*tokenizer, text, true);
      Decoded(*tokenizer, ids);
      EXPECT_LT(std::clock() - start, 3 * CLOCKS_PER_SEC) << text.substr(0, 8);
    }
  }
}

}  // namespace
}  // namespace tern
