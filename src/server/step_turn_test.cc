#include "server/step_turn.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace tern {
namespace {

using std::chrono::microseconds;

TEST(StepTurn, OneAtATime) {
  StepTurn turn;
  std::atomic<int> inside = 0, most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      StepTurn::Share share;
      for (int step = 0; step < 50; ++step) {
        const StepTurn::Hold hold(&turn, &share);
        most = std::max(most.load(), ++inside);
        std::this_thread::sleep_for(microseconds(20));
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
}

// Of two that wait, the one that has had less goes first, though it came later.
TEST(StepTurn, GoesByTheTimeThatEachHasHad) {
  bool less_first = false;
  for (int attempt = 0; attempt < 10 && !less_first; ++attempt) {  // on a busy machine they may not wait yet
    StepTurn turn;
    StepTurn::Share held, more{.used_s = 2}, less{.used_s = 1};
    std::vector<std::thread> threads;
    std::vector<const StepTurn::Share*> order;  // of the turn's holder
    const auto take = [&](StepTurn::Share* share) {
      const StepTurn::Hold hold(&turn, share);
      order.push_back(share);
    };
    {
      const StepTurn::Hold hold(&turn, &held);
      for (StepTurn::Share* share : {&more, &less}) {
        threads.emplace_back(take, share);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    for (std::thread& thread : threads) thread.join();
    less_first = order.front() == &less;
  }
  EXPECT_TRUE(less_first);
}

// Who comes late is not let alone until it has had as much as others in all the time before.
TEST(StepTurn, IdleTimeIsNoCredit) {
  StepTurn turn;
  StepTurn::Share old, young;
  for (int i = 0; i < 3; ++i) {
    const StepTurn::Hold hold(&turn, &old);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  { const StepTurn::Hold hold(&turn, &young); }
  EXPECT_GE(young.used_s, 0.004);
}

TEST(StepTurn, NoTurnIsNothing) { const StepTurn::Hold hold(nullptr, nullptr); }

}  // namespace
}  // namespace tern
