#pragma once
// BpeModel: byte-pair encoding by a vocabulary and a ranked list of merges. Words begin as bytes, or as
// characters. Build it, then share it; Encode may be called from any thread.

#include <array>
#include <string>
#include <string_view>

#include "text/merge_symbols.h"
#include "text/merge_table.h"
#include "text/scratch_pool.h"
#include "text/space_cutter.h"
#include "text/string_pool.h"
#include "text/word_cache.h"
#include "text/word_model.h"

namespace tern {

struct BpeOptions {
  bool by_bytes = false;         // words begin as bytes, else as characters
  bool whole_words = false;      // a word that is a key is taken as such, whatever the merges say
  bool byte_fallback = false;    // a character without a key becomes the keys "<0xE2>" of its bytes
  bool fuses_unknown = false;    // a run of unknown characters is one unknown token
  bool last_merge_wins = false;  // of two merges of the same pair, else the first
  int32_t unknown = -1;          // -1: unknown characters are left out
  std::string prefix{};          // of the keys of all symbols that do not begin a word
  std::string suffix{};          // of the key of the symbol that ends a word
};

class BpeModel final : public WordModel {
 public:
  // Keys and merges to come.
  BpeModel(BpeOptions options, size_t keys, size_t merges);

  // Adds the key of the next id: what the model sees of it. Not `reachable`: no text leads to it. False: a
  // reachable key that is there already.
  bool AddKey(std::string_view key, bool reachable);
  // The id of a reachable key, or -1.
  int32_t Find(std::string_view key) const { return index_.Find(key); }
  // `left` and `right` merge to `merge.id`; all are ids of reachable keys.
  void AddMerge(int32_t left, int32_t right, Merge merge);
  // After the last key, before the first Encode.
  void Finish();

  std::string_view key(int32_t id) const { return keys_[static_cast<size_t>(id)]; }
  void Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const override;

 private:
  struct Scratch {
    std::vector<Symbol> symbols;
    PairMerger merger;
    WordCache cache;
  };
  // What begins a word's merging, in order.
  struct Start {
    std::vector<Symbol>* symbols;
    uint32_t at = 0;
    uint32_t unknown_bytes = 0;  // of unknown characters that have no symbol yet
  };

  void EncodeWord(std::string_view word, Scratch* scratch, std::vector<int32_t>* ids) const;
  void Begin(std::string_view word, std::vector<Symbol>* symbols) const;
  void BeginWith(std::string_view character, bool first, bool last, Start* start) const;
  bool BeginWithBytes(std::string_view key, Start* start) const;
  void BeginUnknown(uint32_t bytes, Start* start) const;

  BpeOptions options_;
  StringPool keys_;
  PieceIndex index_;  // of reachable keys
  MergeTable merges_;
  SpaceCutter cutter_;
  bool cuts_ = false;  // at spaces: neither borders nor unknown neighbours change what a word becomes
  std::array<int32_t, 256> byte_ids_{};      // of keys of one byte
  std::array<int32_t, 256> fallback_ids_{};  // of "<0x00>" to "<0xFF>"
  ScratchPool<Scratch> pool_;
};

}  // namespace tern
