#pragma once
// WordPieceModel: of a word the longest piece that begins it, then the longest piece that goes on, to its
// end. A word that cannot be spelled so is unknown as a whole. Build it, then share it; Encode may be called
// from any thread.

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/prefix_trie.h"
#include "text/scratch_pool.h"
#include "text/word_cache.h"
#include "text/word_model.h"

namespace tern {

struct WordPieceOptions {
  int32_t unknown = -1;          // -1: unknown words are left out
  size_t most_characters = 100;  // longer words are unknown
};

class WordPieceModel final : public WordModel {
 public:
  // The pieces that begin words, and those that go on, without what marks them.
  WordPieceModel(const WordPieceOptions& options, std::vector<PrefixTrie::Entry> beginnings,
                 std::vector<PrefixTrie::Entry> continuations)
      : options_(options), beginnings_(std::move(beginnings)), continuations_(std::move(continuations)) {}
  void Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const override;

 private:
  void EncodeWord(std::string_view word, std::vector<int32_t>* ids) const;

  WordPieceOptions options_;
  PrefixTrie beginnings_, continuations_;
  ScratchPool<WordCache> pool_;
};

}  // namespace tern
