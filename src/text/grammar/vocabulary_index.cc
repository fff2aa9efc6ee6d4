#include "text/grammar/vocabulary_index.h"

#include <algorithm>

namespace tern::grammar {
namespace {

constexpr size_t kMostTokenBytes = 4096;  // longer ones are never allowed

uint32_t CharactersIn(std::string_view text) {
  return static_cast<uint32_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

VocabularyIndex::VocabularyIndex(const Tokenizer& tokenizer, size_t most_bytes)
    : strips_first_space_(tokenizer.strips_leading_space()) {
  const int size = tokenizer.size();
  begins_.push_back(0);
  for (int32_t id = 0; id < size; ++id) {
    if (tokenizer.IsEndOfGeneration(id)) {
      ends_.push_back(id);
    } else if (!tokenizer.IsControl(id)) {
      const size_t before = texts_.size();
      tokenizer.AppendPiece(id, false, &texts_);
      if (texts_.size() - before > kMostTokenBytes || texts_.size() > most_bytes) texts_.resize(before);
    }
    begins_.push_back(static_cast<uint32_t>(texts_.size()));
  }
  std::vector<TrieToken> tokens;
  characters_.resize(static_cast<size_t>(size));
  categories_.resize(static_cast<size_t>(size));
  for (int32_t id = 0; id < size; ++id) {
    if (text(id).empty()) continue;
    tokens.push_back({text(id), id});
    const uint32_t characters = CharactersIn(text(id));
    characters_[static_cast<size_t>(id)] = static_cast<uint16_t>(characters);
    longest_ = std::max<size_t>(longest_, characters);
    if (characters > kMostCounted) long_tokens_.push_back(id);
  }
  trie_ = TokenTrie(std::move(tokens));
  for (const TokenTrie::Token& token : trie_.tokens()) {
    categories_[static_cast<size_t>(token.id)] = token.categories;
  }
  at_most_.assign(kMostCounted + 1, MaskWords(words(), 0));
  for (int32_t id = 0; id < size; ++id) {
    for (uint32_t n = characters_[static_cast<size_t>(id)]; n <= kMostCounted; ++n) SetBit(at_most_[n], id);
  }
}

const MaskWords& VocabularyIndex::Group(CategorySet categories) {
  const auto found = groups_.find(categories);
  if (found != groups_.end()) return found->second;
  if (groups_.size() == kMostGroups) groups_.clear();
  MaskWords& mask = groups_[categories];
  mask.assign(words(), 0);
  for (int32_t id = 0; id < size(); ++id) {
    const CategorySet its = categories_[static_cast<size_t>(id)];
    if (its != 0 && (its & ~categories) == 0) SetBit(mask, id);
  }
  return mask;
}

void VocabularyIndex::AddGroup(CategorySet categories, uint32_t characters, std::span<uint64_t> mask) {
  const MaskWords& group = Group(categories);
  if (characters >= longest_) {
    for (size_t i = 0; i < mask.size(); ++i) mask[i] |= group[i];
    return;
  }
  const MaskWords& short_enough = at_most_[std::min(characters, kMostCounted)];
  for (size_t i = 0; i < mask.size(); ++i) mask[i] |= group[i] & short_enough[i];
  if (characters <= kMostCounted) return;
  for (const int32_t id : long_tokens_) {
    if (characters_[static_cast<size_t>(id)] <= characters && HasBit(group, id)) SetBit(mask, id);
  }
}

size_t VocabularyIndex::bytes() const {
  return texts_.size() + begins_.size() * 4 + characters_.size() * 4 + trie_.bytes() +
         (at_most_.size() + groups_.size()) * words() * sizeof(uint64_t);
}

}  // namespace tern::grammar
