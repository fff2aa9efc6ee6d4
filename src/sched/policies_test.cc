// What policies promise of who comes next, on a scheduler whose steps take as long as a simple machine's
// would.

#include <gtest/gtest.h>

#include <map>

#include "sched/scheduler.h"

namespace tern {
namespace {

constexpr int64_t kMs = 1'000'000;

// Requests that answer with as many tokens as they ask for, and when each of them came.
class Machine {
 public:
  explicit Machine(SchedulerOptions options) : scheduler(WithKv(std::move(options))) {}

  struct Told {
    int64_t came_ns = 0, first_ns = -1, last_ns = -1, longest_gap_ns = 0, ended_ns = -1;
    int left = 0, account = 0;
  };
  Scheduler scheduler;
  int64_t now_ns = 0;
  std::map<RequestId, Told> told;
  uint64_t refused = 0;
  int retry_after_s = 0;
  int most_prompt_rows = 0;  // beside answers

  RequestId Submit(int prompt, int answer, Submission with = {}) {
    for (int i = 0; i < prompt; ++i) with.tokens.push_back(seed_ * 10'000 + i);
    ++seed_;
    with.max_tokens = answer;
    const int account = with.account;
    const auto id = scheduler.Submit(std::move(with), now_ns);
    if (!id.ok()) {
      EXPECT_EQ(id.error().code, Code::kExhausted) << id.error().what;
      retry_after_s = id.error().retry_after_s;
      ++refused;
      return -1;
    }
    told[id.value()] = {.came_ns = now_ns, .left = answer, .account = account};
    return id.value();
  }
  // 5 ms to read the weights, then 1 ms per 5 rows, and something for each answer.
  const StepPlan& Step() {
    const StepPlan& plan = scheduler.Plan(now_ns);
    if (plan.pieces.empty()) {
      now_ns += kMs;
      return plan;
    }
    int rows = 0, answers = 0, prompts = 0;
    for (const StepPiece& piece : plan.pieces) {
      rows += static_cast<int>(piece.tokens.size());
      ++(piece.tokens.size() == 1 ? answers : prompts);
    }
    if (answers > 0) most_prompt_rows = std::max(most_prompt_rows, rows - answers);
    now_ns += 5 * kMs + rows * kMs / 5 + answers * kMs / 2;
    scheduler.Commit(now_ns);
    for (const StepPiece& piece : plan.pieces) {
      if (piece.wants_logits) Append(piece.request);
    }
    scheduler.StepTook(now_ns);
    return plan;
  }
  void RunUntil(int64_t ns) {
    while (now_ns < ns) Step();
  }
  void RunAll() {
    while (!scheduler.idle()) Step();
  }
  double FirstMs(RequestId id) const {
    return 1e-6 * static_cast<double>(told.at(id).first_ns - told.at(id).came_ns);
  }

 private:
  static SchedulerOptions WithKv(SchedulerOptions options) {
    if (options.kv_blocks == 0) options.kv_blocks = 4000;
    options.context = 4096;
    return options;
  }
  void Append(RequestId id) {
    Told& t = told.at(id);
    if (t.first_ns < 0) t.first_ns = now_ns;
    if (t.last_ns >= 0) t.longest_gap_ns = std::max(t.longest_gap_ns, now_ns - t.last_ns);
    t.last_ns = now_ns;
    scheduler.Append(id, 1);
    if (--t.left > 0) return;
    t.ended_ns = now_ns;
    scheduler.End(id);
  }
  int32_t seed_ = 1;
};

SchedulerOptions With(std::string_view policy, int running) {
  return {.policy = FindPolicy(policy).value(), .running = running};
}

TEST(FairPolicy, WhoWasServedLeastIsNext) {
  Machine m(With("fair", 1));
  std::vector<RequestId> flood;
  for (int i = 0; i < 10; ++i) flood.push_back(m.Submit(50, 10, {.account = 1}));
  const RequestId other = m.Submit(50, 10, {.account = 2});
  m.RunAll();
  // The flood's first has its place already when the other is asked for, and no more come before it.
  EXPECT_LT(m.told[flood[0]].first_ns, m.told[other].first_ns);
  for (size_t i = 1; i < flood.size(); ++i) EXPECT_GT(m.told[flood[i]].first_ns, m.told[other].first_ns);
}

TEST(FairPolicy, TokensAreSharedByWeightAndFifoSharesByNumber) {
  const auto share = [](std::string_view policy, double weight) {
    SchedulerOptions options = With(policy, 4);
    options.queue.requests = 4000;
    Machine m(options);
    for (int i = 0; i < 200; ++i) {
      for (int k = 0; k < 4; ++k) m.Submit(40, 20, {.account = 1});
      m.Submit(40, 20, {.account = 2, .weight = weight});
    }
    m.RunUntil(8'000 * kMs);
    std::map<int, double> ended;
    for (const auto& [id, t] : m.told) ended[t.account] += t.ended_ns >= 0;
    EXPECT_GT(ended[2], 20);
    return ended[2] / (ended[1] + ended[2]);
  };
  EXPECT_NEAR(share("fifo", 1), 0.2, 0.05);
  EXPECT_NEAR(share("fair", 1), 0.5, 0.05);
  EXPECT_NEAR(share("fair", 3), 0.75, 0.05);
}

TEST(FairPolicy, AFloodLeavesRoomInTheQueue) {
  SchedulerOptions options = With("fair", 1);
  options.queue.requests = 8;
  Machine m(options);
  for (int i = 0; i < 20; ++i) m.Submit(10, 1, {.account = 1});
  EXPECT_EQ(m.scheduler.counts().waiting, 4);
  for (int i = 0; i < 20; ++i) m.Submit(10, 1, {.account = 2});
  EXPECT_EQ(m.scheduler.counts().waiting, 6);
  for (int i = 3; i < 9; ++i) m.Submit(10, 1, {.account = i});
  EXPECT_EQ(m.scheduler.counts().waiting, 8);
}

TEST(FairPolicy, WhoComesBackHasNoCreditForThePause) {
  Machine m(With("fair", 1));
  m.Submit(10, 1, {.account = 2});
  m.RunAll();
  for (int i = 0; i < 40; ++i) m.Submit(100, 20, {.account = 1});
  m.RunUntil(m.now_ns + 2000 * kMs);
  std::vector<RequestId> back;
  for (int i = 0; i < 20; ++i) back.push_back(m.Submit(100, 20, {.account = 2}));
  const int64_t came_ns = m.now_ns;
  m.RunUntil(came_ns + 2000 * kMs);
  int ended_1 = 0, ended_2 = 0;
  for (const auto& [id, t] : m.told) {
    if (t.ended_ns > came_ns) ++(t.account == 1 ? ended_1 : ended_2);
  }
  EXPECT_NEAR(ended_1, ended_2, 1);
}

TEST(FairPolicy, AFloodGivesPlacesUpAndNobodyIsPushedAboutMuch) {
  Machine m(With("fair", 8));
  for (int i = 0; i < 60; ++i) m.Submit(100, 100, {.account = 1});
  m.RunUntil(500 * kMs);
  EXPECT_EQ(m.scheduler.counts().running, 8);
  std::vector<RequestId> other;
  for (int i = 0; i < 4; ++i) {
    other.push_back(m.Submit(100, 20, {.account = 2}));
    m.RunUntil(m.now_ns + 300 * kMs);
    EXPECT_LT(m.FirstMs(other.back()), 100);
  }
  std::map<RequestId, int> preempted;
  while (!m.scheduler.idle()) {
    m.Step();
    for (const auto& [id, t] : m.told) {
      if (t.ended_ns < 0) preempted[id] = m.scheduler.preemptions(id);
    }
  }
  for (const auto& [id, times] : preempted) EXPECT_LE(times, 4) << id;
}

TEST(FairPolicy, AKeyAloneIsServedAsByPriority) {
  const auto order = [](std::string_view policy) {
    Machine m(With(policy, 2));
    for (int i = 0; i < 12; ++i) m.Submit(30, 10, {.priority = static_cast<Priority>(i % 3)});
    m.RunAll();
    std::vector<std::pair<int64_t, RequestId>> first;
    for (const auto& [id, t] : m.told) first.emplace_back(t.first_ns, id);
    std::ranges::sort(first);
    std::vector<RequestId> ids;
    for (const auto& [ns, id] : first) ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(order("fair"), order("priority"));
}

TEST(DynamicPolicy, ABatchIsCollectedAndRunsToItsEnd) {
  SchedulerOptions options = With("dynamic", 32);
  options.batch = 3;
  options.batch_window_ns = 50 * kMs;
  Machine m(options);
  const RequestId a = m.Submit(20, 4);
  m.RunUntil(30 * kMs);
  const RequestId b = m.Submit(20, 8);
  EXPECT_EQ(m.scheduler.counts().running, 0);
  m.RunUntil(51 * kMs);
  EXPECT_EQ(m.scheduler.counts().running, 2);  // the window has passed
  std::vector<RequestId> next;
  for (int i = 0; i < 4; ++i) next.push_back(m.Submit(20, 4));
  while (m.told[b].ended_ns < 0) {
    m.Step();
    for (const RequestId id : next) EXPECT_LT(m.told[id].first_ns, 0);
  }
  EXPECT_LT(m.told[a].ended_ns, m.told[b].ended_ns);
  m.Step();
  EXPECT_EQ(m.scheduler.counts().running, 3);  // three are enough, and no more than that start together
  m.RunAll();
  EXPECT_GT(m.told[next[3]].first_ns, m.told[next[2]].ended_ns);
}

TEST(Policies, OfEqualsTheOneWhosePromptIsCachedIsNext) {
  for (const std::string_view policy : {"priority", "fair"}) {
    Scheduler scheduler(
        {.policy = FindPolicy(policy).value(), .kv_blocks = 400, .context = 1024, .running = 1});
    int64_t now_ns = 0;
    const auto prompt = [](int seed) {
      std::vector<int32_t> tokens;
      for (int i = 0; i < 64; ++i) tokens.push_back(1000 * seed + i);
      return tokens;
    };
    const auto run = [&](RequestId wanted) {
      const StepPlan& plan = scheduler.Plan(now_ns);
      EXPECT_EQ(plan.pieces.at(0).request, wanted) << policy;
      const RequestId id = plan.pieces[0].request;
      scheduler.Commit(now_ns += 10 * kMs);
      scheduler.Append(id, 7);
      scheduler.End(id);
    };
    const auto submit = [&](int seed, Priority priority = Priority::kMid) {
      return scheduler.Submit({.tokens = prompt(seed), .max_tokens = 1, .priority = priority}, now_ns += kMs)
          .value();
    };
    run(submit(1));
    const RequestId cold = submit(2), low = submit(1, Priority::kLow), warm = submit(1);
    run(warm);
    run(cold);  // before another class
    // Whoever came more than a quarter of the ageing period later is no equal.
    const RequestId old = submit(3);
    now_ns += SchedulerOptions().ageing_ns / 4 + kMs;
    const RequestId late = submit(1);
    run(old);
    run(late);
    run(low);
  }
}

// A machine that has learnt what its steps cost.
void WarmUp(Machine* m) {
  for (int i = 0; i < 6; ++i) m->Submit(300, 40);
  m->RunAll();
  for (int i = 0; i < 6; ++i) {
    m->Submit(100, 20);
    m->RunAll();
  }
  ASSERT_TRUE(m->scheduler.step_cost().is_known());
  m->told.clear();
  m->most_prompt_rows = 0;
}

TEST(Slo, PromptsTakeWhatIsLeftOfATimeBetweenTokens) {
  for (const double itl_s : {0.02, 0.05}) {
    SchedulerOptions options = With("priority", 32);
    options.slo.itl_s.fill(itl_s);
    Machine m(options);
    WarmUp(&m);
    const RequestId answer = m.Submit(20, 300);
    for (int i = 0; i < 5; ++i) m.Step();
    for (int i = 0; i < 4; ++i) m.Submit(1000, 2);
    m.RunAll();
    EXPECT_LE(m.told[answer].longest_gap_ns, static_cast<int64_t>(1e9 * itl_s));
    // And no less than that allows: 0.2 ms a row beside 6 ms.
    EXPECT_GE(m.most_prompt_rows, (1e3 * itl_s * 0.7 - 6) / 0.2) << itl_s;
  }
}

TEST(Slo, OnlySoManyRunAsKeepTheTimeBetweenTokens) {
  SchedulerOptions options = With("priority", 32);
  options.slo.itl_s.fill(0.025);
  Machine m(options);
  WarmUp(&m);
  for (int i = 0; i < 32; ++i) m.Submit(10, 100);
  int most = 0;
  while (!m.scheduler.idle()) {
    m.Step();
    most = std::max(most, m.scheduler.counts().running);
  }
  EXPECT_GE(most, 12);  // 0.7 ms each beside 5, and 16 rows of a prompt
  EXPECT_LE(most, 24);
  for (const auto& [id, t] : m.told) EXPECT_LE(t.longest_gap_ns, 26 * kMs) << id;
}

TEST(Slo, WhatCannotBeKeptIsRefusedAtOnceAndWhatIsTakenIsKept) {
  SchedulerOptions options = With("priority", 8);
  options.slo.ttft_s = {0, 1, 0};
  Machine m(options);
  WarmUp(&m);
  // Three times what it can do, for ten seconds.
  const int64_t begin_ns = m.now_ns;
  int submitted = 0, low = 0;
  while (m.now_ns < begin_ns + 10'000 * kMs) {
    while (submitted * 40 * kMs < m.now_ns - begin_ns) {
      m.Submit(150, 40);
      if (++submitted % 50 == 0 && m.Submit(10, 2, {.priority = Priority::kLow}) >= 0) ++low;
    }
    m.Step();
  }
  EXPECT_GT(m.refused, 50u);
  EXPECT_GE(m.retry_after_s, 1);
  EXPECT_EQ(low, submitted / 50);  // to them, nothing is promised: they wait
  m.RunAll();
  int late = 0, ended = 0;
  for (const auto& [id, t] : m.told) {
    ++ended;
    late += t.first_ns - t.came_ns > 1000 * kMs;
  }
  EXPECT_GT(ended, 60);
  EXPECT_LE(late, low + ended / 20);
  // As soon as it is idle, everybody is welcome.
  const uint64_t refused = m.refused;
  m.Submit(150, 40);
  EXPECT_EQ(m.refused, refused);
}

TEST(Slo, LowerClassesHardlyShowInStepsOfAHigherOne) {
  SchedulerOptions options = With("priority", 32);
  options.slo.ttft_s = {0, 0, 100};
  Machine m(options);
  WarmUp(&m);
  const auto total_ms = [&m](RequestId id) {
    return 1e-6 * static_cast<double>(m.told[id].ended_ns - m.told[id].came_ns);
  };
  const RequestId idle = m.Submit(100, 50, {.priority = Priority::kHigh});
  m.RunAll();
  for (int i = 0; i < 40; ++i) m.Submit(200, 200, {.priority = Priority::kLow});
  m.RunUntil(m.now_ns + 1500 * kMs);
  const RequestId busy = m.Submit(100, 50, {.priority = Priority::kHigh});
  m.RunAll();
  EXPECT_LT(total_ms(busy), 1.3 * total_ms(idle));
  for (const auto& [id, t] : m.told) EXPECT_GE(t.ended_ns, 0);
}

TEST(Slo, AFloodHardlyShowsInStepsOfAKeyThatHasLess) {
  SchedulerOptions options = With("fair", 16);
  options.key_stretch = OptimizeFor(Optimize::kLatency, 16, 512).key_stretch;
  Machine m(options);
  WarmUp(&m);
  const auto total_ms = [&m](RequestId id) {
    return 1e-6 * static_cast<double>(m.told[id].ended_ns - m.told[id].came_ns);
  };
  const RequestId alone = m.Submit(100, 50, {.account = 2});
  m.RunAll();
  for (int i = 0; i < 60; ++i) m.Submit(200, 100, {.account = 1});
  m.RunUntil(m.now_ns + 1500 * kMs);
  const RequestId beside = m.Submit(100, 50, {.account = 2});
  const int64_t came_ns = m.now_ns;
  while (m.told[beside].ended_ns < 0) m.Step();
  EXPECT_LT(total_ms(beside), 1.5 * total_ms(alone));
  // And meanwhile the flood got on.
  uint64_t gone_on = 0;
  for (const auto& [id, t] : m.told) gone_on += t.account == 1 && t.last_ns > came_ns;
  EXPECT_GT(gone_on, 1u);
  m.RunAll();
}

TEST(StepBudget, PlansForAsMuchOfAPromiseAsIsKept) {
  for (const double late : {1.0, 1.3}) {
    const StepCost cost(StepCostCoefficients{.step_s = 0.004, .row_s = 0.0005, .more_row_s = 0.0005});
    StepBudget budget({.itl_s = {0.1, 0.1, 0.1}}, 0, &cost);
    int missed = 0;
    for (int i = 0; i < 4000; ++i) {
      budget.Begin(Priority::kMid, false, {});
      budget.Add(Priority::kMid, 0, 1, 1, true);
      const int rows = budget.Fitting(0, 500, false);
      budget.Add(Priority::kMid, 0, rows, 0, false);
      const double took = cost.Predict(budget.shape()) * (i % 100 == 0 ? late : 1);
      if (i >= 2000) missed += took > 0.1;
      budget.StepTook(took);
    }
    EXPECT_LE(missed, 8) << late;
    EXPECT_GT(budget.planned(), late > 1 ? 0.6 : 0.9) << late;
  }
}

TEST(Slo, IsReadFromText) {
  const auto read = [](std::string_view text) { return ParseSecondsByClass("--slo-itl", text); };
  EXPECT_EQ(read("100ms").value(), (SecondsByClass{0.1, 0.1, 0.1}));
  EXPECT_EQ(read("2s").value(), (SecondsByClass{2, 2, 2}));
  EXPECT_EQ(read("0.5").value(), (SecondsByClass{0.5, 0.5, 0.5}));
  EXPECT_EQ(read("high=500ms,low=30s").value(), (SecondsByClass{0.5, 0, 30}));
  EXPECT_EQ(read("").value(), (SecondsByClass{}));
  for (const std::string_view bad :
       {"x", "1m", "-1s", "0", "high", "high=", "top=1s", "high=1s,high=2s", "high=1s,", "1e9"}) {
    EXPECT_FALSE(read(bad).ok()) << bad;
  }
  EXPECT_EQ(read("soon").error().what,
            "--slo-itl: \"soon\", expected a time as 2s or 100ms, or some by class as high=500ms,low=30s");
}

TEST(ScheduleView, SaysInWordsWhyARequestWaits) {
  Machine m(With("priority", 1));
  m.Submit(10, 5);
  m.Step();
  m.Submit(10, 5, {.priority = Priority::kLow});
  m.Submit(10, 5);
  m.Step();
  ScheduleView view;
  m.scheduler.LookAtSchedule(m.now_ns, &view);
  ASSERT_EQ(view.waiting.size(), 2u);
  EXPECT_EQ(WhyItWaits(view, view.waiting[0]), "it is next, and all 1 places are taken");
  EXPECT_EQ(WhyItWaits(view, view.waiting[1]), "1 request is before it");
  EXPECT_EQ(StepInWords(view),
            "the last step had the next token of 1 answers and 0 tokens of prompts; what a step costs is "
            "not known yet");
}

}  // namespace
}  // namespace tern
