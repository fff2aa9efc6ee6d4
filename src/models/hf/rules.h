#pragma once
// How the rules of a mapping (models/hf/mapping.h) name tensors: matching a pattern, and filling one in.

#include <optional>
#include <string>
#include <string_view>

namespace tern {

// Whether `word` is one of `words`, which are separated by spaces.
bool HasWord(std::string_view words, std::string_view word);

// What a rule's placeholders stood for.
struct HfMatch {
  std::string layer, expert, suffix;
};

// "layers.{}.mlp.experts.{e}.w1.*" on "layers.3.mlp.experts.11.w1.weight".
std::optional<HfMatch> MatchHfRule(std::string_view pattern, std::string_view name);
// A pattern with its placeholders filled in.
std::string HfTarget(std::string_view to, const HfMatch& match);

}  // namespace tern
