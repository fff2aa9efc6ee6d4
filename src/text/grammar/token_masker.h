#pragma once
// TokenMasker: which tokens may come next in an answer that a grammar describes. One per grammar and
// vocabulary; it keeps what it works out, so the second mask at a place costs little. Positions are values:
// copy one to come back to it. Not thread-safe.

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/grammar.h"
#include "text/grammar/mask_parts.h"
#include "text/grammar/simulation.h"
#include "text/grammar/thread_sets.h"
#include "text/grammar/trie_walk.h"
#include "text/grammar/vocabulary_index.h"

namespace tern {

// Where an answer has got to. Belongs to the masker that made it.
struct GrammarPosition {
  std::vector<grammar::Thread> threads;
  bool can_end = false;
  bool is_first = true;  // no token yet
  // Nothing may follow but an end.
  bool is_finished() const { return can_end && threads.empty(); }
};

class TokenMasker {
 public:
  // Works out the masks of large loops at once. Errors: a grammar whose start can be read in too many ways.
  static Result<std::unique_ptr<TokenMasker>> Make(std::shared_ptr<const Grammar> grammar,
                                                   std::shared_ptr<grammar::VocabularyIndex> vocabulary);

  const GrammarPosition& start() const { return start_; }
  // A bit per token, vocabulary().words() words: set for what may come next; for the tokens that end a text
  // where this one may end. Errors: kExhausted where it takes more work than is allowed; that concerns this
  // position only.
  Result<std::span<const uint64_t>> Mask(const GrammarPosition& position);
  // Errors as Mask. Moves on by a token; false where it is not allowed, and the position is worth nothing
  // then.
  Result<bool> Accept(GrammarPosition* position, int32_t token);

  const grammar::VocabularyIndex& vocabulary() const { return *vocabulary_; }
  // Of what it keeps; grows with use up to a limit of some 150 MiB.
  size_t bytes() const;
  // It keeps so much that it is better made anew.
  bool is_worn() const { return simulation_.is_full() || bytes() >= kManyBytes; }
  // What the last mask or token took, in steps of some 5 ns.
  uint64_t last_work() const { return simulation_.work().spent; }

 private:
  struct Known {
    std::vector<grammar::Thread> threads;
    bool can_end, is_first;
    grammar::MaskWords mask;
  };
  static constexpr size_t kKnownBytes = size_t{4} << 20, kFewestKnown = 16;
  static constexpr size_t kPartsBytes = size_t{64} << 20, kSetsBytes = size_t{16} << 20;
  static constexpr size_t kManyBytes = size_t{64} << 20;

  TokenMasker(std::shared_ptr<const Grammar> grammar, std::shared_ptr<grammar::VocabularyIndex> vocabulary);
  Status Prepare();
  grammar::MaskParts& PartsOf(uint32_t state);
  void Fill(const GrammarPosition& position, std::span<uint64_t> mask);
  // What the threads allow, one by one, from their states' parts. False: that takes too long.
  bool AddThreads(std::span<const grammar::Thread> threads, std::span<uint64_t> mask);
  void AddThread(const grammar::Thread& thread, const grammar::MaskParts& parts, std::span<uint64_t> mask);
  void AddLeaving(const grammar::Thread& thread, const grammar::MaskParts& parts, std::span<uint64_t> mask);
  void AddFirst(const GrammarPosition& position, std::span<uint64_t> mask);
  void AddWalk(const GrammarPosition& position, uint32_t begin, uint32_t end, std::span<uint64_t> mask);

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<grammar::VocabularyIndex> vocabulary_;
  grammar::Simulation simulation_;
  grammar::TrieWalk walk_;
  grammar::ThreadSets sets_;
  GrammarPosition start_;
  std::unordered_map<uint32_t, grammar::MaskParts> parts_;  // by state
  size_t parts_bytes_ = 0;
  std::unordered_map<uint64_t, Known> known_;
  std::vector<grammar::Thread> threads_;
  grammar::StepNotes notes_;
  std::vector<grammar::ThreadSets::Id> path_;  // of AddWalk, by depth
};

}  // namespace tern
