#include "text/hf/json_vocabulary.h"

#include <boost/json/array.hpp>

#include "text/hf/limits.h"
#include "text/hf/word_models.h"

namespace tern {

Result<JsonVocabulary> JsonVocabulary::Read(const JsonNode& root, const HfSettings& settings) {
  JsonVocabulary vocabulary(root, settings);
  TERN_TRY(vocabulary.tokens_, LoadModelTokens(root["model"]));
  vocabulary.model_size_ = vocabulary.tokens_.size();
  for (size_t id = 0; id < vocabulary.tokens_.size(); ++id) {
    const std::string& token = vocabulary.tokens_[id];
    if (!token.empty()) vocabulary.ids_.emplace(token, static_cast<int32_t>(id));
  }
  TERN_TRY_STATUS(vocabulary.ReadAdded());
  return vocabulary;
}

int32_t JsonVocabulary::Find(const std::string& token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

// Collects the added tokens: the file's own, then those that the settings have beyond.
Status JsonVocabulary::ReadAdded() {
  TERN_TRY(const std::vector<JsonNode> items, (*root_)["added_tokens"].Items());
  for (const JsonNode& item : items) {
    TERN_TRY(AddedToken token, AddedToken::Load(item));
    if (token.text.empty()) continue;
    if (!ids_.contains(token.text)) {
      TERN_TRY(const int64_t id, item["id"].Int(0, kMostTokens - 1));
      if (!IsFree(id))
        return item["id"].Bad(fmt::format("{} is {} already", id, Shown(tokens_[static_cast<size_t>(id)])));
      token.id = static_cast<int32_t>(id);
    }
    Add(std::move(token));
  }
  for (const AddedToken& token : settings_->added) {
    const bool has_id = token.id >= 0 && token.id < kMostTokens && IsFree(token.id);
    if (!token.text.empty() && (ids_.contains(token.text) || has_id)) Add(token);
  }
  for (const auto& [name, token] : settings_->named) AddSpecial(token);
  for (const AddedToken& token : settings_->extra_special) AddSpecial(token);
  return {};
}

// Special tokens that are no tokens are left out.
void JsonVocabulary::AddSpecial(AddedToken token) {
  if (!ids_.contains(token.text)) return;
  token.is_special = true;
  Add(std::move(token));
}

void JsonVocabulary::Add(AddedToken token) {
  const auto known = ids_.find(token.text);
  if (known != ids_.end()) {
    token.id = known->second;
  } else {
    const auto index = static_cast<size_t>(token.id);
    if (index >= tokens_.size()) tokens_.resize(index + 1);
    tokens_[index] = token.text;
    ids_.emplace(token.text, token.id);
  }
  const auto [at, is_new] = added_.try_emplace(token.id, token);
  // What the first of two says stays, but for this: a token is special where anyone says so.
  if (!is_new) at->second.is_special |= token.is_special;
}

Vocabulary JsonVocabulary::Make() const {
  Vocabulary vocabulary;
  for (size_t id = 0; id < tokens_.size(); ++id) {
    const auto added = added_.find(static_cast<int32_t>(id));
    vocabulary.texts.Append(tokens_[id]);
    vocabulary.kinds.push_back(added == added_.end()      ? TokenKind::kNormal
                               : added->second.is_special ? TokenKind::kControl
                                                          : TokenKind::kUserDefined);
  }
  const auto named = [&](const char* name, const char* other) {
    for (const char* key : {name, other}) {
      if (const int32_t id = Find(settings_->Named(key)); id >= 0) return id;
    }
    return -1;
  };
  vocabulary.bos = named("bos_token", "cls_token");
  vocabulary.eos = named("eos_token", "sep_token");
  if (vocabulary.bos < 0 && vocabulary.Has(settings_->bos_id)) vocabulary.bos = settings_->bos_id;
  for (int32_t id : settings_->end_ids) {
    if (vocabulary.eos < 0 && vocabulary.Has(id)) vocabulary.eos = id;
  }
  vocabulary.MarkEnds(settings_->end_ids);
  return vocabulary;
}

}  // namespace tern
