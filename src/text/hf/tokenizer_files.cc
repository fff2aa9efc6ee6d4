#include "text/hf/tokenizer_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <unordered_map>

#include "text/char_class.h"
#include "text/hf/probe_texts.h"
#include "text/hf/tokenizer_json.h"
#include "text/pre_tokenizer.h"
#include "text/sentence_piece.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kSpace = "\u2581";
// Squares of the tokens' bytes: what looking for all their cuts takes. Gemma's tokens are 2e7.
constexpr size_t kMostCutting = size_t{1} << 29;
constexpr std::string_view kWithout = "--no-tokenizer writes the model without it";

class FilesWriter {
 public:
  FilesWriter(const Metadata& metadata, Vocabulary vocabulary)
      : metadata_(metadata), vocabulary_(std::move(vocabulary)) {}

  Status AddByteLevel(const PreTokenizerRule& rule, const std::vector<std::string>& merges) {
    json::array stages;
    for (const Cut& cut : rule.cuts) {
      if (cut.on_bytes ||
          (cut.is_member != nullptr && cut.is_member != IsNumeric && cut.is_member != IsPunctuation)) {
        return Unsupported(fmt::format("tokenizer.ggml.pre: {}: cuts that tokenizer.json cannot say here; {}",
                                       rule.name, kWithout));
      }
      if (cut.is_member == IsNumeric) {
        stages.push_back(json::object{{"type", "Digits"}, {"individual_digits", !cut.in_runs}});
      } else if (cut.is_member == IsPunctuation) {
        stages.push_back(
            json::object{{"type", "Punctuation"}, {"behavior", cut.in_runs ? "Contiguous" : "Isolated"}});
      } else {
        stages.push_back(json::object{{"type", "Split"},
                                      {"pattern", json::object{{"Regex", cut.pattern}}},
                                      {"behavior", "Isolated"},
                                      {"invert", false}});
      }
    }
    const json::object bytes = {
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
    stages.push_back(bytes);
    strips_left_ = [rule](std::string_view text) { return rule.StripsLeft(text); };
    if (rule.nfc) root_["normalizer"] = json::object{{"type", "NFC"}};
    root_["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", stages}};
    root_["decoder"] = bytes;
    json::array pairs;
    for (const std::string& merge : merges) pairs.emplace_back(merge);
    SetModel(std::move(pairs), json::object{{"ignore_merges", rule.whole_words}});
    return {};
  }

  Status AddSentencePiece(const SentencePieceParts& parts) {
    if (parts.options.charsmap || parts.options.removes_extra_spaces)
      return Unsupported(
          "tokenizer.ggml.precompiled_charsmap, remove_extra_whitespaces: supported: none in a folder");
    strips_right_ = [&options = parts.options](std::string_view text) { return options.StripsRight(text); };
    const bool prefixes = parts.options.adds_space_prefix;
    replaces_spaces_ = !prefixes;
    json::array normalizers, decoders;
    if (prefixes) normalizers.push_back(json::object{{"type", "Prepend"}, {"prepend", kSpace}});
    normalizers.push_back(
        json::object{{"type", "Replace"}, {"pattern", json::object{{"String", " "}}}, {"content", kSpace}});
    decoders.push_back(
        json::object{{"type", "Replace"}, {"pattern", json::object{{"String", kSpace}}}, {"content", " "}});
    decoders.push_back(json::object{{"type", "ByteFallback"}});
    decoders.push_back(json::object{{"type", "Fuse"}});
    if (prefixes)
      decoders.push_back(json::object{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    root_["normalizer"] = {{"type", "Sequence"}, {"normalizers", normalizers}};
    root_["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
    json::object more = {{"byte_fallback", true}, {"fuse_unk", true}, {"ignore_merges", false}};
    if (vocabulary_.unknown >= 0) more["unk_token"] = Text(vocabulary_.unknown);
    TERN_TRY(json::array merges, MergesOf(parts.scores));
    SetModel(std::move(merges), more);
    return {};
  }

  // Errors: texts would get other ids than the GGUF file gives them.
  Result<std::vector<std::pair<std::string, std::string>>> Files() {
    root_["version"] = "1.0";
    root_["truncation"] = nullptr;
    root_["padding"] = nullptr;
    root_["added_tokens"] = AddedTokens();
    if (!root_.contains("normalizer")) root_["normalizer"] = nullptr;
    if (!root_.contains("pre_tokenizer")) root_["pre_tokenizer"] = nullptr;
    root_["post_processor"] = Template();
    TERN_TRY_STATUS(TryOut());
    return std::vector<std::pair<std::string, std::string>>{
        {"tokenizer.json", json::serialize(root_) + "\n"},
        {"tokenizer_config.json", json::serialize(Config()) + "\n"},
        {"generation_config.json", json::serialize(Generation()) + "\n"}};
  }

 private:
  // What was written, read back.
  Status TryOut() const {
    TERN_TRY(const auto wanted, LoadTokenizer(metadata_));
    TERN_TRY(const auto got, LoadTokenizerJson(root_, "tokenizer.json", {}));
    std::vector<std::string> texts = ProbeTexts();
    for (int32_t id = 0; id < vocabulary_.size(); ++id) {
      // That of <unk> counts as text in GGUF.
      if (IsAdded(id) && vocabulary_.kind(id) != TokenKind::kUnknown)
        texts.push_back(fmt::format("a \t{0} \n b{0}c", Text(id)));
    }
    const IdsTrial trial = CompareIds(*wanted, *got, texts, /*parse_special=*/true);
    if (trial.differing == 0) return {};
    return Unsupported(fmt::format(
        "tokenizer.json: {} of {} texts would have other ids: {} is [{}], would be [{}]; {}", trial.differing,
        texts.size(), Shown(trial.text), fmt::join(trial.wanted, " "), fmt::join(trial.got, " "), kWithout));
  }

  std::string Text(int32_t id) const { return std::string(vocabulary_.text(id)); }

  bool IsAdded(int32_t id) const {
    const TokenKind kind = vocabulary_.kind(id);
    if (vocabulary_.IsFiller(id)) return false;
    return kind == TokenKind::kControl || kind == TokenKind::kUserDefined || kind == TokenKind::kUnknown;
  }

  void SetModel(json::array merges, const json::object& more) {
    json::object vocabulary;
    for (int32_t id = 0; id < vocabulary_.size(); ++id) vocabulary[Text(id)] = id;
    json::object model = {{"type", "BPE"},
                          {"dropout", nullptr},
                          {"unk_token", nullptr},
                          {"continuing_subword_prefix", nullptr},
                          {"end_of_word_suffix", nullptr},
                          {"fuse_unk", false},
                          {"byte_fallback", false}};
    for (const auto& [key, value] : more) model[key] = value;
    model["vocab"] = std::move(vocabulary);
    model["merges"] = std::move(merges);
    root_["model"] = std::move(model);
  }

  // Pairs of tokens that make a token, those with the best scores first: SentencePiece merges whatever makes
  // the best.
  Result<json::array> MergesOf(const std::vector<double>& scores) const {
    std::unordered_map<std::string_view, int32_t> ids;
    size_t cutting = 0;
    for (int32_t id = 0; id < vocabulary_.size(); ++id) {
      const std::string_view text = vocabulary_.text(id);
      if (vocabulary_.kind(id) != TokenKind::kNormal) continue;
      cutting += text.size() * text.size();
      if (cutting > kMostCutting) {
        return Unsupported(
            fmt::format("tokenizer.ggml.tokens[{}]: {} bytes, which with those before are too long to find "
                        "their merges; {}",
                        id, text.size(), kWithout));
      }
      ids.emplace(text, id);
    }
    struct Merge {
      int32_t made, left, right;
    };
    std::vector<Merge> merges;
    for (const auto& [text, made] : ids) {
      for (size_t at = Utf8Size(text[0]); at < text.size(); at += Utf8Size(text[at])) {
        const auto left = ids.find(text.substr(0, at)), right = ids.find(text.substr(at));
        if (left != ids.end() && right != ids.end()) merges.push_back({made, left->second, right->second});
      }
    }
    std::ranges::sort(merges, [&](const Merge& a, const Merge& b) {
      const double x = scores[static_cast<size_t>(a.made)], y = scores[static_cast<size_t>(b.made)];
      return std::tuple(-x, a.made, a.left, a.right) < std::tuple(-y, b.made, b.left, b.right);
    });
    json::array out;
    for (const Merge& merge : merges) out.push_back(json::array{Text(merge.left), Text(merge.right)});
    return out;
  }

  // Gemma's runs of spaces are found in normalized text, where a "\u2581" of the text's own is a space as
  // well.
  json::array AddedTokens() const {
    json::array added;
    for (int32_t id = 0; id < vocabulary_.size(); ++id) {
      if (!IsAdded(id)) continue;
      const bool is_special = vocabulary_.kind(id) != TokenKind::kUserDefined;
      const bool is_spaces = Text(id).find_first_not_of(' ') == std::string::npos;
      added.push_back(json::object{{"id", id},
                                   {"content", Text(id)},
                                   {"single_word", false},
                                   {"lstrip", strips_left_ && strips_left_(Text(id))},
                                   {"rstrip", strips_right_ && strips_right_(Text(id))},
                                   {"normalized", is_spaces && replaces_spaces_},
                                   {"special", is_special}});
    }
    return added;
  }

  json::value Template() const {
    json::array single, pair;
    json::object special;
    const auto add = [&](int32_t id, int type) {
      const std::string text = Text(id);
      special[text] = {{"id", text}, {"ids", json::array{id}}, {"tokens", json::array{text}}};
      if (type == 0)
        single.push_back(json::object{{"SpecialToken", json::object{{"id", text}, {"type_id", 0}}}});
      pair.push_back(json::object{{"SpecialToken", json::object{{"id", text}, {"type_id", type}}}});
    };
    const bool bos = vocabulary_.adds_bos && vocabulary_.bos >= 0,
               eos = vocabulary_.adds_eos && vocabulary_.eos >= 0;
    if (!bos && !eos) return nullptr;
    for (int type = 0; type < 2; ++type) {
      const char* name = type == 0 ? "A" : "B";
      if (bos) add(vocabulary_.bos, type);
      if (type == 0) single.push_back(json::object{{"Sequence", json::object{{"id", name}, {"type_id", 0}}}});
      pair.push_back(json::object{{"Sequence", json::object{{"id", name}, {"type_id", type}}}});
      if (eos) add(vocabulary_.eos, type);
    }
    return json::object{
        {"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
  }

  json::object Config() const {
    json::object config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                           {"clean_up_tokenization_spaces", false}};
    const auto name = [&](const char* key, int32_t id) {
      if (vocabulary_.Has(id)) config[key] = Text(id);
    };
    name("bos_token", vocabulary_.bos);
    name("eos_token", vocabulary_.eos);
    name("unk_token", vocabulary_.unknown);
    if (const auto id = metadata_.Int("tokenizer.ggml.padding_token_id"); id.ok())
      name("pad_token", static_cast<int32_t>(id.value()));
    const auto chat = metadata_.Str("tokenizer.chat_template");
    if (chat.ok()) config["chat_template"] = chat.value();
    return config;
  }

  json::object Generation() const {
    json::object generation;
    if (vocabulary_.bos >= 0) generation["bos_token_id"] = vocabulary_.bos;
    json::array ends;
    if (vocabulary_.eos >= 0) ends.emplace_back(vocabulary_.eos);
    for (const char* key : {"eot", "eom"}) {
      const auto id = metadata_.Int(fmt::format("tokenizer.ggml.{}_token_id", key));
      if (id.ok() && id.value() != vocabulary_.eos) ends.emplace_back(id.value());
    }
    if (ends.size() == 1) generation["eos_token_id"] = ends[0];
    if (ends.size() > 1) generation["eos_token_id"] = ends;
    return generation;
  }

  const Metadata& metadata_;
  Vocabulary vocabulary_;
  json::object root_;
  bool replaces_spaces_ = false;                                      // and adds none
  std::function<bool(std::string_view)> strips_left_, strips_right_;  // of added tokens
};

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> TokenizerFilesOf(const Metadata& metadata) {
  TERN_TRY(const std::string model, metadata.Str("tokenizer.ggml.model", "none"));
  if (model == "none") return std::vector<std::pair<std::string, std::string>>();
  if (model == "gpt2") {
    TERN_TRY(const PreTokenizerRule* rule, FindPreTokenizerRule(metadata));
    TERN_TRY(Vocabulary vocabulary, ReadVocabulary(metadata, {.adds_bos = rule->adds_bos}));
    const std::vector<std::string>* merges = metadata.Strings("tokenizer.ggml.merges");
    if (merges == nullptr) return BadInput("tokenizer.ggml.merges: missing or not an array of strings");
    FilesWriter writer(metadata, std::move(vocabulary));
    TERN_TRY_STATUS(writer.AddByteLevel(*rule, *merges));
    return writer.Files();
  }
  if (model == "llama") {
    const VocabularyDefaults defaults = {.adds_bos = true, .bos_text = "<s>", .eos_text = "</s>"};
    TERN_TRY(const SentencePieceParts parts, ReadSentencePiece(metadata, defaults));
    TERN_TRY(Vocabulary vocabulary, ReadVocabulary(metadata, defaults));
    FilesWriter writer(metadata, std::move(vocabulary));
    TERN_TRY_STATUS(writer.AddSentencePiece(parts));
    return writer.Files();
  }
  return Unsupported(fmt::format("tokenizer.ggml.model: {}, supported as files of a folder: gpt2, llama; {}",
                                 Shown(model), kWithout));
}

}  // namespace tern
