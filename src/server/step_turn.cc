#include "server/step_turn.h"

#include <algorithm>

namespace tern {
namespace {

constexpr double kMostCharged_s = 1;  // of one step

}  // namespace

bool StepTurn::IsNext(const Share* share) const {
  return holder_ == nullptr && share == *std::ranges::min_element(waiting_, {}, &Share::used_s);
}

void StepTurn::Take(Share* share) {
  std::unique_lock lock(mutex_);
  share->used_s = std::max(share->used_s, floor_s_);
  waiting_.push_back(share);
  given_.wait(lock, [&] { return IsNext(share); });
  std::erase(waiting_, share);
  holder_ = share;
  floor_s_ = std::max(floor_s_, share->used_s);
  begun_ = Clock::now();
}

void StepTurn::Give() {
  {
    const std::lock_guard lock(mutex_);
    // A process that was stopped in the middle of a step is not to be made to wait for it.
    holder_->used_s += std::min(kMostCharged_s, std::chrono::duration<double>(Clock::now() - begun_).count());
    holder_ = nullptr;
  }
  given_.notify_all();
}

}  // namespace tern
