#pragma once
// ScheduleView: what a scheduler was doing at some moment, for whoever asks from outside: why a request
// waits, and when one that came now would have its first token. Numbers only, nothing of what requests say.

#include <optional>
#include <string>
#include <vector>

#include "sched/accounts.h"
#include "sched/policy.h"
#include "sched/step_cost.h"

namespace tern {

// Why the first in line does not start.
enum class Blocked : uint8_t { kNothing, kPlaces, kPace, kKv, kBatch };

struct ScheduledRequest {
  int32_t id = -1;
  PolicyRequest policy;
  int64_t rank = 0;
  int prompt_tokens = 0, computed = 0, tokens = 0;
  int left = 0;  // that it will likely still answer
  bool paused = false;
};

struct ScheduleView {
  int64_t now_ns = 0;
  const PolicyDesc* policy = nullptr;
  int64_t ageing_ns = 0;
  Slo slo;
  std::vector<ScheduledRequest> running;  // by rank
  std::vector<ScheduledRequest> waiting;  // as submitted; the policy says which is next
  std::vector<Account> accounts;
  double first_turn = 0;  // no turn of a request that comes is before it
  int32_t next = -1;      // the first in line
  Blocked blocked = Blocked::kNothing;
  int most_running = 0;  // by --parallel
  int places = 0;        // of these, by what is promised of the time between tokens
  // The last step.
  StepShape step;
  int decodes = 0, held_back = 0;  // held back: of lower classes, whose next token waits
  double limit_s = 0, predicted_s = 0;
  double planned = 0;  // StepBudget's
  // How fast it goes.
  StepCostCoefficients cost;
  bool cost_is_known = false;
  double prompt_tokens_per_s = 0;  // 0: not known
  double uncached_share = 1;       // of prompts, of late
  double step_s = 0;               // of late
  double usual_answer_tokens = 0;
  double lateness = 1;  // nine first tokens in ten came within so many times what was expected
};

// A request that might come.
struct Comer {
  Priority priority = Priority::kMid;
  int account = 0;
  double weight = 1;
  int64_t prompt_tokens = 0;
  // Beside those in the view, that came since.
  int requests_since = 0;
  int64_t tokens_since = 0;
};

// Seconds until its first token would come. Nothing: that is not known.
std::optional<double> PredictFirstToken(const ScheduleView& view, const Comer& comer);
// The error is kExhausted, with the time after which to ask again, where what is promised of the first token
// cannot be kept.
Status CheckPromise(const ScheduleView& view, const Comer& comer);

// In words, for people: why a request of `waiting` does, and what bounds a step.
std::string WhyItWaits(const ScheduleView& view, const ScheduledRequest& request);
std::string StepInWords(const ScheduleView& view);

}  // namespace tern
