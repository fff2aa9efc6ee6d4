#pragma once
// JsonVocabulary: the tokens of a tokenizer.json, with those that the settings of its folder add. Immutable
// once read.

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"
#include "text/hf/settings.h"
#include "text/vocabulary.h"

namespace tern {

class JsonVocabulary {
 public:
  // `root` is the file's object. Both must outlive the vocabulary.
  static Result<JsonVocabulary> Read(const JsonNode& root, const HfSettings& settings);

  const std::vector<std::string>& tokens() const { return tokens_; }  // by id; "": none
  size_t model_size() const { return model_size_; }                   // ids below it are the model's
  const std::map<int32_t, AddedToken>& added() const { return added_; }
  int32_t Find(const std::string& token) const;  // -1: none
  // Special tokens are control tokens, other added ones are user-defined.
  Vocabulary Make() const;

 private:
  JsonVocabulary(const JsonNode& root, const HfSettings& settings) : root_(&root), settings_(&settings) {}
  Status ReadAdded();
  bool IsFree(int64_t id) const {
    return static_cast<size_t>(id) >= tokens_.size() || tokens_[static_cast<size_t>(id)].empty();
  }
  void AddSpecial(AddedToken token);
  void Add(AddedToken token);

  const JsonNode* root_;
  const HfSettings* settings_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;  // of tokens_
  size_t model_size_ = 0;
  std::map<int32_t, AddedToken> added_;
};

}  // namespace tern
