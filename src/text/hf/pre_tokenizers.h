#pragma once
// The "pre_tokenizer" of a tokenizer.json: steps that cut a text into words and rewrite them. To add one,
// write a loader and a line in the table of pre_tokenizers.cc. Immutable once loaded; any thread.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"
#include "text/hf/word_list.h"

namespace tern {

class WordSplitter {
 public:
  using Step = std::function<void(WordList* words)>;

  // Null is no step. The last step may be one that spells bytes as characters (text/byte_alphabet.h); where
  // the model knows bytes, that step is left out and ends_in_bytes() is true.
  static Result<WordSplitter> Load(const JsonNode& node, bool model_knows_bytes);
  void Add(Step step);
  bool ends_in_bytes() const { return ends_in_bytes_; }
  void Run(WordList* words) const;

  // What is called for the spelling of bytes, so that Load finds it at the end.
  void AddSpelling();

 private:
  std::vector<Step> steps_;
  bool ends_in_spelling_ = false;
  bool ends_in_bytes_ = false;
};

}  // namespace tern
