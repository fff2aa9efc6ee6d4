// What may be set while a scheduler runs.

#include <gtest/gtest.h>

#include "sched/scheduler.h"

namespace tern {
namespace {

Submission PromptOf(int tokens) {
  return {.tokens = std::vector<int32_t>(static_cast<size_t>(tokens), 1), .shares_prefix = false};
}

void Finish(Scheduler& scheduler, RequestId id) {
  scheduler.Commit(0);
  scheduler.Append(id, 7);
}

TEST(SchedulerKnobs, AChunkBoundsStepsThatNobodyWaitsFor) {
  Scheduler scheduler(
      {.kv_blocks = 64, .context = 512, .running = 2, .step_tokens = 64, .mixed_step_tokens = 48});
  scheduler.SetPromptChunk(32);
  const RequestId first = scheduler.Submit(PromptOf(40), 0).value();
  EXPECT_EQ(scheduler.Plan(0).pieces[0].tokens.size(), 32u);
  scheduler.Commit(0);
  EXPECT_EQ(scheduler.Plan(0).pieces[0].tokens.size(), 8u);
  Finish(scheduler, first);
  scheduler.Submit(PromptOf(100), 0).value();
  const StepPlan& mixed = scheduler.Plan(0);
  ASSERT_EQ(mixed.pieces.size(), 2u);
  EXPECT_EQ(mixed.pieces[1].tokens.size(), 47u);  // beside an answer, as the options say
  scheduler.End(first);
  scheduler.SetPromptChunk(1000);
  EXPECT_EQ(scheduler.Plan(0).pieces[0].tokens.size(), 64u);  // no more than the options
}

TEST(SchedulerKnobs, FewerPlacesEndNobody) {
  Scheduler scheduler({.kv_blocks = 64, .context = 64, .running = 4, .step_tokens = 64});
  std::vector<RequestId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(scheduler.Submit(PromptOf(4), i).value());
  scheduler.Plan(10);
  EXPECT_EQ(scheduler.running(), 3);
  scheduler.SetPlaces(2);
  ids.push_back(scheduler.Submit(PromptOf(4), 11).value());
  scheduler.Plan(12);
  EXPECT_EQ(scheduler.running(), 3);
  EXPECT_TRUE(scheduler.waits(ids[3]));
  scheduler.End(ids[0]);
  scheduler.Plan(13);
  EXPECT_TRUE(scheduler.waits(ids[3]));
  scheduler.End(ids[1]);
  scheduler.Plan(14);
  EXPECT_FALSE(scheduler.waits(ids[3]));
  EXPECT_EQ(scheduler.running(), 2);
}

// A place is taken one for one from who ranks lower, also where there are fewer places than run.
TEST(SchedulerKnobs, WhoMayDisplaceTakesOnePlace) {
  Scheduler scheduler({.kv_blocks = 64, .context = 64, .running = 4, .step_tokens = 64});
  for (int i = 0; i < 4; ++i) {
    Submission low = PromptOf(4);
    low.priority = Priority::kLow;
    ASSERT_TRUE(scheduler.Submit(std::move(low), i).ok());
  }
  scheduler.Plan(10);
  scheduler.SetPlaces(1);
  Submission high = PromptOf(4);
  high.priority = Priority::kHigh;
  const RequestId id = scheduler.Submit(std::move(high), 11).value();
  scheduler.Plan(12);
  EXPECT_LE(scheduler.counts().preemptions, 1u);
  EXPECT_EQ(scheduler.waits(id), scheduler.counts().preemptions == 0);
}

}  // namespace
}  // namespace tern
