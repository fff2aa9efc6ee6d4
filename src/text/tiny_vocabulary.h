#pragma once
// Vocabularies small enough to read, for tests and fuzzing: every byte, a few merges, a few added tokens.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint.h"
#include "text/byte_alphabet.h"

namespace tern {

struct TinyVocabulary {
  std::vector<std::string> tokens, merges;
  std::vector<int64_t> types;
  std::vector<double> scores;

  int32_t Add(std::string text, int64_t type, double score = 0) {
    tokens.push_back(std::move(text));
    types.push_back(type);
    scores.push_back(score);
    return static_cast<int32_t>(tokens.size()) - 1;
  }
  // Both parts are plain text whose tokens exist.
  int32_t Merge(std::string_view left, std::string_view right) {
    merges.push_back(SpellBytes(left) + " " + SpellBytes(right));
    return Add(SpellBytes(left) + SpellBytes(right), 1);
  }
  Metadata ByteLevel(std::string pre) const {
    Metadata metadata = Common("gpt2");
    metadata.Set("tokenizer.ggml.pre", std::move(pre));
    metadata.Set("tokenizer.ggml.merges", merges);
    return metadata;
  }
  // "llama" for BPE, "t5" for Unigram.
  Metadata SentencePiece(std::string model = "llama") const {
    Metadata metadata = Common(std::move(model));
    metadata.Set("tokenizer.ggml.scores", scores);
    return metadata;
  }
  Metadata SpaceMarked(std::string model) const {
    Metadata metadata = Common(std::move(model));
    metadata.Set("tokenizer.ggml.merges", merges);
    return metadata;
  }
  Metadata WordPiece() const { return Common("bert"); }

 private:
  Metadata Common(std::string model) const {
    Metadata metadata;
    metadata.Set("tokenizer.ggml.model", std::move(model));
    metadata.Set("tokenizer.ggml.tokens", tokens);
    metadata.Set("tokenizer.ggml.token_type", types);
    return metadata;
  }
};

// Ids 0 to 255 are the bytes.
inline TinyVocabulary BytesVocabulary() {
  TinyVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte)
    vocabulary.Add(SpellBytes(std::string(1, static_cast<char>(byte))), 1);
  return vocabulary;
}

}  // namespace tern
