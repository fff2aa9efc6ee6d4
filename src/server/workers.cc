#include "server/workers.h"

#include <exception>

namespace tern {

Workers::Workers(int threads, size_t max_tasks) : max_tasks_(max_tasks) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

Workers::~Workers() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    dropped.swap(tasks_);
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_ || tasks_.size() >= max_tasks_) return false;
    tasks_.push_back(std::move(task));
  }
  arrived_.notify_one();
  return true;
}

void Workers::Work() {
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
      if (ending_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    try {
      task();
    } catch (const std::exception&) {
      // Out of memory, or a mistake of ours: it costs this request alone, whose exchange answers that.
    }
  }
}

}  // namespace tern
