// The scheduling policy of docs/adding-a-policy.md, run on a few requests.

#include <gtest/gtest.h>

#include "sched/policy.h"
#include "sched/scheduler.h"

// ---- src/sched/policies/newest_first.cc
namespace tern {
namespace {

// Within a class the newest runs first; an ageing period per class below.
int64_t Rank(const PolicyRequest& request, int64_t ageing_ns) {
  return static_cast<int64_t>(request.priority) * ageing_ns - request.arrival_ns;
}

}  // namespace
extern const PolicyDesc k_policy_newest_first;
const PolicyDesc k_policy_newest_first = {
    .name = "newest_first",
    .summary = "the newest of the highest class first",
    .rank = Rank,
};
}  // namespace tern
// ----

namespace tern {
namespace {

TEST(AddingAPolicy, TheExampleRunsTheNewestFirst) {
  Scheduler scheduler({.policy = &k_policy_newest_first, .kv_blocks = 8, .context = 64, .running = 1});
  const RequestId old = scheduler.Submit({.tokens = {1, 2}}, 10).value();
  const RequestId young = scheduler.Submit({.tokens = {3, 4}}, 20).value();
  EXPECT_EQ(scheduler.Plan(30).pieces[0].request, young);
  scheduler.End(young);
  EXPECT_EQ(scheduler.Plan(30).pieces[0].request, old);
}

}  // namespace
}  // namespace tern
