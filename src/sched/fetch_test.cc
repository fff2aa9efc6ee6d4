// Requests for which a tier below the prefix tree fetches blocks while they wait.

#include <gtest/gtest.h>

#include "sched/scheduler.h"

namespace tern {
namespace {

std::vector<int32_t> Tokens(int n, int32_t seed) {
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < n; ++i) tokens.push_back(seed * 1000 + i);
  return tokens;
}

struct FetchTest : testing::Test {
  RequestId Submit(int32_t seed, int64_t deadline_ns = std::numeric_limits<int64_t>::max()) {
    auto id = scheduler.Submit({.tokens = Tokens(40, seed), .max_tokens = 8, .deadline_ns = deadline_ns}, 0);
    EXPECT_TRUE(id.ok());
    return id.value();
  }
  size_t Pieces() { return scheduler.Plan(1).pieces.size(); }

  Scheduler scheduler{{.kv_blocks = 16, .context = 64, .running = 2}};
};

TEST_F(FetchTest, OneWhoseBlocksAreFetchedIsPassedOver) {
  const RequestId first = Submit(1), second = Submit(2);
  EXPECT_EQ(scheduler.Unsought(1), first);
  scheduler.SetFetch(first, Fetch::kFetches);
  EXPECT_EQ(scheduler.Unsought(1), -1);
  EXPECT_EQ(scheduler.Unsought(2), second);
  scheduler.SetFetch(second, Fetch::kDone);
  EXPECT_EQ(scheduler.Unsought(2), -1);
  EXPECT_EQ(scheduler.counts().fetching, 1);
  const StepPlan& plan = scheduler.Plan(1);
  ASSERT_EQ(plan.pieces.size(), 1u);
  EXPECT_EQ(plan.pieces[0].request, second);
  EXPECT_TRUE(scheduler.waits(first) && !scheduler.waits(second) && !scheduler.waits(99));
  EXPECT_EQ(scheduler.running(), 1);
  scheduler.Commit(2);
  scheduler.SetFetch(first, Fetch::kDone);
  EXPECT_EQ(Pieces(), 1u);  // what follows the other's prompt has not been said
}

TEST_F(FetchTest, WhatWasAdoptedMeanwhileIsItsBeginning) {
  const RequestId id = Submit(1);
  scheduler.SetFetch(id, Fetch::kFetches);
  EXPECT_EQ(Pieces(), 0u);
  const std::vector<PlaceParts> parts(2, {.block = true});
  EXPECT_EQ(scheduler.prefixes().Adopt(scheduler.scope(id), scheduler.shareable(id), 0, parts,
                                       [](size_t, bool, BlockId) {}),
            2u);
  scheduler.SetFetch(id, Fetch::kDone);
  const StepPlan& plan = scheduler.Plan(2);
  ASSERT_EQ(plan.pieces.size(), 1u);
  EXPECT_EQ(plan.pieces[0].first, 32);
  EXPECT_EQ(scheduler.cached_tokens(id), 32);
}

TEST_F(FetchTest, ADeadlineAndACancelHoldAllTheSame) {
  const RequestId late = Submit(1, 5), gone = Submit(2);
  scheduler.SetFetch(late, Fetch::kFetches);
  scheduler.SetFetch(gone, Fetch::kFetches);
  EXPECT_EQ(scheduler.Plan(6).expired, std::vector<RequestId>{late});
  scheduler.End(gone);
  scheduler.SetFetch(gone, Fetch::kDone);  // ignored
  EXPECT_TRUE(scheduler.idle());
}

}  // namespace
}  // namespace tern
