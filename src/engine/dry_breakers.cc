#include "engine/dry_breakers.h"

#include <algorithm>

namespace tern {

bool DryBreakers::EndsAt(std::span<const int32_t> text, size_t end) const {
  if (Is(text[end - 1])) return true;
  return std::any_of(sequences.begin(), sequences.end(), [&](const std::vector<int32_t>& sequence) {
    return sequence.size() <= end && std::equal(sequence.begin(), sequence.end(),
                                                text.begin() + static_cast<ptrdiff_t>(end - sequence.size()));
  });
}

DryBreakers FindDryBreakers(const Tokenizer& tokenizer, std::span<const std::string> texts) {
  DryBreakers breakers;
  breakers.tokens.resize(static_cast<size_t>(tokenizer.size()));
  std::string piece;
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    piece.clear();
    tokenizer.AppendPiece(id, true, &piece);
    breakers.tokens[static_cast<size_t>(id)] = std::any_of(
        texts.begin(), texts.end(), [&](const std::string& text) { return piece.find(text) != piece.npos; });
  }
  for (const std::string& text : texts) {
    std::vector<int32_t> ids;
    tokenizer.Encode(text, false, &ids);
    if (ids.size() > 1) breakers.sequences.push_back(std::move(ids));
  }
  return breakers;
}

}  // namespace tern
