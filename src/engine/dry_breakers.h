#pragma once
// DryBreakers: what ends a sequence that DRY (samplers/dry.cc) would call a repetition, in a vocabulary's
// terms.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace tern {

struct DryBreakers {
  std::vector<bool> tokens = {};                     // by id: the token's text contains a breaker
  std::vector<std::vector<int32_t>> sequences = {};  // breakers that are several tokens

  bool Is(int32_t token) const {
    return static_cast<size_t>(token) < tokens.size() && tokens[static_cast<size_t>(token)];
  }
  // Does a breaker end at text[end - 1]?
  bool EndsAt(std::span<const int32_t> text, size_t end) const;
};

// Looks at every token: milliseconds for a large vocabulary.
DryBreakers FindDryBreakers(const Tokenizer& tokenizer, std::span<const std::string> texts);

}  // namespace tern
