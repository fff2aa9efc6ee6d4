#include "base/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <vector>

#include "base/cpu_count.h"

namespace tern {
namespace {

TEST(Team, EveryThreadRunsOnceAndTheCallerIsThreadZero) {
  Team team(4);
  const auto caller = std::this_thread::get_id();
  for (int round = 0; round < 50; ++round) {
    std::vector<int> ran(4, 0);
    std::thread::id zero;
    team.Run([&](int thread) {
      ++ran[static_cast<size_t>(thread)];
      if (thread == 0) zero = std::this_thread::get_id();
    });
    EXPECT_EQ(ran, (std::vector<int>{1, 1, 1, 1}));
    EXPECT_EQ(zero, caller);
  }
}

// Every thread adds what its left neighbour wrote before the barrier: any early passing changes the sums.
TEST(Team, BarriersOrderWrites) {
  constexpr int kThreads = 3, kRounds = 2000;
  Team team(kThreads);
  std::vector<int64_t> a(kThreads, 1), b(kThreads, 0);
  team.Run([&](int thread) {
    const auto me = static_cast<size_t>(thread), left = static_cast<size_t>((thread + 1) % kThreads);
    for (int i = 0; i < kRounds; ++i) {
      b[me] = a[me] + a[left] % 7;
      team.Barrier(thread);
      a[me] = b[me] + b[left] % 5;
      team.Barrier(thread);
    }
  });
  std::vector<int64_t> x(kThreads, 1), y(kThreads, 0);
  for (int i = 0; i < kRounds; ++i) {
    for (size_t t = 0; t < kThreads; ++t) y[t] = x[t] + x[(t + 1) % kThreads] % 7;
    for (size_t t = 0; t < kThreads; ++t) x[t] = y[t] + y[(t + 1) % kThreads] % 5;
  }
  EXPECT_EQ(a, x);
}

TEST(Team, TasksAreDoneExactlyOnceWhateverTheChunk) {
  Team team(2);
  TaskCounter counter;
  for (const size_t chunk : {1, 3, 64, 5000}) {
    std::vector<int> done(1001, 0);
    counter.Reset();
    team.Run([&](int) {
      counter.ForEach(done.size(), chunk, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) ++done[i];
      });
    });
    EXPECT_EQ(std::accumulate(done.begin(), done.end(), 0), 1001);
    EXPECT_EQ(*std::max_element(done.begin(), done.end()), 1);
  }
}

TEST(Team, RangesOfTasksAreDoneExactlyOnceAlsoByFewerThreads) {
  Team team(3);
  TaskRanges ranges;
  for (const size_t tasks : {1, 2, 1001}) {
    for (const size_t chunk : {1, 3, 5000}) {
      std::vector<int> done(tasks, 0);
      ranges.Reset(team.threads());
      team.Run([&](int thread) {
        if (thread == 1) return;  // the others do its share
        ranges.ForEach({thread, team.threads()}, tasks, chunk, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) ++done[i];
        });
      });
      EXPECT_EQ(std::accumulate(done.begin(), done.end(), size_t{0}), tasks);
      EXPECT_EQ(*std::max_element(done.begin(), done.end()), 1);
    }
  }
}

TEST(Team, AThreadBeginsWithItsOwnRange) {
  TaskRanges ranges;
  ranges.Reset(2);
  std::vector<size_t> order;
  ranges.ForEach({1, 2}, 8, 2, [&](size_t begin, size_t) { order.push_back(begin); });
  EXPECT_EQ(order, (std::vector<size_t>{4, 6, 0, 2}));
}

// Eight threads on whatever this machine has: a pure spin barrier takes a scheduler's time slice, some
// milliseconds, for each of these; sleeping takes microseconds.
TEST(Team, ManyMoreThreadsThanCpusDoNotCollapse) {
  constexpr int kBarriers = 500;
  Team team(DefaultThreads() * 4);
  const auto start = std::chrono::steady_clock::now();
  team.Run([&](int thread) {
    for (int i = 0; i < kBarriers; ++i) team.Barrier(thread);
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 5.0);
}

TEST(Team, SleepingThreadsWakeForTheNextRun) {
  Team team(2);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> ran{0};
    team.Run([&](int) { ++ran; });
    EXPECT_EQ(ran, 2);
  }
}

TEST(Team, TwoCallersTakeTurns) {
  Team team(2);
  int64_t count = 0;  // guarded by Run itself
  const auto caller = [&] {
    for (int i = 0; i < 200; ++i) {
      team.Run([&](int thread) {
        if (thread == 0) ++count;
      });
    }
  };
  std::thread other(caller);
  caller();
  other.join();
  EXPECT_EQ(count, 400);
}

// Every run has other threads than the one before; those that it has not must do nothing, and miss nothing.
TEST(Team, RunsMayHaveSomeOfTheThreads) {
  constexpr int kThreads = 4;
  Team team(kThreads);
  std::vector<int> ran(kThreads, 0), expected(kThreads, 0);
  for (int round = 0; round < 800; ++round) {
    const int threads = 1 + (round * 7 + round / 5) % kThreads;
    std::atomic<int> before{0};
    team.Run(threads, [&](int thread) {
      ++before;
      team.Barrier(thread);
      EXPECT_EQ(before, threads);
      ++ran[static_cast<size_t>(thread)];
    });
    for (int t = 0; t < threads; ++t) ++expected[static_cast<size_t>(t)];
    if (round % 200 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // all sleep
    ASSERT_EQ(ran, expected);
  }
}

TEST(Team, EndsWithThreadsThatNoRunHad) {
  for (int i = 0; i < 20; ++i) {
    Team team(3);
    std::atomic<int> ran{0};
    team.Run(2, [&](int) { ++ran; });
    EXPECT_EQ(ran, 2);
  }
}

TEST(CpuCount, IsPositiveAndNoMoreThanThereAre) {
  EXPECT_GE(DefaultThreads(), 1);
  EXPECT_LE(static_cast<size_t>(DefaultThreads()), PhysicalCores().size());
}

}  // namespace
}  // namespace tern
