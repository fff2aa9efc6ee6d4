#pragma once
// What a state of a grammar allows of a vocabulary, as far as that does not depend on what it will return to:
// worked out once per state, and put together with the rest by TokenMasker.

#include <cstdint>
#include <vector>

#include "text/grammar/simulation.h"
#include "text/grammar/vocabulary_index.h"

namespace tern::grammar {

// A loop over single characters, at its beginning: tokens made of `categories` are each as many repetitions
// as characters.
struct CharacterLoop {
  CategorySet categories = 0;
  bool is_bounded = false;
  bool is_pure = false;  // what follows begins with none of its characters
};
// Nothing where the state is no such place.
CharacterLoop LoopAt(LazyStates& states, LazyStates::Id state);

// For the parts of one state; a walk over 262,144 tokens takes less.
inline constexpr uint64_t kMostPartsWork = Simulation::kMostWork / 3;

struct MaskParts {
  struct Allowed {
    int32_t token;
    uint32_t repetitions;  // allowed where the frame may still have so many
  };
  CategorySet group = 0;         // allowed as far as their characters are repetitions that may still come
  std::vector<Allowed> allowed;  // ascending by repetitions
  MaskWords many;                // instead, where they are many and repetitions do not matter
  // Where the rule may end inside tokens: rests of tokens behind its end, as a tree of their own where there
  // are many ends, as in a loop; or the places in the vocabulary's tree.
  struct End {
    uint32_t node;
    uint32_t repetitions;  // done
  };
  TokenTrie rests;
  std::vector<End> ends;
  // Trying the ends takes longer than walking the vocabulary with a position as a whole, as in counted loops
  // in loops: that is done instead. They may be missing then.
  bool is_walked = false;
  size_t bytes() const {
    return allowed.capacity() * sizeof(Allowed) + many.capacity() * sizeof(uint64_t) + rests.bytes() +
           ends.capacity() * sizeof(End);
  }
};

// Parts of `state`, in a frame whose repetitions are counted from 0.
MaskParts FindMaskParts(Simulation& simulation, const VocabularyIndex& vocabulary, LazyStates::Id state);

}  // namespace tern::grammar
