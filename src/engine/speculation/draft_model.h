#pragma once
// DraftModel: a smaller model that reads what requests say and writes, greedily, what may come next. It has a
// KV cache of its own, in which a request's text is read in pieces beside its first steps. Whether that and
// its passes are worth their time is decided by what they take and by how often it was right. As long as that
// is not known, some time is spent on finding out, unless no luck could make it pay.
//
// Not thread-safe. Drafting for requests whose text it has read allocates nothing.

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/runner.h"
#include "engine/sequences.h"
#include "engine/speculation/draft_text.h"
#include "engine/speculation/step_costs.h"

namespace tern {

// An error that names both, where tokens of one model mean other texts to the other; and where one of them
// continues no texts.
Status CheckDraftModel(const LoadedModel& draft, const LoadedModel& target);

class DraftModel {
 public:
  // What it has read of one request; must not outlive it.
  class Line {
   public:
    explicit Line(Sequences* sequences) : sequences_(*sequences) {}
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line() { Close(); }

   private:
    friend class DraftModel;
    void Close();
    void GiveUp();
    Sequences& sequences_;
    SequenceId id_ = -1;         // -1: not open
    std::vector<int32_t> read_;  // in its KV
    bool hopeless_ = false;      // there was no room for it
  };
  struct Work {
    DraftText* text = nullptr;
    Line* line = nullptr;
    std::span<const int32_t> said;
    int left = 0;  // tokens that the request may still say, about
    bool drafts = false;
  };

  // Of a model that may draft for the target, without own_window_blocks. Measures what its steps take.
  explicit DraftModel(std::unique_ptr<Runner> runner);

  std::unique_ptr<Line> Begin() { return std::make_unique<Line>(&sequences_); }
  // Of a step that computes the next row of each: fills their texts. `costs`: of the model's own steps.
  void Draft(std::span<Work> work, const StepCosts& costs);
  // From now on, drafts whatever they cost.
  void TakeAnyTime() { any_time_ = true; }
  // One of its tokens was right, or not.
  void Learn(bool right);
  // What the drafts of the step took; good until the next.
  double seconds() const { return seconds_; }
  const Runner& runner() const { return *runner_; }

 private:
  size_t Synchronize(Work& w);
  bool Pays(const Work& w, size_t lag, int requests, const StepCosts& costs) const;
  void Read(Work& w);
  void Measure();
  double Speedup(int requests, int most, const StepCosts& costs, bool with_luck) const;
  bool IsWorthAPass(std::span<const Work> work, const StepCosts& costs) const;
  bool Pass(std::span<Work> work);
  bool Step(std::span<const StepWork> work);

  std::unique_ptr<Runner> runner_;
  Sequences sequences_;
  StepCosts own_costs_;
  double right_ = 0.7;  // the share of its tokens that are
  int asked_ = 0;       // of how many it is known
  double trial_s_;      // that may be spent without a promise
  double seconds_ = 0;
  bool any_time_ = false, tries_ = false;
  std::vector<StepWork> steps_;
};

}  // namespace tern
