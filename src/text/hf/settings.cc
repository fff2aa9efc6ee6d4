#include "text/hf/settings.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <limits>

#include "base/file.h"
#include "io/files.h"
#include "io/json_text.h"

namespace tern {
namespace {

constexpr size_t kMaxSettingsBytes = size_t{64} << 20;
constexpr size_t kMaxDepth = 32;
constexpr int64_t kMaxId = std::numeric_limits<int32_t>::max();
constexpr const char* kNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};

Result<int32_t> IdOf(const JsonNode& node) {
  TERN_TRY(const int64_t id, node.Int(0, kMaxId));
  return static_cast<int32_t>(id);
}

// A number, or an array of numbers.
Status AddIds(const JsonNode& node, std::vector<int32_t>* ids) {
  if (node.value().is_array()) {
    TERN_TRY(const std::vector<JsonNode> items, node.Items());
    for (const JsonNode& item : items) TERN_TRY_STATUS(AddIds(item, ids));
    return {};
  }
  if (node.is_null()) return {};
  TERN_TRY(const int64_t id, node.Int(-kMaxId, kMaxId));
  if (id >= 0) ids->push_back(static_cast<int32_t>(id));  // some say "none" by -1
  return {};
}

class SettingsReader {
 public:
  explicit SettingsReader(std::string folder) : folder_(std::move(folder)) {}

  Result<HfSettings> Run() {
    // What is read first stays.
    TERN_TRY_STATUS(ReadFile("tokenizer_config.json", &SettingsReader::ReadConfig));
    TERN_TRY_STATUS(ReadFile("special_tokens_map.json", &SettingsReader::ReadNamed));
    TERN_TRY_STATUS(ReadFile("added_tokens.json", &SettingsReader::ReadAddedIds));
    TERN_TRY_STATUS(ReadFile("generation_config.json", &SettingsReader::ReadIds));
    TERN_TRY_STATUS(ReadFile("config.json", &SettingsReader::ReadIds));
    TERN_TRY_STATUS(ReadTemplate());
    return std::move(settings_);
  }

 private:
  using Read = Status (SettingsReader::*)(const JsonNode& node);

  Status ReadFile(const std::string& name, Read read) {
    TERN_TRY(const boost::json::value json, ReadOptionalJson(folder_, name, kMaxSettingsBytes));
    const JsonNode node(json, name);
    if (json.is_null()) return {};
    if (!json.is_object()) return node.Not("an object");
    return (this->*read)(node);
  }

  Status ReadConfig(const JsonNode& node) {
    TERN_TRY(settings_.tokenizer_class, node["tokenizer_class"].Str(""));
    TERN_TRY(settings_.lowercases, node["do_lower_case"].Bool(true));
    TERN_TRY(settings_.spaces_ideographs, node["tokenize_chinese_chars"].Bool(true));
    const std::pair<const char*, std::optional<bool>*> kFlags[] = {
        {"add_bos_token", &settings_.adds_bos},
        {"add_eos_token", &settings_.adds_eos},
        {"add_prefix_space", &settings_.adds_prefix_space},
        {"strip_accents", &settings_.strips_accents}};
    for (const auto& [key, flag] : kFlags) {
      if (!node[key].is_null()) {
        TERN_TRY(*flag, node[key].Bool());
      }
    }
    TERN_TRY_STATUS(ReadNamed(node));
    TERN_TRY_STATUS(ReadAddedTokens(node["added_tokens_decoder"]));
    return ReadTemplates(node["chat_template"]);
  }

  // "bos_token": "<s>", or an object; and lists of more.
  Status ReadNamed(const JsonNode& node) {
    for (const char* name : kNames) {
      const JsonNode token = node[name];
      if (token.is_null() || token.value().is_bool() || settings_.named.contains(name)) continue;
      TERN_TRY(AddedToken added, AddedToken::Load(token));
      if (!added.text.empty()) settings_.named.emplace(name, std::move(added));
    }
    for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
      const JsonNode list = node[key];
      if (list.value().is_object()) {  // by names of their own
        for (const auto& member : list.value().get_object()) TERN_TRY_STATUS(AddSpecial(list[member.key()]));
        continue;
      }
      TERN_TRY(const std::vector<JsonNode> items, list.Items());
      for (const JsonNode& item : items) TERN_TRY_STATUS(AddSpecial(item));
    }
    return {};
  }

  Status AddSpecial(const JsonNode& node) {
    TERN_TRY(AddedToken token, AddedToken::Load(node));
    token.is_special = true;
    settings_.extra_special.push_back(std::move(token));
    return {};
  }

  // {"32000": {"content": "<pad>", ...}, ...}
  Status ReadAddedTokens(const JsonNode& node) {
    if (node.is_null()) return {};
    TERN_TRY(const auto* object, node.Object());
    for (const auto& member : *object) {
      const std::string_view key = member.key();
      int32_t id = -1;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || end != key.data() + key.size() || id < 0) {
        return node.Bad(fmt::format("{}, expected an id", Shown(key)));
      }
      TERN_TRY(AddedToken token, AddedToken::Load(node[key]));
      token.id = id;
      settings_.added.push_back(std::move(token));
    }
    return {};
  }

  // {"<pad>": 32000, ...}
  Status ReadAddedIds(const JsonNode& node) {
    TERN_TRY(const auto* object, node.Object());
    for (const auto& member : *object) {
      TERN_TRY(const int32_t id, IdOf(node[member.key()]));
      settings_.added.push_back({.text = std::string(member.key()), .id = id});
    }
    return {};
  }

  Status ReadIds(const JsonNode& node) {
    TERN_TRY_STATUS(AddIds(node["eos_token_id"], &settings_.end_ids));
    std::vector<int32_t> begin;
    TERN_TRY_STATUS(AddIds(node["bos_token_id"], &begin));
    if (settings_.bos_id < 0 && !begin.empty()) settings_.bos_id = begin[0];
    return {};
  }

  // A template, or a list of named ones of which "default" is meant, else the first.
  Status ReadTemplates(const JsonNode& node) {
    if (!node.value().is_array()) {
      TERN_TRY(settings_.chat_template, node.Str(""));
      return {};
    }
    TERN_TRY(const std::vector<JsonNode> items, node.Items());
    for (const JsonNode& item : items) {
      TERN_TRY(const std::string name, item["name"].Str());
      TERN_TRY(const std::string source, item["template"].Str());
      settings_.more_templates[name] = source;
      if (name == "default" || settings_.chat_template.empty()) settings_.chat_template = source;
    }
    settings_.more_templates.erase("default");
    return {};
  }

  // Files of their own come before tokenizer_config.json.
  Status ReadTemplate() {
    if (IsFile(folder_ + "/chat_template.jinja")) {
      TERN_TRY(settings_.chat_template, tern::ReadFile(folder_ + "/chat_template.jinja", kMaxSettingsBytes));
      return {};
    }
    TERN_TRY(const boost::json::value json,
             ReadOptionalJson(folder_, "chat_template.json", kMaxSettingsBytes));
    const JsonNode node = JsonNode(json, "chat_template.json")["chat_template"];
    return node.is_null() ? Status() : ReadTemplates(node);
  }

  std::string folder_;
  HfSettings settings_;
};

}  // namespace

Result<AddedToken> AddedToken::Load(const JsonNode& node) {
  AddedToken token;
  if (node.value().is_string()) {
    TERN_TRY(token.text, node.Str());
    return token;
  }
  TERN_TRY(token.text, node["content"].Str());
  TERN_TRY(token.is_special, node["special"].Bool(false));
  TERN_TRY(token.single_word, node["single_word"].Bool(false));
  TERN_TRY(token.strips_left, node["lstrip"].Bool(false));
  TERN_TRY(token.strips_right, node["rstrip"].Bool(false));
  TERN_TRY(token.is_normalized, node["normalized"].Bool(false));
  return token;
}

std::string HfSettings::Named(const std::string& name) const {
  const auto found = named.find(name);
  return found == named.end() ? "" : found->second.text;
}

Result<HfSettings> HfSettings::Read(const std::string& folder) { return SettingsReader(folder).Run(); }

Result<boost::json::value> ReadOptionalJson(const std::string& folder, const std::string& name,
                                            size_t max_bytes) {
  const std::string path = folder + "/" + name;
  if (!IsFile(path)) return boost::json::value();
  TERN_TRY(const std::string text, ReadFile(path, max_bytes));
  return ParseJson(text, name, kMaxDepth);
}

}  // namespace tern
