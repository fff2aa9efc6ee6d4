#include "cli/slow_note.h"

#include <cstdio>

namespace tern {

SlowNote::SlowNote(std::string line, std::chrono::milliseconds after) {
  if (line.empty()) return;
  thread_ = std::thread([this, after, line = std::move(line) + "\n"] {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, after, [this] { return is_over_; })) std::fputs(line.c_str(), stderr);
  });
}

SlowNote::~SlowNote() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

}  // namespace tern
