// grammar_bench MODEL.gguf [--vocabulary OUT.json]: microseconds that masks and compiling take. Reads one
// case per line, {"form", "source", "text"}; writes per line the time to compile in ms, the time of each mask
// along the text in us, and the text's tokens. bench/grammar runs it beside other programs.

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iostream>
#include <string>

#include "base/file.h"
#include "io/checkpoint.h"
#include "text/grammar/token_masker.h"

namespace tern {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

double Us(Clock::time_point since) {
  return std::chrono::duration<double, std::micro>(Clock::now() - since).count();
}

Result<json::object> Measure(const json::object& request, const Tokenizer& tokenizer,
                             const std::shared_ptr<grammar::VocabularyIndex>& vocabulary) {
  std::vector<int32_t> ids;
  tokenizer.Encode(request.at("text").as_string(), false, &ids);
  TERN_TRY(const GrammarFormDesc* form, FindGrammarForm(request.at("form").as_string()));
  const Clock::time_point begin = Clock::now();
  TERN_TRY(const auto compiled, Grammar::Compile(*form, request.at("source").as_string()));
  TERN_TRY(const auto masker, TokenMasker::Make(compiled, vocabulary));
  json::object answer{{"compile_ms", Us(begin) / 1000}, {"tokens", json::array(ids.begin(), ids.end())}};
  json::array masks;
  GrammarPosition position = masker->start();
  for (size_t i = 0;; ++i) {
    const Clock::time_point start = Clock::now();
    TERN_TRY(const auto mask, masker->Mask(position));
    masks.push_back(Us(start));
    if (i == ids.size()) break;
    TERN_TRY(const bool accepted, masker->Accept(&position, ids[i]));
    if (!accepted || !grammar::HasBit(mask, ids[i])) return BadInput(fmt::format("token {} is refused", i));
  }
  if (!position.can_end) return BadInput("the text may not end");
  answer["mask_us"] = std::move(masks);
  answer["bytes"] = masker->bytes();
  return answer;
}

Status WriteVocabulary(const grammar::VocabularyIndex& vocabulary, const std::string& path) {
  json::array texts;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    std::string hex;
    for (const char byte : vocabulary.text(id))
      hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    texts.emplace_back(hex);
  }
  const auto ends = vocabulary.ends();
  return WriteFileAtomic(
      path, json::serialize(
                json::object{{"texts", std::move(texts)}, {"ends", json::array(ends.begin(), ends.end())}}));
}

Status Run(int count, char** words) {
  if (count < 2) return BadInput("expected a model");
  TERN_TRY(const auto checkpoint, OpenCheckpoint(words[1]));
  TERN_TRY(const auto tokenizer, LoadTokenizer(checkpoint->metadata()));
  const auto vocabulary = std::make_shared<grammar::VocabularyIndex>(*tokenizer);
  if (count == 4) TERN_TRY_STATUS(WriteVocabulary(*vocabulary, words[3]));
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto answer = Measure(json::parse(line).as_object(), *tokenizer, vocabulary);
    const json::object said = answer.ok() ? answer.value() : json::object{{"error", answer.error().what}};
    std::cout << json::serialize(said) << std::endl;
  }
  return {};
}

}  // namespace
}  // namespace tern

int main(int count, char** words) {
  const tern::Status status = tern::Run(count, words);
  if (!status.ok()) fmt::print(stderr, "{}\n", status.error().what);
  return !status.ok();
}
