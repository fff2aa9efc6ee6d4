#include "text/word_piece_model.h"

#include <algorithm>

#include "text/utf8.h"

namespace tern {
namespace {

// Counts no further than `limit` + 1.
size_t CountCharacters(std::string_view word, size_t limit) {
  size_t count = 0;
  for (size_t i = 0; i < word.size() && count <= limit; i += Utf8Size(word[i])) ++count;
  return count;
}

}  // namespace

void WordPieceModel::Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const {
  const auto cache = pool_.Take();
  for (std::string_view word : words) {
    if (cache->Append(word, ids)) continue;
    const size_t before = ids->size();
    EncodeWord(word, ids);
    cache->Insert(word, std::span(*ids).subspan(before));
  }
}

void WordPieceModel::EncodeWord(std::string_view word, std::vector<int32_t>* ids) const {
  const size_t before = ids->size();
  bool known = CountCharacters(word, options_.most_characters) <= options_.most_characters;
  for (size_t at = 0; known && at < word.size();) {
    size_t size = 0;
    int32_t id = -1;
    const PrefixTrie& pieces = at == 0 ? beginnings_ : continuations_;
    pieces.ForEachPrefix(word.substr(at), [&](size_t bytes, int32_t piece) {
      size = bytes;
      id = piece;
    });
    known = size > 0;
    if (known) ids->push_back(id);
    at += size;
  }
  if (known) return;
  ids->resize(before);
  if (options_.unknown >= 0) ids->push_back(options_.unknown);
}

}  // namespace tern
