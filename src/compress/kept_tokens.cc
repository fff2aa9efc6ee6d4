#include "compress/kept_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "text/byte_alphabet.h"
#include "text/merge_symbols.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace tern {
namespace {

constexpr std::string_view kModelKey = "tokenizer.ggml.model", kMergesKey = "tokenizer.ggml.merges",
                           kScoresKey = "tokenizer.ggml.scores", kTypesKey = "tokenizer.ggml.token_type",
                           kHuggingFaceKey = "tokenizer.huggingface.json", kPrefix = "tokenizer.ggml.";

// "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eos_token_ids"
bool HoldsIds(std::string_view key) {
  return key.starts_with(kPrefix) && (key.ends_with("_token_id") || key.ends_with("_token_ids"));
}

// Places that were left for tokens to come.
bool IsReserved(std::string_view text) {
  return text.starts_with("<unused") || text.starts_with("[unused") || text.starts_with("<|reserved");
}

// "left right", as files have it: the space may be a token's own first character.
std::optional<std::pair<std::string_view, std::string_view>> SplitMerge(std::string_view merge) {
  const size_t space = merge.find(' ', 1);
  if (space == merge.npos || space + 1 == merge.size()) return std::nullopt;
  return std::pair(merge.substr(0, space), merge.substr(space + 1));
}

std::vector<int64_t> IdsOf(const MetaValue& value) {
  std::vector<int64_t> ids;
  if (const auto* one = std::get_if<int64_t>(&value)) ids = {*one};
  if (const auto* one = std::get_if<uint64_t>(&value)) ids = {static_cast<int64_t>(*one)};
  if (const auto* all = std::get_if<std::vector<int64_t>>(&value)) ids = *all;
  if (const auto* all = std::get_if<std::vector<uint64_t>>(&value)) ids.assign(all->begin(), all->end());
  return ids;
}

class TokenKeeper {
 public:
  TokenKeeper(const Metadata& tokenizer, const Vocabulary& vocabulary)
      : tokenizer_(tokenizer), vocabulary_(vocabulary), keeps_(static_cast<size_t>(vocabulary.size())) {}

  Status Keep(const std::vector<int32_t>& used) {
    for (int32_t id = 0; id < vocabulary_.size(); ++id) {
      if (IsNeeded(id)) Add(id);
      index_.emplace(vocabulary_.text(id), id);
    }
    for (const auto& [key, value] : tokenizer_.all()) {
      if (!HoldsIds(key)) continue;
      for (const int64_t id : IdsOf(value)) {
        if (id >= 0 && id < vocabulary_.size()) Add(static_cast<int32_t>(id));
      }
    }
    for (const int32_t id : used) {
      if (!vocabulary_.Has(id))
        return BadInput(fmt::format("token {}: expected an id below {}", id, vocabulary_.size()));
      Add(id);
    }
    return KeepWhatTheyAreMadeOf();
  }

  std::vector<int32_t> Ids() const {
    std::vector<int32_t> ids;
    for (int32_t id = 0; id < vocabulary_.size(); ++id) {
      if (keeps_[static_cast<size_t>(id)]) ids.push_back(id);
    }
    return ids;
  }

 private:
  void Add(int32_t id) {
    if (keeps_[static_cast<size_t>(id)]) return;
    keeps_[static_cast<size_t>(id)] = true;
    added_.push_back(id);
  }

  bool IsNeeded(int32_t id) const {
    const std::string_view text = vocabulary_.text(id);
    if (IsReserved(text) || vocabulary_.IsFiller(id)) return false;
    if (vocabulary_.kind(id) != TokenKind::kNormal) return true;
    std::string bytes;  // of byte-level vocabularies: a byte alone
    return tokenizer_.Has(kMergesKey) && AppendSpelledBytes(text, &bytes) && bytes.size() == 1;
  }

  Status KeepWhatTheyAreMadeOf() {
    TERN_TRY(const std::string model, tokenizer_.Str(kModelKey));
    if (const auto* merges = tokenizer_.Strings(kMergesKey)) {
      for (size_t rank = 0; rank < merges->size(); ++rank)
        merges_.emplace((*merges)[rank], static_cast<uint32_t>(rank));
      return MergeAll();
    }
    const MetaValue* value = tokenizer_.Find(kScoresKey);
    const auto* scores = value == nullptr ? nullptr : std::get_if<std::vector<double>>(value);
    if (scores == nullptr || scores->size() != keeps_.size()) {
      return Unsupported(fmt::format("{}: \"{}\" without {} or {}, which say what tokens are made of",
                                     kModelKey, model, kMergesKey, kScoresKey));
    }
    if (model == "llama") {
      for (const double score : *scores) orders_.push_back(MergeOrder(static_cast<float>(score)));
      return MergeAll();
    }
    // Unigram: nothing is made of parts, but what is unknown costs more than the worst piece.
    Add(static_cast<int32_t>(std::min_element(scores->begin(), scores->end()) - scores->begin()));
    return {};
  }

  // A token is made within a text as it is alone: no merge crosses its ends, or it would not be there.
  Status MergeAll() {
    while (!added_.empty()) {
      const int32_t id = added_.back();
      added_.pop_back();
      const TokenKind kind = vocabulary_.kind(id);
      if (kind != TokenKind::kControl && kind != TokenKind::kByte) MergeText(vocabulary_.text(id));
    }
    return {};
  }

  void MergeText(std::string_view text) {
    std::vector<Symbol> symbols;
    for (size_t i = 0; i < text.size();) {
      const size_t bytes = std::min(Utf8Size(text[i]), text.size() - i);
      symbols.push_back(
          {IdOf(text.substr(i, bytes)), static_cast<uint32_t>(i), static_cast<uint32_t>(bytes)});
      i += bytes;
    }
    // Whatever merges have made asks for its neighbours, or is among what is left.
    const auto find = [&](const Symbol& left, const Symbol& right) {
      KeepPart(left);
      KeepPart(right);
      return MergeOf(text.substr(left.begin, left.size), text.substr(right.begin, right.size));
    };
    merger_.Run(find, &symbols);
    for (const Symbol& symbol : symbols) KeepPart(symbol);
  }

  int32_t IdOf(std::string_view text) const {
    const auto found = index_.find(text);
    return found == index_.end() ? -1 : found->second;
  }
  void KeepPart(const Symbol& symbol) {
    if (symbol.id >= 0) Add(symbol.id);
  }

  // Of neighbours in a text; nothing: the two do not merge.
  std::optional<Merge> MergeOf(std::string_view left, std::string_view right) const {
    const int32_t id = IdOf(std::string_view(left.data(), left.size() + right.size()));
    if (!orders_.empty())
      return id < 0 ? std::nullopt : std::optional(Merge{orders_[static_cast<size_t>(id)], id});
    const auto found = merges_.find(fmt::format("{} {}", left, right));
    return found == merges_.end() ? std::nullopt : std::optional(Merge{found->second, id});
  }

  const Metadata& tokenizer_;
  const Vocabulary& vocabulary_;
  std::vector<bool> keeps_;
  std::vector<int32_t> added_;  // of which the parts are not kept yet
  std::unordered_map<std::string_view, int32_t> index_;
  std::unordered_map<std::string, uint32_t> merges_;  // of merges
  std::vector<uint32_t> orders_;                      // of pieces, where any two that make one merge
  PairMerger merger_;
};

template <class T>
std::vector<T> Picked(const std::vector<T>& all, const std::vector<int32_t>& kept) {
  std::vector<T> picked;
  picked.reserve(kept.size());
  for (const int32_t id : kept) picked.push_back(all[static_cast<size_t>(id)]);
  return picked;
}

// An array of which each token has one.
MetaValue PickedValue(const MetaValue& value, size_t tokens, const std::vector<int32_t>& kept) {
  return std::visit(
      [&](const auto& held) -> MetaValue {
        if constexpr (requires {
                        held.front();
                        held.size();
                      }) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(held)>, std::string>) {
            if (held.size() == tokens) return Picked(held, kept);
          }
        }
        return held;
      },
      value);
}

std::vector<std::string> KeptMerges(const std::vector<std::string>& merges,
                                    const std::vector<std::string>& tokens) {
  const std::unordered_set<std::string_view> kept(tokens.begin(), tokens.end());
  std::vector<std::string> left;
  for (const std::string& merge : merges) {
    const auto parts = SplitMerge(merge);
    if (!parts || !kept.contains(parts->first) || !kept.contains(parts->second)) continue;
    if (kept.contains(fmt::format("{}{}", parts->first, parts->second))) left.push_back(merge);
  }
  return left;
}

// The same tokens by their new numbers; nothing where one is not there.
std::optional<MetaValue> NewIds(const MetaValue& value, const std::vector<int32_t>& kept) {
  std::vector<int64_t> ids = IdsOf(value);
  for (int64_t& id : ids) {
    const auto found = std::lower_bound(kept.begin(), kept.end(), id);
    if (found == kept.end() || *found != id) return std::nullopt;
    id = found - kept.begin();
  }
  if (std::holds_alternative<int64_t>(value)) return ids.front();
  if (std::holds_alternative<uint64_t>(value)) return static_cast<uint64_t>(ids.front());
  return ids;
}

}  // namespace

Result<std::vector<int32_t>> KeptTokens(const Metadata& tokenizer, const std::vector<int32_t>& used) {
  TERN_TRY(const Vocabulary vocabulary, ReadVocabulary(tokenizer, {}));
  TokenKeeper keeper(tokenizer, vocabulary);
  TERN_TRY_STATUS(keeper.Keep(used));
  return keeper.Ids();
}

Result<Metadata> TrimmedTokenizer(const Metadata& tokenizer, const std::vector<int32_t>& kept) {
  const std::vector<std::string>* tokens = tokenizer.Strings(kTokensKey);
  if (tokens == nullptr) return BadInput(fmt::format("{}: missing or not an array of strings", kTokensKey));
  if (!kept.empty() && static_cast<size_t>(kept.back()) >= tokens->size())
    return BadInput(fmt::format("token {}: expected an id below {}", kept.back(), tokens->size()));
  Metadata trimmed = tokenizer;
  for (const auto& [key, value] : tokenizer.all()) {
    if (HoldsIds(key)) {
      const std::optional<MetaValue> ids = NewIds(value, kept);
      ids ? trimmed.Set(key, *ids) : trimmed.Erase(key);
    }
    if (key == kTokensKey || key == kScoresKey || key == kTypesKey)
      trimmed.Set(key, PickedValue(value, tokens->size(), kept));
  }
  if (const auto* merges = tokenizer.Strings(kMergesKey))
    trimmed.Set(std::string(kMergesKey), KeptMerges(*merges, *trimmed.Strings(kTokensKey)));
  trimmed.Erase(kHuggingFaceKey);
  return trimmed;
}

}  // namespace tern
