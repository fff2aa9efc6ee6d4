#pragma once
// WordModel: how words that a pre-tokenizer made become ids, each on its own. Immutable once loaded; any
// thread.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tern {

class WordModel {
 public:
  virtual ~WordModel() = default;
  // Appends the ids of the words, which are valid UTF-8 (or pieces of such, where the model works on bytes)
  // and not empty.
  virtual void Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const = 0;
};

}  // namespace tern
