#pragma once
// SlowNote: a line on stderr for what takes longer than a second, once, so that nobody takes long work for a
// process that hangs; also where stderr is no terminal, and a Progress draws nothing.
//
//   {
//     const SlowNote note("smollm2: packing weights");
//     Pack();
//   }

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace tern {

class SlowNote {
 public:
  // Empty: says nothing.
  explicit SlowNote(std::string line, std::chrono::milliseconds after = std::chrono::seconds(1));
  SlowNote(const SlowNote&) = delete;
  SlowNote& operator=(const SlowNote&) = delete;
  ~SlowNote();

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace tern
