#pragma once
// Workers: threads for what a request needs and the sockets' thread must not do: parsing, templates,
// tokenizing, grammars. The queue is bounded; who finds it full says so to the client.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tern {

class Workers {
 public:
  Workers(int threads, size_t max_tasks);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers();  // ends what is under way; drops what waits

  // False: full. From any thread. What a task throws ends that task alone.
  [[nodiscard]] bool Post(std::function<void()> task);

 private:
  void Work();

  size_t max_tasks_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tern
