#pragma once
// UnigramModel: of all ways to spell a text in pieces, the one with the highest sum of scores. Build it, then
// share it; it may be used from any thread.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/prefix_trie.h"
#include "text/scratch_pool.h"
#include "text/space_cutter.h"
#include "text/word_cache.h"
#include "text/word_model.h"

namespace tern {

struct UnigramOptions {
  int32_t unknown = -1;  // -1: unknown characters are left out
  double unknown_score = 0;
  // Of the 256 bytes, for characters that are no piece; -1: that one has none.
  std::array<int32_t, 256> byte_ids;
  // Sums are rounded to 32 bits, as sentencepiece keeps them; Hugging Face keeps 64. Of two ways with nearly
  // the same score, either may win.
  bool in_single_precision = false;
};

struct UnigramPiece {
  std::string text;
  double score;
  int32_t id;
};

class UnigramModel final : public WordModel {
 public:
  UnigramModel(const UnigramOptions& options, const std::vector<UnigramPiece>& pieces);
  void Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const override;
  // One text, however long, in which U+2581 stands for spaces; the sum goes on from word to word.
  void EncodeText(std::string_view text, std::vector<int32_t>* ids) const;

 private:
  // The best way to spell the text up to a place.
  struct Node {
    double score;
    uint32_t begin;  // of the last piece
    int32_t id;      // of the last piece, kUnknown, or kNone
  };
  static constexpr int32_t kNone = -1, kUnknown = -2;
  struct Part {
    uint32_t begin, end;
    int32_t id;
  };
  struct Scratch {
    std::vector<Node> nodes;  // of every byte border of the word
    std::vector<Part> parts;  // of the best way, the last first
    WordCache cache;
  };

  // Fills scratch->parts. `score` is that of the text before the word; returns that of the text up to its
  // end.
  double Spell(std::string_view word, double score, Scratch* scratch) const;
  void Reach(size_t begin, size_t end, double score, int32_t id, std::vector<Node>* nodes) const;
  // True: the word ends in an unknown character.
  bool Emit(std::string_view word, bool after_unknown, const Scratch& scratch,
            std::vector<int32_t>* ids) const;
  void EmitUnknown(std::string_view run, bool after_unknown, std::vector<int32_t>* ids) const;

  UnigramOptions options_;
  std::vector<double> scores_;  // by the trie's ids, which count the pieces
  std::vector<int32_t> ids_;
  PrefixTrie trie_;
  SpaceCutter cutter_;
  ScratchPool<Scratch> pool_;
};

}  // namespace tern
