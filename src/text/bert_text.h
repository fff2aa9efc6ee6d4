#pragma once
// How BERT prepares text: the normalizer and pre-tokenizer in front of WordPiece. Pure functions; any thread.
// Texts are valid UTF-8.

#include <string>
#include <string_view>
#include <vector>

namespace tern {

struct BertOptions {
  bool cleans = true;             // controls go, every white space becomes a space
  bool spaces_ideographs = true;  // each becomes a word
  bool strips_accents = true;
  bool lowercases = true;
};

std::string NormalizeBert(std::string_view text, const BertOptions& options);

// Appends the words of `text`: what white space divides, each punctuation character on its own.
void SplitBert(std::string_view text, std::vector<std::string_view>* words);

}  // namespace tern
