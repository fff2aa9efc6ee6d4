#pragma once
// DraftLengths: how many drafts of each request are worth a place in a step. A row more makes the step longer
// for everybody, and one request's tokens more by the chance that its draft is right; what is looked for is
// the largest product of all requests' expected tokens per second, by costs that were measured. So drafts
// end where a batch is bound by its operations, and no request gains more than the others lose.
//
// Costs that nobody has measured are found out by steps that may not pay: a few at the beginning, then one in
// many. Not thread-safe; allocates nothing behind the constructor.

#include <cstdint>
#include <span>
#include <vector>

#include "engine/speculation/draft_text.h"
#include "engine/speculation/step_costs.h"

namespace tern {

class DraftLengths {
 public:
  DraftLengths();
  // Fills `lengths`, one for each text of a step that computes the next row of each, with at most `most` in
  // all.
  void Choose(std::span<DraftText* const> texts, int most, std::span<int> lengths);
  // A step of decodes alone had so many rows, and took so long.
  void Learn(int rows, double seconds);
  const StepCosts& costs() const { return costs_; }

 private:
  void Rank(std::span<DraftText* const> texts, int most, std::span<int> lengths);

  StepCosts costs_;
  double trials_;             // that may be made
  std::vector<int> picks_;    // which text's next draft is best, again and again
  std::vector<float> gains_;  // of all picks up to it
};

}  // namespace tern
