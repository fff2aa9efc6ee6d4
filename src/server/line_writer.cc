#include "server/line_writer.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace tern {

LineWriter::LineWriter(int fd, size_t max_bytes)
    : fd_(fd), max_bytes_(max_bytes), thread_([this] { Loop(); }) {}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_all();
  thread_.join();
}

void LineWriter::Write(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() + line.size() + 1 > max_bytes_) {
      ++dropped_;
      return;
    }
    queue_.append(line).push_back('\n');
  }
  arrived_.notify_one();
}

void LineWriter::Loop() {
  // A reader that has gone is no reason to die.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (true) {
    std::string lines;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      lines.swap(queue_);
    }
    if (!WriteAll(lines)) dropped_ += static_cast<uint64_t>(std::ranges::count(lines, '\n'));
  }
}

// A pipe that can be written to takes PIPE_BUF bytes at once without waiting.
bool LineWriter::WriteAll(std::string_view lines) {
  int waited_ms = 0;
  while (!lines.empty()) {
    pollfd wait{.fd = fd_, .events = POLLOUT, .revents = 0};
    constexpr int kPatienceMs = 100;
    if (poll(&wait, 1, kPatienceMs) <= 0) {
      const std::lock_guard lock(mutex_);
      waited_ms += kPatienceMs;
      if (ending_ && waited_ms >= 1000) return false;
      continue;
    }
    const ssize_t written = write(fd_, lines.data(), std::min<size_t>(lines.size(), PIPE_BUF));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (written > 0) lines.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace tern
