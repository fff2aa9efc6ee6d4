#include "text/hf/identify_pre_tokenizer.h"

#include <boost/json/array.hpp>
#include <optional>

#include "text/byte_alphabet.h"
#include "text/hf/pre_tokenizers.h"
#include "text/hf/probe_texts.h"

namespace tern {
namespace {

// "default" is a warning to other readers, and "gpt-neox" unknown to them.
bool IsOnlyRead(const PreTokenizerRule& rule) { return rule.name == "default" || rule.name == "gpt-neox"; }

// All probe texts as one. It begins with a space, in front of which no pre-tokenizer puts another.
std::string ProbeText() {
  std::string joined;
  for (const std::string& text : ProbeTexts()) joined += " " + text;
  return joined;
}

// Where words end, in bytes of the text; nothing where the words are not those of the text.
std::optional<std::vector<size_t>> EndsOf(const std::vector<std::string_view>& words, bool are_spelled,
                                          std::string_view text) {
  std::vector<size_t> ends;
  std::string joined;
  for (std::string_view word : words) {
    if (!are_spelled) {
      joined += word;
    } else if (!AppendSpelledBytes(word, &joined)) {
      return std::nullopt;
    }
    ends.push_back(joined.size());
  }
  if (joined != text) return std::nullopt;
  return ends;
}

bool HasStep(const JsonNode& node, std::string_view type) {
  if (node.is_null()) return false;
  const boost::json::string* name = node["type"].value().if_string();
  if (name != nullptr && std::string_view(*name) == type) return true;
  const auto items = node["normalizers"].Items();
  if (!items.ok()) return false;
  for (const JsonNode& item : items.value()) {
    if (HasStep(item, type)) return true;
  }
  return false;
}

bool MaskStripsLeft(const JsonNode& root) {
  const auto items = root["added_tokens"].Items();
  if (!items.ok()) return false;
  for (const JsonNode& item : items.value()) {
    const auto text = item["content"].Str("");
    if (text.ok() && text.value() == "<mask>") return item["lstrip"].value() == true;
  }
  return false;
}

}  // namespace

Result<const PreTokenizerRule*> IdentifyPreTokenizer(const JsonNode& root) {
  TERN_TRY(const WordSplitter splitter, WordSplitter::Load(root["pre_tokenizer"], true));
  const std::string text = ProbeText();
  WordList list(text, /*begins_input=*/true);
  splitter.Run(&list);
  const auto wanted = EndsOf(list.words(), !splitter.ends_in_bytes(), text);
  TERN_TRY(const bool whole_words, root["model"]["ignore_merges"].Bool(false));
  const bool nfc = HasStep(root["normalizer"], "NFC"), mask = MaskStripsLeft(root);
  const PreTokenizerRule* best = nullptr;
  int best_likeness = -1;
  for (const PreTokenizerRule& rule : PreTokenizerRules()) {
    if (IsOnlyRead(rule) || !wanted) continue;
    const int likeness =
        4 * (rule.nfc == nfc) + 2 * (rule.whole_words == whole_words) + (rule.mask_strips_left == mask);
    if (likeness <= best_likeness) continue;
    TERN_TRY(const PreTokenizer pre_tokenizer, PreTokenizer::Compile(rule.cuts));
    if (EndsOf(pre_tokenizer.Split(text), false, text) != wanted) continue;
    best = &rule;
    best_likeness = likeness;
  }
  if (best != nullptr) return best;
  return root["pre_tokenizer"].Unknown("cuts text as none of the names of tokenizer.ggml.pre does");
}

}  // namespace tern
