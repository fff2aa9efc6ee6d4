#include "sched/scheduler.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

namespace tern {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::vector<int32_t> Prompt(int tokens, int32_t seed = 0) {
  std::vector<int32_t> prompt;
  for (int32_t i = 0; i < tokens; ++i) prompt.push_back(seed * 1000 + i);
  return prompt;
}

// Plays the engine: computes what is planned, answers with tokens that follow from the sequence, and looks at
// every step. Its KV is a book of which tokens each block holds, up to and with the slot's own.
class Player {
 public:
  explicit Player(const SchedulerOptions& options)
      : scheduler(options),
        options_(options),
        book_(static_cast<size_t>(options.kv_blocks)),
        window_book_(static_cast<size_t>(options.window_blocks)) {}

  Scheduler scheduler;
  int64_t now_ns = 0;
  // How many drafts to add to a row behind so many tokens, and how many of them are right; null: none.
  std::function<std::pair<int, int>()> drafts;

  RequestId Submit(std::vector<int32_t> prompt, int answer, Priority priority = Priority::kMid,
                   const std::string& tenant = "") {
    Submission submission{.tokens = std::move(prompt), .max_tokens = answer, .priority = priority};
    submission.scope.tenant = tenant;
    return Submit(std::move(submission));
  }
  RequestId Submit(Submission submission) {
    const int answer = submission.max_tokens;
    const std::string tenant = submission.scope.tenant;
    const auto id = scheduler.Submit(std::move(submission), now_ns);
    EXPECT_TRUE(id.ok() || options_.slo.any()) << id.error().what;
    if (!id.ok()) return -1;
    left_[id.value()] = {answer, tenant};
    return id.value();
  }
  void Cancel(RequestId id) {
    scheduler.End(id);
    left_.erase(id);
  }

  // One step; returns it as planned.
  const StepPlan& Step() {
    const StepPlan& plan = scheduler.Plan(now_ns);
    for (const RequestId id : plan.expired) EXPECT_EQ(left_.erase(id), 1u) << id << " ended twice";
    if (drafts) AddDrafts(plan);
    for (const StepPiece& piece : plan.pieces) Compute(piece);
    CheckRows(plan);
    now_ns += kSecond / 100;
    scheduler.Commit(now_ns);
    for (const StepPiece& piece : plan.pieces) {
      if (!piece.wants_logits) continue;
      auto& [left, tenant] = left_.at(piece.request);
      const std::vector<int32_t> drafts_of(piece.tokens.end() - piece.drafts, piece.tokens.end());
      for (size_t i = 0; i <= drafts_of.size(); ++i) {
        const int32_t token = NextToken(scheduler.tokens(piece.request).size());
        scheduler.Append(piece.request, token);
        if (--left == 0 || i == drafts_of.size() || drafts_of[i] != token) break;
      }
      if (left > 0) continue;
      scheduler.End(piece.request);
      left_.erase(piece.request);
    }
    scheduler.StepTook(now_ns);
    return plan;
  }
  void RunAll() {
    for (int steps = 0; !scheduler.idle(); ++steps) {
      ASSERT_LT(steps, 100'000);
      const StepPlan& plan = Step();
      ASSERT_TRUE(!plan.pieces.empty() || !plan.expired.empty()) << "no progress";
    }
    EXPECT_TRUE(left_.empty());
  }
  bool is_live(RequestId id) const { return left_.contains(id); }
  size_t live() const { return left_.size(); }
  RequestId any(size_t i) const { return std::next(left_.begin(), static_cast<ptrdiff_t>(i))->first; }

  // Every block is free, held by the tree, or held by a table, and once nobody runs, not by a table.
  void ExpectAllBlocksBack() const {
    const SchedulerCounts counts = scheduler.counts();
    EXPECT_EQ(counts.kv_free + counts.kv_cached, counts.kv_blocks);
    EXPECT_EQ(counts.kv_cached, scheduler.prefixes().counts().blocks);
    EXPECT_EQ(counts.window_free + counts.window_cached, counts.window_blocks);
    EXPECT_EQ(counts.window_cached, scheduler.prefixes().counts().window_blocks);
    EXPECT_EQ(counts.waiting_tokens, 0);
  }

 private:
  // Answers to like prompts are alike.
  static int32_t NextToken(size_t behind) { return static_cast<int32_t>(behind % 3); }

  // Nobody loses anything by them.
  void AddDrafts(const StepPlan& plan) {
    const SchedulerCounts before = scheduler.counts();
    for (size_t i = 0; i < plan.pieces.size(); ++i) {
      if (plan.pieces[i].tokens.size() > 1 || !plan.pieces[i].wants_logits) continue;
      const auto [count, right] = drafts();
      const size_t size = scheduler.tokens(plan.pieces[i].request).size();
      std::vector<int32_t> tokens;
      for (int t = 0; t < count; ++t) {
        tokens.push_back(NextToken(size + static_cast<size_t>(t)) + (t == right ? 3 : 0));
      }
      const int added = scheduler.Draft(i, tokens);
      EXPECT_LE(added, count);
      EXPECT_LE(added, std::max(0, left_.at(plan.pieces[i].request).tokens - 1));
    }
    const SchedulerCounts after = scheduler.counts();
    EXPECT_EQ(after.running, before.running);
    EXPECT_EQ(after.kv_cached, before.kv_cached);
    EXPECT_EQ(after.window_cached, before.window_cached);
  }

  struct Left {
    int tokens = 0;
    std::string tenant;
  };
  using Book =
      std::pair<std::string, std::vector<int32_t>>;  // of a block: its tenant, all tokens up to its end

  void Compute(const StepPiece& piece) {
    const auto said = scheduler.tokens(piece.request);
    std::vector<int32_t> all(said.begin(), said.end());
    all.insert(all.end(), piece.tokens.end() - piece.drafts, piece.tokens.end());
    const auto first = static_cast<size_t>(piece.first), end = first + piece.tokens.size();
    ASSERT_FALSE(piece.tokens.empty());
    ASSERT_EQ(piece.wants_logits, end == all.size());
    ASSERT_TRUE(std::ranges::equal(piece.tokens, std::span(all).subspan(first, piece.tokens.size())));
    ReadAndWrite(piece, all, piece.blocks, book_, 0);
    if (options_.window_tokens == 0) return;
    const auto unseen = std::max(0, piece.first - options_.window_tokens + 1);
    ReadAndWrite(piece, all, piece.window_blocks, window_book_, static_cast<size_t>(unseen));
  }
  // What the piece reads, from position `seen` on, is what all its tokens make.
  void ReadAndWrite(const StepPiece& piece, std::span<const int32_t> all, std::span<const BlockId> blocks,
                    std::vector<Book>& books, size_t seen) {
    const std::string& tenant = left_.at(piece.request).tenant;
    const auto block_tokens = static_cast<size_t>(options_.block_tokens);
    const auto first = static_cast<size_t>(piece.first), end = first + piece.tokens.size();
    ASSERT_GE(blocks.size() * block_tokens, end);
    for (size_t block = seen / block_tokens; block * block_tokens < end; ++block) {
      ASSERT_GE(blocks[block], 0);
      Book& book = books[static_cast<size_t>(blocks[block])];
      const size_t begin = block * block_tokens;
      if (begin + block_tokens > first) {  // written in this step
        const size_t kept = std::max(begin, first);
        if (kept > begin) {  // behind it, drafts that were wrong
          book.second.resize(std::min(book.second.size(), kept));
          ASSERT_TRUE(HoldsPrefix(book, tenant, all.first(kept)));
        }
        book = {tenant,
                {all.begin(), all.begin() + static_cast<ptrdiff_t>(std::min(end, begin + block_tokens))}};
      } else {
        ASSERT_TRUE(HoldsPrefix(book, tenant, all.first(begin + block_tokens)))
            << "request " << piece.request << " reads another's block " << blocks[block];
      }
    }
  }
  static bool HoldsPrefix(const Book& book, const std::string& tenant, std::span<const int32_t> tokens) {
    return book.first == tenant && std::ranges::equal(book.second, tokens);
  }
  // Nobody writes what another piece of the step reads or writes.
  void CheckWrites(const StepPlan& plan, std::span<const BlockId> StepPiece::*blocks_of) {
    std::map<BlockId, RequestId> written;
    for (const StepPiece& piece : plan.pieces) {
      const auto blocks = piece.*blocks_of;
      for (size_t i = static_cast<size_t>(piece.first / options_.block_tokens); i < blocks.size(); ++i) {
        EXPECT_TRUE(written.emplace(blocks[i], piece.request).second);
      }
    }
    for (const StepPiece& piece : plan.pieces) {
      for (const BlockId block : piece.*blocks_of) {
        EXPECT_TRUE(block < 0 || !written.contains(block) || written[block] == piece.request);
      }
    }
  }
  void CheckRows(const StepPlan& plan) {
    int rows = 0, decodes = 0, added = 0;
    for (const StepPiece& piece : plan.pieces) {
      const int own = static_cast<int>(piece.tokens.size()) - piece.drafts;
      if (own == 1 && rows == decodes) ++decodes;
      rows += own;
      added += piece.drafts;
    }
    CheckWrites(plan, &StepPiece::blocks);
    CheckWrites(plan, &StepPiece::window_blocks);
    EXPECT_LE(rows + added, options_.step_tokens);
    EXPECT_LE(added, std::max(0, options_.step_outputs - options_.running));
    EXPECT_LE(plan.pieces.size(), static_cast<size_t>(options_.running));
    if (decodes > 0 && !options_.slo.any()) {
      EXPECT_LE(rows, std::max(options_.mixed_step_tokens, decodes + 16));
    }
  }

  SchedulerOptions options_;
  std::vector<Book> book_, window_book_;
  std::map<RequestId, Left> left_;
};

SchedulerOptions Small() {
  return {.block_tokens = 4,
          .kv_blocks = 32,
          .context = 64,
          .running = 4,
          .step_tokens = 32,
          .mixed_step_tokens = 24};
}

TEST(Scheduler, DecodesComeFirstAndChunksFillTheStep) {
  Player p(Small());
  const RequestId a = p.Submit(Prompt(10, 1), 10), b = p.Submit(Prompt(60, 2), 2);
  const StepPlan& first = p.Step();
  ASSERT_EQ(first.pieces.size(), 2u);
  EXPECT_EQ(first.pieces[0].request, a);
  EXPECT_EQ(first.pieces[0].tokens.size(), 10u);
  EXPECT_TRUE(first.pieces[0].wants_logits);
  EXPECT_EQ(first.pieces[1].request, b);
  EXPECT_EQ(first.pieces[1].tokens.size(), 22u);
  EXPECT_FALSE(first.pieces[1].wants_logits);
  // Now a waits for each of its tokens: b's chunks are short.
  const StepPlan& second = p.Step();
  ASSERT_EQ(second.pieces.size(), 2u);
  EXPECT_EQ(second.pieces[0].request, a);
  EXPECT_EQ(second.pieces[0].tokens.size(), 1u);
  EXPECT_EQ(second.pieces[1].first, 22);
  EXPECT_EQ(second.pieces[1].tokens.size(), 23u);
  p.RunAll();
  p.ExpectAllBlocksBack();
}

TEST(Scheduler, APromptStartsBehindWhatOthersComputed) {
  Player p(Small());
  p.Submit(Prompt(18), 1);
  p.RunAll();
  const RequestId again = p.Submit(Prompt(18), 3);
  EXPECT_EQ(p.Step().pieces[0].first, 16);
  EXPECT_EQ(p.scheduler.cached_tokens(again), 16);
  p.RunAll();
  // A whole prompt that is known: its last block is computed again, for the logits.
  p.Submit(Prompt(16), 1);
  EXPECT_EQ(p.Step().pieces[0].first, 12);
  p.Submit(Prompt(18), 1, Priority::kMid, "another tenant");
  EXPECT_EQ(p.Step().pieces[0].first, 0);
  EXPECT_EQ(p.scheduler.counts().prefix_queried_tokens, 70u);
  EXPECT_EQ(p.scheduler.counts().prefix_hit_tokens, 28u);
}

TEST(Scheduler, TheAnswerIsKeptToo) {
  Player p(Small());
  p.Submit(Prompt(6), 12);
  p.RunAll();
  std::vector<int32_t> next = Prompt(6);
  for (int i = 6; i < 18; ++i) next.push_back(i % 3);
  next.push_back(99);
  p.Submit(next, 1);
  EXPECT_EQ(p.Step().pieces[0].first, 16);  // of 18; the last was never computed
}

TEST(Scheduler, WithoutThePrefixCacheNothingIsShared) {
  SchedulerOptions options = Small();
  options.prefix_cache = false;
  Player p(options);
  p.Submit(Prompt(18), 1);
  p.RunAll();
  EXPECT_EQ(p.scheduler.counts().kv_free, 32);
  p.Submit(Prompt(18), 1);
  EXPECT_EQ(p.Step().pieces[0].first, 0);
}

TEST(Scheduler, EqualPromptsAreComputedOnce) {
  Player p(Small());
  for (int i = 0; i < 4; ++i) p.Submit(Prompt(22), 2);
  const StepPlan& first = p.Step();
  ASSERT_EQ(first.pieces.size(), 1u);  // the others had better wait
  const StepPlan& second = p.Step();
  ASSERT_EQ(second.pieces.size(), 4u);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(second.pieces[i].first, 20);
  p.RunAll();
  EXPECT_EQ(p.scheduler.counts().prefix_hit_tokens, 60u);
  // What is alike in its beginning alone waits for nobody.
  Player q(Small());
  std::vector<int32_t> other = Prompt(22);
  std::fill(other.begin() + 4, other.end(), 7);
  q.Submit(Prompt(10), 1);
  q.Submit(other, 1);
  EXPECT_EQ(q.Step().pieces.size(), 2u);
}

TEST(Scheduler, WhoRanksLastGivesWayWhenKvRunsOut) {
  SchedulerOptions options = Small();
  options.kv_blocks = 16;
  Player p(options);
  for (int i = 0; i < 100; ++i) p.Submit(Prompt(4), 1);  // answers are short, as a rule
  p.RunAll();
  const RequestId a = p.Submit(Prompt(20, 1), 40), b = p.Submit(Prompt(20, 2), 40);
  while (p.is_live(a)) {
    p.Step();
    EXPECT_TRUE(!p.is_live(a) || p.scheduler.preemptions(a) == 0);
  }
  EXPECT_EQ(p.scheduler.preemptions(b), 1);
  EXPECT_TRUE(p.is_live(b));
  p.RunAll();
  p.ExpectAllBlocksBack();
}

TEST(Scheduler, AnswersAreExpectedToBeAsLongAsUsual) {
  SchedulerOptions options = Small();
  options.kv_blocks = 16;
  Player p(options);
  // Usual answers leave no room for a second one beside the first.
  for (int i = 0; i < 2; ++i) p.Submit(Prompt(20, i), 40);
  p.Step();
  EXPECT_EQ(p.scheduler.counts().running, 1);
  p.RunAll();
  for (int i = 0; i < 100; ++i) {
    p.Submit(Prompt(20, i), 1);
    p.RunAll();
  }
  for (int i = 0; i < 2; ++i) p.Submit(Prompt(20, 200 + i), 40);
  p.Step();
  EXPECT_EQ(p.scheduler.counts().running, 2);
}

TEST(Scheduler, HigherClassesOvertakeUntilTheOthersHaveAged) {
  SchedulerOptions options = Small();
  options.running = 1;
  options.policy = FindPolicy("priority").value();
  Player p(options);
  const auto next_started = [&] {
    for (;;) {
      const StepPlan& plan = p.Step();
      if (!plan.started.empty()) return plan.started[0];
    }
  };
  const RequestId running = p.Submit(Prompt(4), 3, Priority::kHigh);
  const RequestId low = p.Submit(Prompt(4, 1), 1, Priority::kLow);
  const RequestId mid = p.Submit(Prompt(4, 2), 1, Priority::kMid);
  const RequestId high = p.Submit(Prompt(4, 3), 1, Priority::kHigh);
  EXPECT_EQ(next_started(), running);
  EXPECT_EQ(next_started(), high);
  EXPECT_EQ(next_started(), mid);
  p.now_ns += 20 * kSecond;
  p.Submit(Prompt(4, 4), 1, Priority::kHigh);
  EXPECT_EQ(next_started(), low);
  p.RunAll();
}

TEST(Scheduler, AHigherClassTakesThePlaceOfALowerOne) {
  SchedulerOptions options = Small();
  options.running = 1;
  Player p(options);
  const RequestId low = p.Submit(Prompt(20), 20, Priority::kLow);
  for (int i = 0; i < 5; ++i) p.Step();
  const RequestId high = p.Submit(Prompt(4, 1), 1, Priority::kHigh);
  EXPECT_EQ(p.Step().pieces[0].request, high);
  EXPECT_EQ(p.scheduler.preemptions(low), 1);
  // What it had computed is still there.
  EXPECT_EQ(p.Step().pieces[0].first, 24);
  p.RunAll();
  options.policy = FindPolicy("fifo").value();
  Player q(options);
  q.Submit(Prompt(20), 20, Priority::kLow);
  q.Step();
  q.Submit(Prompt(4, 1), 1, Priority::kHigh);
  q.RunAll();
  EXPECT_EQ(q.scheduler.counts().preemptions, 0u);
}

TEST(Scheduler, WhoIsPausedIsInNoStepAndKeepsItsKv) {
  Player p(Small());
  const RequestId slow = p.Submit(Prompt(20), 20), other = p.Submit(Prompt(4, 1), 40);
  for (int i = 0; i < 3; ++i) p.Step();
  const auto tokens = p.scheduler.tokens(slow).size();
  p.scheduler.SetPaused(slow, true);
  EXPECT_EQ(p.scheduler.counts().paused, 1);
  for (int i = 0; i < 5; ++i) {
    const StepPlan& plan = p.Step();
    ASSERT_EQ(plan.pieces.size(), 1u);
    EXPECT_EQ(plan.pieces[0].request, other);
  }
  p.scheduler.SetPaused(slow, false);
  EXPECT_EQ(p.Step().pieces[0].first, static_cast<int>(tokens) - 1);
  EXPECT_EQ(p.scheduler.preemptions(slow), 0);
  p.RunAll();
  p.ExpectAllBlocksBack();
}

TEST(Scheduler, WhoIsPausedHoldsNobodyUp) {
  SchedulerOptions options = Small();
  options.running = 1;
  Player p(options);
  const RequestId slow = p.Submit(Prompt(20), 20, Priority::kHigh);
  for (int i = 0; i < 5; ++i) p.Step();
  p.scheduler.SetPaused(slow, true);
  EXPECT_TRUE(p.Step().pieces.empty());
  const RequestId other = p.Submit(Prompt(4, 1), 3, Priority::kLow);
  EXPECT_EQ(p.Step().pieces[0].request, other);
  EXPECT_EQ(p.scheduler.counts().waiting, 1);
  while (p.is_live(other)) p.Step();
  EXPECT_TRUE(p.Step().pieces.empty());
  p.scheduler.SetPaused(slow, false);
  // What it had computed is still there.
  EXPECT_EQ(p.Step().pieces[0].first, 24);
  p.RunAll();
  p.ExpectAllBlocksBack();
}

TEST(Scheduler, ADeadlineEndsWhoWaitsAndWhoRuns) {
  SchedulerOptions options = Small();
  options.running = 1;
  Player p(options);
  Submission submission{.tokens = Prompt(4), .max_tokens = 50, .deadline_ns = kSecond / 10};
  const RequestId running = p.Submit(submission);
  const RequestId waiting = p.Submit(submission);
  p.Submit(Prompt(4, 1), 1);
  p.Step();
  p.now_ns = kSecond / 10;
  const StepPlan& plan = p.Step();
  EXPECT_EQ(plan.expired, (std::vector<RequestId>{waiting, running}));
  EXPECT_EQ(plan.started.size(), 1u);
  p.RunAll();
  EXPECT_EQ(p.scheduler.counts().expired, 2u);
}

TEST(Scheduler, WhatCannotFitIsRefusedWithTheNumbers) {
  SchedulerOptions options = Small();
  options.kv_blocks = 10;
  Scheduler scheduler(options);
  EXPECT_EQ(scheduler.context(), 40);
  const auto refused = scheduler.Submit({.tokens = Prompt(40)}, 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kBadInput);
  EXPECT_EQ(refused.error().what, "prompt: 40 tokens, the context and its KV blocks leave room for 39");
  EXPECT_TRUE(scheduler.Submit({.tokens = Prompt(39)}, 0).ok());
}

TEST(Scheduler, AFullQueueSaysWhenItWillHaveRoom) {
  SchedulerOptions options = Small();
  options.running = 1;
  options.queue = {.requests = 2, .tokens = 100};
  Player p(options);
  // Two steps each, of which one takes a second and a half.
  for (int i = 0; i < 3; ++i) {
    p.Submit(Prompt(4), 2);
    p.Step();
    p.now_ns += 3 * kSecond;
    p.Step();
  }
  p.Submit(Prompt(4), 2);
  p.Step();
  p.Submit(Prompt(10, 1), 1);
  p.Submit(Prompt(10, 2), 1);
  const auto refused = p.scheduler.Submit({.tokens = Prompt(4)}, p.now_ns);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  EXPECT_EQ(refused.error().what,
            "queue: 2 requests with 20 prompt tokens wait, expected at most 2 with 100");
  EXPECT_EQ(refused.error().retry_after_s, 1);
  p.RunAll();
}

TEST(CheckRoom, CountsRequestsAndTokensAndEstimatesByWhatLeaves) {
  const QueueLimits limits{.requests = 4, .tokens = 1000};
  EXPECT_TRUE(CheckRoom(limits, {}, 5000).ok());  // alone, it may be long
  EXPECT_TRUE(CheckRoom(limits, {.requests = 3, .tokens = 300, .seconds_per_request = 9}, 700).ok());
  EXPECT_EQ(
      CheckRoom(limits, {.requests = 4, .tokens = 400, .seconds_per_request = 2.5}, 1).error().retry_after_s,
      3);
  // 300 tokens too many: the room that two requests leave.
  EXPECT_EQ(
      CheckRoom(limits, {.requests = 3, .tokens = 600, .seconds_per_request = 5}, 700).error().retry_after_s,
      10);
  EXPECT_EQ(CheckRoom(limits, {.requests = 4, .seconds_per_request = 1e9}, 1).error().retry_after_s, 30);
  // Before any has left: what their prompts take, as far as a token's time is known.
  EXPECT_EQ(
      CheckRoom(limits, {.requests = 4, .tokens = 400, .seconds_per_token = 0.05}, 1).error().retry_after_s,
      5);
}

TEST(RequestRate, IsThatOfTheLastMinute) {
  RequestRate rate;
  for (int i = 0; i < 10; ++i) rate.AddBusy(0.1);
  EXPECT_NEAR(rate.seconds_per_request(), 1, 0.02);  // none ended yet
  rate.AddBusy(1, 200);
  EXPECT_NEAR(rate.seconds_per_token(), 0.01, 0.001);
  rate.AddEnded();
  EXPECT_EQ(rate.seconds_per_token(), 0);
  for (int i = 0; i < 1000; ++i) {
    rate.AddBusy(0.1);
    if (i % 20 == 0) rate.AddEnded();
  }
  EXPECT_NEAR(rate.seconds_per_request(), 2, 0.1);
  for (int i = 0; i < 10000; ++i) {
    rate.AddBusy(0.1);
    if (i % 5 == 0) rate.AddEnded();
  }
  EXPECT_NEAR(rate.seconds_per_request(), 0.5, 0.02);
}

TEST(Scheduler, AStepThatFailedMayBeTriedAgainOrItsRequestsEnd) {
  Scheduler scheduler(Small());
  const RequestId a = scheduler.Submit({.tokens = Prompt(8, 1)}, 0).value();
  const RequestId b = scheduler.Submit({.tokens = Prompt(8, 2)}, 0).value();
  EXPECT_EQ(scheduler.Plan(0).pieces.size(), 2u);
  scheduler.End(a);
  scheduler.End(a);
  const StepPlan& again = scheduler.Plan(0);
  ASSERT_EQ(again.pieces.size(), 1u);
  EXPECT_EQ(again.pieces[0].request, b);
  EXPECT_EQ(again.pieces[0].first, 0);
  scheduler.End(b);
  scheduler.Commit(1);  // of pieces that are gone
  EXPECT_TRUE(scheduler.idle());
  EXPECT_EQ(scheduler.counts().kv_free, 32);  // nothing was shown to be finite, so nothing stays
}

TEST(Scheduler, AShiftedRequestKeepsWholeBlocksAndComputesTheRest) {
  Player p(Small());
  const RequestId id = p.Submit(Prompt(20), 100);
  for (int i = 0; i < 3; ++i) p.Step();
  ASSERT_EQ(p.scheduler.tokens(id).size(), 23u);
  p.scheduler.Shift(id, 6, 8);
  const auto tokens = p.scheduler.tokens(id);
  ASSERT_EQ(tokens.size(), 15u);
  EXPECT_EQ(tokens[5], 5);
  EXPECT_EQ(tokens[6], 14);
  const StepPlan& plan = p.Step();
  EXPECT_EQ(plan.pieces[0].first, 4);  // 4 and 5 share a block that others may hold
  EXPECT_EQ(plan.pieces[0].tokens.size(), 11u);
  p.Cancel(id);
  p.ExpectAllBlocksBack();
}

TEST(Scheduler, ASourceIsReadOncePerStepAndAgainAfterAPreemption) {
  Scheduler scheduler(Small());
  const auto submit = [&](int source) {
    return scheduler
        .Submit({.tokens = {0}, .max_tokens = 9, .source_tokens = source, .shares_prefix = false}, 0)
        .value();
  };
  const RequestId a = submit(30), b = submit(64);
  EXPECT_EQ(scheduler.Plan(0).source, a);
  scheduler.Commit(1);
  const StepPlan& second = scheduler.Plan(1);
  EXPECT_EQ(second.source, b);
  ASSERT_EQ(second.pieces.size(), 1u);
  EXPECT_EQ(second.pieces[0].request, a);
  EXPECT_EQ(second.pieces[0].blocks.size(), 8u);
  scheduler.Commit(2);
  scheduler.Append(a, 1);
  EXPECT_EQ(scheduler.Plan(2).pieces.size(), 2u);
  EXPECT_EQ(scheduler.Plan(2).source, -1);
  EXPECT_FALSE(scheduler.Submit({.tokens = {0}, .source_tokens = 65}, 0).ok());
}

TEST(Scheduler, LayersWithAWindowHoldWhatIsSeen) {
  SchedulerOptions options = Small();
  options.window_tokens = 8;
  options.window_blocks = 32;
  const auto held = [](const Player& p) {
    const SchedulerCounts counts = p.scheduler.counts();
    return counts.window_blocks - counts.window_free - counts.window_cached;
  };
  Player p(options);
  p.Submit(Prompt(40), 20);
  p.Step();
  EXPECT_EQ(held(p), 8);  // of its first 32 tokens: nobody else needs them
  p.Step();
  for (int i = 0; i < 18; ++i) {
    p.Step();
    EXPECT_LE(held(p), 3);  // a row and seven in front
  }
  p.RunAll();
  p.ExpectAllBlocksBack();
  p.Submit(Prompt(40), 1);
  EXPECT_EQ(p.Step().pieces[0].first, 36);
  p.RunAll();
  std::vector<int32_t> parts_early = Prompt(22);
  parts_early.resize(40, 7);
  p.Submit(parts_early, 1);
  EXPECT_EQ(p.Step().pieces[0].first, 20);
  // With little room, a long prompt takes no more than it sees.
  options.window_blocks = WindowBlocks(8, options.step_tokens, 4);
  Player q(options);
  q.Submit(Prompt(63), 1);
  q.RunAll();
  q.ExpectAllBlocksBack();
}

TEST(Scheduler, AShiftGoesBackToWhereItsWindowIsThere) {
  SchedulerOptions options = Small();
  options.window_tokens = 8;
  options.window_blocks = 32;
  options.prefix_cache = false;
  Player p(options);
  const RequestId id = p.Submit(Prompt(40), 20);
  for (int i = 0; i < 3; ++i) p.Step();
  p.scheduler.Shift(id, 20, 8);
  EXPECT_EQ(p.Step().pieces[0].first, 0);  // 20 sees 13 to 19, which are gone
  for (int i = 0; i < 5; ++i) p.Step();
  ASSERT_EQ(p.scheduler.tokens(id).size(), 39u);
  p.scheduler.Shift(id, 36, 1);
  EXPECT_EQ(p.Step().pieces[0].first, 36);
  p.Cancel(id);
  p.ExpectAllBlocksBack();
}

// A low request among high ones that never end, and of which two already are too many.
TEST(Scheduler, NobodyStarves) {
  SchedulerOptions options = Small();
  options.running = 2;
  options.ageing_ns = 2 * kSecond;
  Player p(options);
  const RequestId low = p.Submit(Prompt(40, 1), 20, Priority::kLow);
  for (int32_t i = 2; p.is_live(low); ++i) {
    while (p.live() < 5) p.Submit(Prompt(20, i), 10, Priority::kHigh);
    p.Step();
    ASSERT_LT(p.now_ns, 6 * kSecond);  // two classes, and its own time
  }
  EXPECT_GE(p.now_ns, 3 * kSecond);
}

// KV for a third of what runs: all is done, and little of it twice.
TEST(Scheduler, PreemptionsCostLittle) {
  SchedulerOptions options = Small();
  options.kv_blocks = 20;
  for (const bool prefix_cache : {true, false}) {
    options.prefix_cache = prefix_cache;
    Player p(options);
    for (int i = 0; i < 100; ++i) p.Submit(Prompt(4), 1);  // so that long answers come as a surprise
    p.RunAll();
    const SchedulerCounts before = p.scheduler.counts();
    std::vector<RequestId> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(p.Submit(Prompt(10, i), 40));
    int most = 0;
    while (!p.scheduler.idle()) {
      p.Step();
      for (const RequestId id : ids) {
        if (p.is_live(id)) most = std::max(most, p.scheduler.preemptions(id));
      }
    }
    const SchedulerCounts after = p.scheduler.counts();
    const uint64_t rows =
        after.prefill_tokens + after.decode_tokens - before.prefill_tokens - before.decode_tokens;
    EXPECT_GT(after.preemptions, 5u);
    EXPECT_LE(most, 4);
    EXPECT_LE(rows, 20 * 50 * 3 / 2u) << prefix_cache;
    p.ExpectAllBlocksBack();
  }
}

TEST(Scheduler, DraftsThatFollowAreKept) {
  SchedulerOptions options = Small();
  options.step_outputs = options.running + 8;
  Player p(options);
  const RequestId id = p.Submit(Prompt(10), 20);
  p.Step();
  p.drafts = [] { return std::pair(3, 3); };  // all right
  p.Step();
  EXPECT_EQ(p.scheduler.tokens(id).size(), 11u + 4u);
  p.drafts = [] { return std::pair(5, 1); };  // the second is wrong
  p.Step();
  EXPECT_EQ(p.scheduler.tokens(id).size(), 15u + 2u);
  const SchedulerCounts counts = p.scheduler.counts();
  EXPECT_EQ(counts.drafts, 2u);
  EXPECT_EQ(counts.draft_tokens, 8u);
  EXPECT_EQ(counts.accepted_tokens, 4u);
  EXPECT_EQ(counts.decode_tokens, 2u + 4u);
  EXPECT_EQ(counts.kv_free + counts.kv_cached, 32 - 4);  // no blocks for what was not said
  p.drafts = [] { return std::pair(30, 30); };           // no more than the answer may have, nor logits
  EXPECT_EQ(p.Step().pieces[0].drafts, 8);
  EXPECT_EQ(p.Step().pieces[0].drafts, 3);
  EXPECT_TRUE(p.scheduler.idle());
  p.ExpectAllBlocksBack();
}

TEST(Scheduler, DraftsTakeNobodysBlocks) {
  SchedulerOptions options = Small();
  options.kv_blocks = 8;
  options.step_outputs = options.running + 8;
  Player p(options);
  p.Submit(Prompt(12, 1), 1);
  p.RunAll();
  EXPECT_EQ(p.scheduler.counts().kv_cached, 3);
  const RequestId id = p.Submit(Prompt(17, 2), 8);
  p.Step();
  EXPECT_EQ(p.scheduler.counts().kv_free, 0);
  p.drafts = [] { return std::pair(7, 7); };
  // Those that its fifth block has room for, beside the token that is there.
  EXPECT_EQ(p.Step().pieces[0].drafts, 2);
  EXPECT_EQ(p.scheduler.tokens(id).size(), 21u);
  EXPECT_EQ(p.scheduler.counts().evicted_blocks, 0u);
  p.RunAll();
  p.ExpectAllBlocksBack();
}

// Random traffic with too little of everything. The player sees to it that nobody reads KV of other tokens or
// of another tenant's, or writes what is shared; here: every request ends exactly once, every step gets on,
// and every block comes back.
void PlayAtRandom(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  SchedulerOptions options{.block_tokens = 1 + below(5), .context = 8 + below(40), .running = 1 + below(5)};
  options.policy = AllPolicies()[static_cast<size_t>(below(static_cast<int>(AllPolicies().size())))];
  options.kv_blocks = 3 + below(30);
  options.step_tokens = options.running + 1 + below(40);
  options.mixed_step_tokens = options.step_tokens / 2;
  options.ageing_ns = (1 + below(100)) * (kSecond / 100);
  options.prefix_cache = below(4) > 0;
  options.batch = 1 + below(6);
  options.batch_window_ns = below(2) * (kSecond / 100);
  if (below(2) == 0) {
    for (double& s : options.slo.itl_s) s = 0.002 * below(10);
    for (double& s : options.slo.ttft_s) s = 0.05 * below(10);
  }
  options.key_stretch = below(3) * 0.2;
  if (below(2) == 0) {
    options.window_tokens = 1 + below(20);
    const int most = WindowBlocks(options.window_tokens, options.step_tokens, options.block_tokens);
    options.window_blocks = std::min(options.kv_blocks, most + below(10));
  }
  const bool drafts = below(2) == 0;
  if (drafts) options.step_outputs = options.running + below(12);
  Player p(options);
  if (drafts) p.drafts = [&] { return std::pair(below(10), below(10)); };
  const int requests = 3 + below(12);
  const int context = p.scheduler.context();
  if (context < 3) return;
  int idle_steps = 0, refused = 0;
  for (int submitted = 0; submitted < requests || !p.scheduler.idle();) {
    if (submitted < requests && below(3) == 0) {
      ++submitted;
      const int size = 1 + below(context - 1);
      Submission submission{.tokens = Prompt(size, below(2)), .max_tokens = 1 + below(context - size)};
      if (below(3) == 0) std::fill(submission.tokens.begin() + below(size), submission.tokens.end(), 5);
      submission.priority = static_cast<Priority>(below(3));
      submission.scope.tenant = below(3) == 0 ? "b" : "a";
      submission.account = below(3);
      submission.weight = submission.account == 2 ? 2.5 : 1;
      if (below(5) == 0) submission.deadline_ns = p.now_ns + below(40) * (kSecond / 100);
      refused += p.Submit(std::move(submission)) < 0;
    }
    if (p.live() > 0 && below(12) == 0)
      p.Cancel(p.any(static_cast<size_t>(below(static_cast<int>(p.live())))));
    if (p.live() > 0 && below(6) == 0) {
      p.scheduler.SetPaused(p.any(static_cast<size_t>(below(static_cast<int>(p.live())))), below(2) == 0);
    }
    if (p.scheduler.idle()) continue;
    const StepPlan& plan = p.Step();
    // A step may go by until who is paused gives its blocks back.
    const bool waits = p.live() == static_cast<size_t>(p.scheduler.counts().paused);
    idle_steps = waits || !plan.pieces.empty() || !plan.expired.empty() ? 0 : idle_steps + 1;
    // A batch may be collected for a step, and those in it be cancelled.
    ASSERT_LT(idle_steps, options.policy->opens == nullptr ? 2 : 5) << "no progress";
    ASSERT_LT(p.scheduler.counts().steps, 5000u);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(p.live(), 0u);
  EXPECT_EQ(p.scheduler.counts().ended, static_cast<uint64_t>(requests - refused));
  p.ExpectAllBlocksBack();
}

TEST(Scheduler, TenThousandDaysOfRandomTraffic) {
  for (unsigned seed = 0; seed < 10'000; ++seed) {
    PlayAtRandom(seed);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace tern
