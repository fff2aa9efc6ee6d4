#pragma once
// Speculator: drafts of what requests will say next, checked by the model many at a time. A draft is a bet on
// speed alone: each row is sampled as if it had been computed by itself, and one that another token follows
// was for nothing. So an answer is the same with drafts and without, at every temperature.
//
// Drafts are what followed the same tokens earlier in the request's own text (kNgram), or what a smaller
// model says (kDraft). Not thread-safe. A step allocates nothing after the first.

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "engine/speculation/draft_lengths.h"
#include "engine/speculation/draft_model.h"
#include "engine/speculation/draft_text.h"
#include "engine/speculation/speculation.h"

namespace tern {

struct SpeculatorOptions {
  int most = 8;         // drafts of a request in a step
  int requests = 1;     // in a step, at most
  bool always = false;  // whatever they cost
};

class Speculator {
 public:
  // What a request has; must not outlive the speculator.
  struct Request {
    DraftText text;
    std::unique_ptr<DraftModel::Line> line;  // null: without a draft model
  };

  // `model`: null: drafts come from the requests' own texts.
  Speculator(const SpeculatorOptions& options, std::unique_ptr<DraftModel> model);

  // `context`: the most tokens of it.
  std::unique_ptr<Request> Begin(size_t context);

  // A step computes the next row of each of some requests, and of nobody else. First BeginStep(), then
  // Add(...) for each of them, with what it has said, and about how many tokens it may still say; then
  // Choose(most): how many of the drafts of each are worth it, at most so many in all.
  void BeginStep() { work_.clear(); }
  void Add(Request* request, std::span<const int32_t> said, int left);
  std::span<const int> Choose(int most);
  // The step said this, as token `i` of a request, and all before it as drafted. Whether this one was.
  bool Learn(Request& request, int i, int32_t token);
  // The step had so many rows, drafts included, and took so long with everything.
  void EndStep(int rows, double seconds);

  // From the next step on; at most as in the options.
  void SetMost(int drafts) { most_ = std::clamp(drafts, 0, options_.most); }
  int most() const { return options_.most; }
  const StepCosts& costs() const { return lengths_.costs(); }
  const DraftModel* model() const { return model_.get(); }

 private:
  void TakeAll(int most);
  SpeculatorOptions options_;
  int most_;               // of a request in a step
  double drafting_s_ = 0;  // of the step, what the draft model took
  std::unique_ptr<DraftModel> model_;
  Acceptance usual_;
  DraftLengths lengths_;
  std::vector<DraftModel::Work> work_;
  std::vector<DraftText*> texts_;
  std::vector<int> chosen_;
};

}  // namespace tern
