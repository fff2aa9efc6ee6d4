#pragma once
// DraftText: what may follow a request's tokens in one step, and how far to believe it: each token has a
// grade, by how it was found, and of each grade it is counted how often it was right. Not thread-safe.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/speculation/ngram_index.h"

namespace tern {

// How often drafts of each grade are what follows, where all in front of them are.
class Acceptance {
 public:
  static constexpr size_t kGrades = 6;

  float Of(uint8_t grade) const { return share_[grade]; }
  // `weight`: of this one against all that came before.
  void Add(uint8_t grade, bool right, float weight) {
    share_[grade] += weight * ((right ? 1.f : 0.f) - share_[grade]);
  }

 private:
  std::array<float, kGrades> share_ = {0.25f, 0.4f, 0.5f, 0.65f, 0.75f, 0.85f};
};

class DraftText {
 public:
  // At most `most` tokens per step of a text of up to `context` tokens.
  DraftText(int most, size_t context, const Acceptance& usual);

  // By where the end of the text stood before.
  void Look(std::span<const int32_t> text);
  // From the next on; no more than at first.
  void SetMost(int most) { most_ = std::min(most, static_cast<int>(tokens_.capacity())); }
  // By others.
  void Clear();
  void Add(int32_t token, uint8_t grade);
  // The text has changed in front of its end.
  void Forget() { index_.Clear(); }

  int size() const { return static_cast<int>(tokens_.size()); }
  int most() const { return most_; }
  std::span<const int32_t> tokens() const { return tokens_; }
  // By how much the logarithm of the expected number of tokens of a step grows with token i.
  float Gain(int i) const { return gains_[static_cast<size_t>(i)]; }
  float Share(int i) const { return shares_[static_cast<size_t>(i)]; }  // that it and all before it follow
  // The step said this, as its token `i`, and all before it were as drafted: counted here and in `usual`.
  // Whether this one was.
  bool Learn(int i, int32_t token, Acceptance* usual);

 private:
  int most_;
  NgramIndex index_;
  Acceptance acceptance_;
  std::vector<int32_t> tokens_;
  std::vector<uint8_t> grades_;
  std::vector<float> gains_, shares_;
  float expected_ = 1;  // tokens of a step with all of them
};

}  // namespace tern
