#pragma once
// LineWriter: lines to a file descriptor, from any thread, none of which ever waits for who reads them: a
// thread of its own writes, from a queue with a bound in bytes; what comes while it is full is dropped and
// counted.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace tern {

class LineWriter {
 public:
  // `fd` stays the caller's, and open.
  explicit LineWriter(int fd, size_t max_bytes = size_t{1} << 20);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();  // writes what is left, unless nobody takes it for a second

  void Write(std::string_view line);  // the line break is added
  uint64_t dropped() const { return dropped_; }

 private:
  void Loop();
  bool WriteAll(std::string_view lines);

  const int fd_;
  const size_t max_bytes_;
  std::mutex mutex_;  // of what follows
  std::condition_variable arrived_;
  std::string queue_;
  bool ending_ = false;
  std::atomic<uint64_t> dropped_ = 0;
  std::thread thread_;
};

}  // namespace tern
