// Tries grammars for the tests written in Python: reads one request per line, writes one answer per line.
//
//   grammar_probe [--model FILE.gguf]...
//
//   {"form", "source", "texts": [...]}                 -> {"matches": [...]}: what each text is to the
//   grammar; with models
//                                                         also whether masks allow each text token by token,
//                                                         and its end
//   {"form", "source", "generate": N, "seed": S, "most": bytes}
//                                                      -> {"texts": [...]}: texts drawn by the masks of the
//                                                      first model,
//                                                         null where one had no end in so many bytes
//   either way {"error": "..."} where the grammar is refused

#include <fmt/format.h>

#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <random>
#include <string>

#include "io/checkpoint.h"
#include "text/grammar/token_masker.h"

namespace tern {
namespace {

namespace json = boost::json;

struct Vocabulary {
  std::unique_ptr<Tokenizer> tokenizer;
  std::shared_ptr<grammar::VocabularyIndex> index;
  grammar::MaskWords few_bytes = {};  // tokens of one or two
};

Result<Vocabulary> Load(const std::string& path) {
  TERN_TRY(const auto checkpoint, OpenCheckpoint(path));
  Vocabulary vocabulary;
  TERN_TRY(vocabulary.tokenizer, LoadTokenizer(checkpoint->metadata()));
  vocabulary.index = std::make_shared<grammar::VocabularyIndex>(*vocabulary.tokenizer);
  vocabulary.few_bytes.assign(vocabulary.index->words(), 0);
  for (int32_t id = 0; id < vocabulary.index->size(); ++id) {
    const bool ends = vocabulary.tokenizer->IsEndOfGeneration(id);
    if (vocabulary.index->text(id).size() <= (ends ? 0 : 2)) grammar::SetBit(vocabulary.few_bytes, id);
  }
  return vocabulary;
}

// Token by token: each must have its bit, and at the end those that end a text.
Result<bool> MasksAllow(TokenMasker& masker, const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> ids;
  tokenizer.Encode(text, false, &ids);
  GrammarPosition position = masker.start();
  for (const int32_t id : ids) {
    TERN_TRY(const auto mask, masker.Mask(position));
    const bool is_allowed = grammar::HasBit(mask, id);
    TERN_TRY(const bool accepted, masker.Accept(&position, id));
    if (accepted != is_allowed) return BadInput("a mask and a step do not agree");
    if (!accepted) return false;
  }
  TERN_TRY(const auto mask, masker.Mask(position));
  for (const int32_t end : masker.vocabulary().ends()) {
    if (grammar::HasBit(mask, end) != position.can_end) return BadInput("the end's bit is wrong");
  }
  return position.can_end;
}

// One of the allowed tokens: a third of the time any, else one of few bytes, or texts would hardly ever end.
int32_t Draw(const Vocabulary& vocabulary, std::span<const uint64_t> mask, std::mt19937_64& random) {
  const bool any = random() % 3 == 0;
  const size_t begin = random() % mask.size();
  for (const bool is_last_try : {false, true}) {
    for (size_t i = 0; i < mask.size(); ++i) {
      const size_t word = (begin + i) % mask.size();
      const uint64_t bits = mask[word] & (any || is_last_try ? ~uint64_t{0} : vocabulary.few_bytes[word]);
      if (bits == 0) continue;
      const auto turn = static_cast<int>(random() % 64);
      return static_cast<int32_t>(word * 64) + (std::countr_zero(std::rotr(bits, turn)) + turn) % 64;
    }
  }
  return -1;
}

Result<json::value> Generate(TokenMasker& masker, const Vocabulary& vocabulary, std::mt19937_64& random,
                             size_t most) {
  const Tokenizer& tokenizer = *vocabulary.tokenizer;
  GrammarPosition position = masker.start();
  Detokenizer detokenizer(tokenizer);
  std::string text;
  for (size_t steps = 0; text.size() < most && steps < most; ++steps) {
    if (position.is_finished()) break;
    TERN_TRY(const auto mask, masker.Mask(position));
    const int32_t id = Draw(vocabulary, mask, random);
    if (id < 0) return BadInput("a dead end behind: " + text);
    if (tokenizer.IsEndOfGeneration(id)) break;
    TERN_TRY(const bool accepted, masker.Accept(&position, id));
    if (!accepted) return BadInput(fmt::format("token {} is allowed but not accepted behind: {}", id, text));
    detokenizer.Push(id, &text);
  }
  if (!position.can_end) return json::value(nullptr);
  detokenizer.Flush(&text);
  return json::value(text);
}

Result<json::object> Answer(const json::object& request, const std::vector<Vocabulary>& vocabularies) {
  TERN_TRY(const GrammarFormDesc* form, FindGrammarForm(request.at("form").as_string()));
  TERN_TRY(const auto compiled, Grammar::Compile(*form, request.at("source").as_string()));
  std::vector<std::unique_ptr<TokenMasker>> maskers;
  for (const Vocabulary& vocabulary : vocabularies) {
    TERN_TRY(auto masker, TokenMasker::Make(compiled, vocabulary.index));
    maskers.push_back(std::move(masker));
  }
  json::object answer;
  if (const auto* texts = request.if_contains("texts")) {
    json::array matches;
    for (const json::value& text : texts->as_array()) {
      const std::string_view bytes = text.as_string();
      TERN_TRY(const GrammarMatch match, MatchText(*compiled, bytes));
      for (size_t i = 0; i < maskers.size(); ++i) {
        // The first space would not be part of the text.
        if (vocabularies[i].tokenizer->strips_leading_space()) continue;
        TERN_TRY(const bool allowed, MasksAllow(*maskers[i], *vocabularies[i].tokenizer, bytes));
        if (allowed != match.matches)
          return BadInput(fmt::format("vocabulary {} says {} to: {}", i, allowed, bytes));
      }
      matches.push_back(match.matches);
    }
    answer["matches"] = std::move(matches);
  }
  if (const auto* count = request.if_contains("generate")) {
    std::mt19937_64 random(static_cast<uint64_t>(request.at("seed").as_int64()));
    json::array texts;
    for (int64_t i = 0; i < count->as_int64(); ++i) {
      const size_t which = static_cast<size_t>(i) % maskers.size();
      TERN_TRY(json::value text, Generate(*maskers[which], vocabularies[which], random,
                                          static_cast<size_t>(request.at("most").as_int64())));
      texts.push_back(std::move(text));
    }
    answer["texts"] = std::move(texts);
  }
  return answer;
}

int Run(int count, char** words) {
  std::vector<Vocabulary> vocabularies;
  for (int i = 2; i < count; i += 2) {
    auto vocabulary = Load(words[i]);
    if (!vocabulary.ok()) {
      fmt::print(stderr, "{}\n", vocabulary.error().what);
      return 1;
    }
    vocabularies.push_back(std::move(vocabulary).value());
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto answer = Answer(json::parse(line).as_object(), vocabularies);
    const json::object said = answer.ok() ? answer.value() : json::object{{"error", answer.error().what}};
    std::cout << json::serialize(said) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace tern

int main(int count, char** words) { return tern::Run(count, words); }
