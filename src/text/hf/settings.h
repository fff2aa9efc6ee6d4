#pragma once
// HfSettings: what the small JSON files of a Hugging Face folder say about its tokenizer:
// tokenizer_config.json, special_tokens_map.json, added_tokens.json, generation_config.json and config.json,
// in the forms of Transformers 4 and 5. Any of them may be missing.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"

namespace tern {

// A token that was added to a vocabulary by hand.
struct AddedToken {
  std::string text;
  int32_t id = -1;  // -1: that of the vocabulary
  bool is_special = false;
  bool single_word = false, strips_left = false, strips_right = false;
  bool is_normalized = false;  // belongs to normalized text

  // {"content": "<s>", "lstrip": false, ...}, or the text alone.
  static Result<AddedToken> Load(const JsonNode& node);
};

struct HfSettings {
  std::string tokenizer_class;
  std::map<std::string, AddedToken> named;  // "bos_token", ..., for those that are there
  std::vector<AddedToken> extra_special;    // without a name of their own
  std::vector<AddedToken> added;            // with ids
  std::optional<bool> adds_bos, adds_eos, adds_prefix_space;
  bool lowercases = true, spaces_ideographs = true;  // of BERT's own files
  std::optional<bool> strips_accents;
  int32_t bos_id = -1;                                // by number, where no name says it
  std::vector<int32_t> end_ids;                       // by number: what ends an answer
  std::string chat_template;                          // Jinja source; "": none
  std::map<std::string, std::string> more_templates;  // by name, beside that one

  // The text of a named token, or "".
  std::string Named(const std::string& name) const;

  static Result<HfSettings> Read(const std::string& folder);
};

// The JSON file `name` of a folder; null where there is none.
Result<boost::json::value> ReadOptionalJson(const std::string& folder, const std::string& name,
                                            size_t max_bytes);

}  // namespace tern
