#include "text/hf/vocab_files.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/utf8.h"
#include "text/vocabulary.h"

namespace tern {
namespace {

using boost::json::array;
using boost::json::object;

// Calls visit(line, number from 0) for every line; the last may lack its newline.
template <class Visit>
void ForEachLine(std::string_view text, const Visit& visit) {
  for (size_t number = 0; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    visit(line, number);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

bool IsClass(const HfSettings& settings, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (settings.tokenizer_class.starts_with(name)) return true;
  }
  return false;
}

// A token and its id, as post-processors name them; null where the vocabulary lacks it.
boost::json::value NamedToken(const object& vocab, const std::string& text) {
  const auto* id = vocab.if_contains(text);
  return id == nullptr ? boost::json::value() : boost::json::value(array{text, *id});
}

}  // namespace

Result<boost::json::value> DescribeVocabTxt(std::string_view vocab, const HfSettings& settings) {
  if (!IsUtf8(vocab)) return BadInput("vocab.txt: not UTF-8");
  object ids;
  ForEachLine(vocab, [&](std::string_view line, size_t number) {
    ids.insert_or_assign(line, static_cast<int64_t>(number));
  });
  const auto named = [&](const char* name, const char* usual) {
    const std::string text = settings.Named(name);
    return text.empty() ? std::string(usual) : text;
  };
  const std::string unknown = named("unk_token", "[UNK]"), begin = named("cls_token", "[CLS]"),
                    end = named("sep_token", "[SEP]");
  object root;
  root["added_tokens"] = array();
  for (const std::string& text :
       {unknown, begin, end, named("pad_token", "[PAD]"), named("mask_token", "[MASK]")}) {
    if (ids.contains(text))
      root["added_tokens"].as_array().push_back(object{{"content", text}, {"special", true}});
  }
  root["normalizer"] = {
      {"type", "BertNormalizer"},
      {"handle_chinese_chars", settings.spaces_ideographs},
      {"lowercase", settings.lowercases},
      {"strip_accents",
       settings.strips_accents ? boost::json::value(*settings.strips_accents) : boost::json::value()}};
  root["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  root["decoder"] = {{"type", "WordPiece"}};
  const boost::json::value cls = NamedToken(ids, begin), sep = NamedToken(ids, end);
  if (!cls.is_null() && !sep.is_null())
    root["post_processor"] = {{"type", "BertProcessing"}, {"cls", cls}, {"sep", sep}};
  root["model"] = {{"type", "WordPiece"}, {"unk_token", unknown}, {"vocab", std::move(ids)}};
  return boost::json::value(std::move(root));
}

Result<boost::json::value> DescribeVocabAndMerges(boost::json::value vocab, std::string_view merges,
                                                  const HfSettings& settings) {
  if (!IsUtf8(merges)) return BadInput("merges.txt: not UTF-8");
  array list;
  ForEachLine(merges, [&](std::string_view line, size_t) {
    if (!line.empty() && !line.starts_with("#version")) list.emplace_back(line);
  });
  object root;
  const object byte_level = {{"type", "ByteLevel"},
                             {"add_prefix_space", settings.adds_prefix_space.value_or(false)}};
  root["decoder"] = byte_level;
  root["pre_tokenizer"] = byte_level;
  if (IsClass(settings, {"Qwen2Tokenizer"})) {
    constexpr const char* kCuts =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
        R"(\s+(?!\S)|\s+)";
    root["normalizer"] = {{"type", "NFC"}};
    const object bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
    const object cut = {{"type", "Split"}, {"pattern", {{"Regex", kCuts}}}, {"behavior", "Isolated"}};
    root["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {cut, bytes}}};
  }
  if (IsClass(settings, {"Roberta", "Bart", "Longformer", "LED"}) && vocab.is_object()) {
    const auto named = [&](const char* name, const char* usual) {
      const std::string text = settings.Named(name);
      return NamedToken(vocab.get_object(), text.empty() ? usual : text);
    };
    const boost::json::value cls = named("cls_token", "<s>"), sep = named("sep_token", "</s>");
    if (!cls.is_null() && !sep.is_null()) {
      root["post_processor"] = {{"type", "RobertaProcessing"}, {"cls", cls}, {"sep", sep}};
    }
  }
  root["model"] = {{"type", "BPE"}, {"vocab", std::move(vocab)}, {"merges", std::move(list)}};
  return boost::json::value(std::move(root));
}

}  // namespace tern
