#pragma once
// StepTurn: of engines that share the machine's cores, one is at a step at a time; the next is the one of
// those that wait which has had the least time so far. Each engine has a team of threads as wide as the
// machine: two teams at once would take the cores from each other in the middle of every barrier.
//
// Fair by time, not by steps: an engine whose steps take 5 ms gets as much of the machine as one whose steps
// take 100 ms. Who was idle comes back with no more credit than whoever had its turn last. Any thread.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace tern {

class StepTurn {
 public:
  // One engine's part of it.
  struct Share {
    double used_s = 0;  // of the turn's mutex
  };

  // Waits for the turn, and has it for as long as it lives. No turn (null): nothing.
  class Hold {
   public:
    Hold(StepTurn* turn, Share* share) : turn_(turn) {
      if (turn_ != nullptr) turn_->Take(share);
    }
    ~Hold() {
      if (turn_ != nullptr) turn_->Give();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    StepTurn* turn_;
  };

 private:
  using Clock = std::chrono::steady_clock;
  void Take(Share* share);
  void Give();
  bool IsNext(const Share* share) const;

  std::mutex mutex_;  // of all
  std::condition_variable given_;
  std::vector<Share*> waiting_;  // in the order of their coming
  Share* holder_ = nullptr;
  double floor_s_ = 0;  // what the last holder had used when its turn came
  Clock::time_point begun_;
};

}  // namespace tern
