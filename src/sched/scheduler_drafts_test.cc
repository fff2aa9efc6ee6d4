#include <gtest/gtest.h>

#include "sched/scheduler.h"

namespace tern {
namespace {

// As if the step had not been planned.
TEST(Scheduler, DraftsOfAStepThatFailedAreGone) {
  Scheduler scheduler({.block_tokens = 4,
                       .kv_blocks = 32,
                       .context = 64,
                       .running = 4,
                       .step_tokens = 32,
                       .step_outputs = 12});
  const RequestId id = scheduler.Submit({.tokens = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}, 0).value();
  scheduler.Plan(0);
  scheduler.Commit(1);
  scheduler.Append(id, 7);
  scheduler.Plan(1);
  const std::vector<int32_t> drafts = {8, 9, 10};
  EXPECT_EQ(scheduler.Draft(0, drafts), 3);
  EXPECT_EQ(scheduler.tokens(id).size(), 11u);
  const StepPlan& again = scheduler.Plan(2);
  ASSERT_EQ(again.pieces.size(), 1u);
  EXPECT_EQ(again.pieces[0].tokens.size(), 1u);
  EXPECT_EQ(scheduler.Draft(0, drafts), 3);
  scheduler.Commit(3);
  scheduler.Append(id, 8);
  scheduler.Shift(id, 4, 4);  // the others go with it
  EXPECT_EQ(scheduler.tokens(id).size(), 8u);
  EXPECT_EQ(scheduler.Plan(4).pieces[0].tokens.size(), 4u);
  scheduler.Commit(5);
  scheduler.Append(id, 9);
  scheduler.Plan(5);
  scheduler.Draft(0, drafts);
  scheduler.Commit(6);
  scheduler.End(id);
  EXPECT_TRUE(scheduler.idle());
  EXPECT_EQ(scheduler.counts().kv_free + scheduler.counts().kv_cached, 32);
}

}  // namespace
}  // namespace tern
