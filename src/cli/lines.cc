#include "cli/lines.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>

namespace tern {

std::string ReadStandardInput(const std::function<void()>& waiting) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point patient_until = Clock::now() + std::chrono::seconds(1);
  bool told = !waiting;
  std::string text;
  for (char bytes[1 << 16];;) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(patient_until - Clock::now()).count();
    if (!told && (left <= 0 || poll(&input, 1, static_cast<int>(left)) == 0)) {
      waiting();
      told = true;
    }
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(bytes, static_cast<size_t>(count));
  }
}

namespace {

class InputLines {
 public:
  // Waits for the next line, which is valid until the next call; nothing: the input has ended.
  Result<std::optional<std::string_view>> Next() {
    while (!Whole() && !ended_) TERN_TRY_STATUS(Fill());
    if (begin_ == text_.size()) return std::optional<std::string_view>();
    const size_t end = std::min(end_, text_.size());
    const std::string_view line = std::string_view(text_).substr(begin_, end - begin_);
    begin_ = std::min(end + 1, text_.size());
    end_ = begin_;
    return std::optional(line);
  }
  // Does Next have a line without waiting?
  Result<bool> Ready() {
    for (pollfd input{STDIN_FILENO, POLLIN, 0}; !Whole() && !ended_ && poll(&input, 1, 0) > 0;)
      TERN_TRY_STATUS(Fill());
    return Whole() || (ended_ && begin_ < text_.size());
  }

 private:
  // Is there a line end behind begin_? end_ moves there, and is not searched twice.
  bool Whole() {
    while (end_ < text_.size() && text_[end_] != '\n') ++end_;
    return end_ < text_.size();
  }
  Status Fill() {
    char bytes[1 << 16];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) return {};
    if (count < 0) return Error{Code::kIo, fmt::format("standard input: {}", std::strerror(errno))};
    ended_ = count == 0;
    text_.erase(0, begin_);
    end_ -= begin_;
    begin_ = 0;
    text_.append(bytes, static_cast<size_t>(count));
    return {};
  }

  std::string text_;
  size_t begin_ = 0, end_ = 0;  // of the line in text_
  bool ended_ = false;
};

Error InLine(int number, const Error& error) {
  return {error.code, fmt::format("line {}: {}", number, error.what)};
}

}  // namespace

Status EachLine(const std::function<Status(std::string_view line, bool more)>& handle) {
  InputLines input;
  std::string line;
  for (int number = 1;; ++number) {
    TERN_TRY(const auto next, input.Next());
    if (!next) return {};
    line = *next;
    TERN_TRY(const bool more, input.Ready());
    const Status status = handle(line, more);
    if (!status.ok()) return InLine(number, status.error());
  }
}

Status MapLines(const std::function<Result<std::string>(std::string_view line)>& handle) {
  return EachLine([&](std::string_view line, bool) -> Status {
    TERN_TRY(const std::string result, handle(line));
    fmt::print("{}\n", result);
    std::fflush(stdout);  // a program may wait for this answer before it asks again
    return {};
  });
}

}  // namespace tern
