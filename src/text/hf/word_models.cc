#include "text/hf/word_models.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <unordered_map>

#include "text/bpe_builder.h"
#include "text/byte_alphabet.h"
#include "text/hf/limits.h"
#include "text/unigram_model.h"
#include "text/word_piece_model.h"

namespace tern {
namespace {

using WordModelLoader = Result<std::unique_ptr<const WordModel>> (*)(const JsonNode& node,
                                                                     const WordModelContext& context);
using Made = std::unique_ptr<const WordModel>;

std::string_view View(const boost::json::string& text) { return {text.data(), text.size()}; }

bool IsReachable(const WordModelContext& context, size_t id) {
  return !(*context.tokens)[id].empty() && !(*context.is_control)[id];
}

// The id of the token that `node` names; -1 where it is null, "" or no token of the model.
Result<int32_t> IdOf(const JsonNode& node, const WordModelContext& context) {
  TERN_TRY(const std::string token, node.Str(""));
  const auto found = std::ranges::find(*context.tokens, token);
  if (token.empty() || found == context.tokens->end()) return -1;
  return static_cast<int32_t>(found - context.tokens->begin());
}

Result<std::vector<std::string>> TokensOfObject(const JsonNode& vocab) {
  TERN_TRY(const auto* object, vocab.Object());
  std::vector<std::string> tokens(object->size());
  for (const auto& [key, value] : *object) {
    const auto* id = value.if_int64();
    if (id == nullptr || *id < 0 || *id >= kMostTokens) {
      return vocab.Bad(fmt::format("{} has no id from 0 to {}", Shown(key), kMostTokens - 1));
    }
    const auto index = static_cast<size_t>(*id);
    if (index >= tokens.size()) tokens.resize(index + 1);
    if (!tokens[index].empty()) {
      return vocab.Bad(fmt::format("{} and {} both have id {}", Shown(tokens[index]), Shown(key), index));
    }
    tokens[index] = std::string_view(key);
  }
  return tokens;
}

Result<std::vector<std::string>> TokensOfArray(const JsonNode& vocab) {
  TERN_TRY(const auto* array, vocab.Array());
  std::vector<std::string> tokens;
  if (array->size() > kMostTokens)
    return vocab.Bad(fmt::format("{} tokens, expected at most {}", array->size(), kMostTokens));
  for (size_t i = 0; i < array->size(); ++i) {
    const auto* pair = (*array)[i].if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_number()) {
      return vocab[i].Not("a token and its score");
    }
    tokens.emplace_back(View((*pair)[0].get_string()));
  }
  return tokens;
}

// --- BPE ---

Result<BpeOptions> ReadBpeOptions(const JsonNode& node, const WordModelContext& context) {
  BpeOptions options{.by_bytes = context.by_bytes, .last_merge_wins = true};
  TERN_TRY(options.whole_words, node["ignore_merges"].Bool(false));
  TERN_TRY(options.byte_fallback, node["byte_fallback"].Bool(false));
  TERN_TRY(options.fuses_unknown, node["fuse_unk"].Bool(false));
  TERN_TRY(options.unknown, IdOf(node["unk_token"], context));
  TERN_TRY(options.prefix, node["continuing_subword_prefix"].Str(""));
  TERN_TRY(options.suffix, node["end_of_word_suffix"].Str(""));
  return options;
}

// "a b" or ["a", "b"]. What is wrong with it, or "".
std::string AddMerge(const boost::json::value& merge, BpeBuilder* builder) {
  if (const auto* text = merge.if_string()) return builder->AddMerge(View(*text));
  const auto* pair = merge.if_array();
  if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string()) {
    return "expected a pair of tokens";
  }
  return builder->AddMerge(View((*pair)[0].get_string()), View((*pair)[1].get_string()));
}

Result<Made> LoadBpe(const JsonNode& node, const WordModelContext& context) {
  TERN_TRY(BpeOptions options, ReadBpeOptions(node, context));
  const JsonNode merges = node["merges"];
  TERN_TRY(const auto* array, merges.Array());
  BpeBuilder builder(std::move(options), context.tokens->size(), array->size());
  for (size_t id = 0; id < context.tokens->size(); ++id) {
    builder.AddToken((*context.tokens)[id], IsReachable(context, id));
  }
  for (size_t rank = 0; rank < array->size(); ++rank) {
    const std::string problem = AddMerge((*array)[rank], &builder);
    if (!problem.empty()) return merges[rank].Bad(problem);
  }
  return Made(builder.Finish());
}

// --- Unigram ---

Result<Made> LoadUnigram(const JsonNode& node, const WordModelContext& context) {
  constexpr double kUnknownPenalty = 10;  // below the least likely token
  const auto size = static_cast<int64_t>(context.tokens->size());
  const auto& vocab = node["vocab"].value().get_array();
  UnigramOptions options{.byte_ids = {}};
  options.byte_ids.fill(-1);
  TERN_TRY(const bool falls_back, node["byte_fallback"].Bool(false));
  if (!node["unk_id"].is_null()) {
    if (size == 0) return node["vocab"].Bad("empty");
    TERN_TRY(const int64_t unknown, node["unk_id"].Int(0, size - 1));
    options.unknown = static_cast<int32_t>(unknown);
  }
  std::vector<UnigramPiece> pieces;
  double least = INFINITY;
  for (size_t id = 0; id < context.tokens->size(); ++id) {
    const std::string& token = (*context.tokens)[id];
    const double score = vocab[id].get_array()[1].to_number<double>();
    if (!std::isfinite(score)) return node["vocab"][id].Bad("the score is not a finite number");
    least = std::min(least, score);
    if (IsReachable(context, id)) pieces.push_back({token, score, static_cast<int32_t>(id)});
    const int byte = falls_back ? ByteOfPiece(token) : -1;
    if (byte >= 0) options.byte_ids[static_cast<size_t>(byte)] = static_cast<int32_t>(id);
  }
  options.unknown_score = least - kUnknownPenalty;
  return Made(std::make_unique<UnigramModel>(options, pieces));
}

// --- WordPiece ---

Result<Made> LoadWordPiece(const JsonNode& node, const WordModelContext& context) {
  WordPieceOptions options;
  TERN_TRY(const std::string prefix, node["continuing_subword_prefix"].Str("##"));
  TERN_TRY(options.unknown, IdOf(node["unk_token"], context));
  if (!node["max_input_chars_per_word"].is_null()) {
    TERN_TRY(const int64_t most, node["max_input_chars_per_word"].Int(0, 1 << 30));
    options.most_characters = static_cast<size_t>(most);
  }
  std::vector<PrefixTrie::Entry> beginnings, continuations;
  for (size_t id = 0; id < context.tokens->size(); ++id) {
    if (!IsReachable(context, id)) continue;
    std::string_view token = (*context.tokens)[id];
    beginnings.push_back({token, static_cast<int32_t>(id)});
    if (!token.starts_with(prefix)) continue;
    token.remove_prefix(prefix.size());
    if (!token.empty()) continuations.push_back({token, static_cast<int32_t>(id)});
  }
  return Made(std::make_unique<WordPieceModel>(options, std::move(beginnings), std::move(continuations)));
}

// --- WordLevel ---

class WordLevelModel final : public WordModel {
 public:
  WordLevelModel(std::unordered_map<std::string, int32_t> ids, int32_t unknown)
      : ids_(std::move(ids)), unknown_(unknown) {}
  void Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const override {
    for (std::string_view word : words) {
      const auto found = ids_.find(std::string(word));
      if (found != ids_.end()) {
        ids->push_back(found->second);
      } else if (unknown_ >= 0) {
        ids->push_back(unknown_);
      }
    }
  }

 private:
  std::unordered_map<std::string, int32_t> ids_;
  int32_t unknown_;
};

Result<Made> LoadWordLevel(const JsonNode& node, const WordModelContext& context) {
  TERN_TRY(const int32_t unknown, IdOf(node["unk_token"], context));
  std::unordered_map<std::string, int32_t> ids;
  for (size_t id = 0; id < context.tokens->size(); ++id) {
    if (IsReachable(context, id)) ids.emplace((*context.tokens)[id], static_cast<int32_t>(id));
  }
  return Made(std::make_unique<WordLevelModel>(std::move(ids), unknown));
}

constexpr JsonKind<WordModelLoader> kWordModels[] = {
    {"BPE", LoadBpe},
    {"Unigram", LoadUnigram},
    {"WordPiece", LoadWordPiece},
    {"WordLevel", LoadWordLevel},
};

// Files of the first years have no "type".
Result<const JsonKind<WordModelLoader>*> ModelKindOf(const JsonNode& node) {
  TERN_TRY([[maybe_unused]] const auto* object, node.Object());
  if (!node["type"].is_null()) return KindOf(node, kWordModels);
  if (!node["merges"].is_null()) return &kWordModels[0];
  if (node["vocab"].value().is_array()) return &kWordModels[1];
  return &kWordModels[node["max_input_chars_per_word"].is_null() ? 3 : 2];
}

}  // namespace

Result<std::vector<std::string>> LoadModelTokens(const JsonNode& node) {
  TERN_TRY(const auto* kind, ModelKindOf(node));
  return kind->load == LoadUnigram ? TokensOfArray(node["vocab"]) : TokensOfObject(node["vocab"]);
}

Result<bool> ModelKnowsBytes(const JsonNode& node) {
  TERN_TRY(const auto* kind, ModelKindOf(node));
  if (kind->load != LoadBpe) return false;
  TERN_TRY(const bool falls_back, node["byte_fallback"].Bool(false));
  return !falls_back;
}

Result<std::unique_ptr<const WordModel>> LoadWordModel(const JsonNode& node,
                                                       const WordModelContext& context) {
  TERN_TRY(const auto* kind, ModelKindOf(node));
  return kind->load(node, context);
}

}  // namespace tern
