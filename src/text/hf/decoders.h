#pragma once
// The "decoder" of a tokenizer.json: how a token becomes the text that it stands for. To add one, write a
// loader and a line in the table of decoders.cc. Immutable once loaded; any thread.
//
// Published decoders see all tokens at once. Ours sees one at a time, so that text can be streamed; the one
// thing that they do to the text as a whole, taking a space from its start, Detokenizer does.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"

namespace tern {

class PieceDecoder {
 public:
  using Step = std::function<void(std::string* piece)>;

  // Null: words that a space divides.
  static Result<PieceDecoder> Load(const JsonNode& node);

  void Add(Step step);
  // The step spells bytes as characters: what was added to the vocabulary by hand is not spelled so.
  void AddSpelling();
  // From here on, steps see the text as a whole.
  void Fuse() { is_fused_ = true; }
  bool is_fused() const { return is_fused_; }
  void StripLeadingSpace() { strips_leading_space_ = true; }

  bool strips_leading_space() const { return strips_leading_space_; }
  // The bytes of a token; they may be part of a character.
  std::string Run(std::string_view token, bool is_added) const;

 private:
  std::vector<Step> steps_;
  std::vector<bool> is_spelling_;  // of each step
  bool is_fused_ = false;
  bool strips_leading_space_ = false;
};

}  // namespace tern
