#include "base/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include "base/confine.h"
#include "base/file.h"

namespace tern {
namespace {

using Clock = std::chrono::steady_clock;
using Work = std::function<Result<std::string>(const SandboxLayers&)>;

constexpr uint64_t kErrorBytes = 64 << 10;
constexpr std::string_view kBlame = "the file is broken or hostile";

// What the child writes first.
struct Head {
  static constexpr uint32_t kAnswer = UINT32_MAX;
  uint32_t code = kAnswer;  // else the Code of an error, whose text follows
  uint32_t unused = 0;
  uint64_t bytes = 0;
};

struct Job {
  std::string_view name;
  const SandboxLimits& limits;
  const Work& work;
  pid_t parent = 0;
  uint64_t mapped_bytes = 0;
};

// The first number of statm: pages of address space. 0: no /proc.
uint64_t MappedBytes() {
  const auto text = ReadFile("/proc/self/statm", 4096);
  const uint64_t pages = text.ok() ? std::strtoull(text.value().c_str(), nullptr, 10) : 0;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

bool Write(int fd, const void* data, size_t bytes) {
  for (const char* at = static_cast<const char*>(data); bytes > 0;) {
    const ssize_t put = write(fd, at, bytes);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
    bytes -= static_cast<size_t>(put);
  }
  return true;
}

Result<std::string> Attempt(const Job& job, const SandboxLayers& layers) {
  try {
    return job.work(layers);
  } catch (const std::bad_alloc&) {
    return Exhausted(fmt::format("{} asks for more than {} MiB of memory: {}", job.name,
                                 job.limits.memory_bytes >> 20, kBlame));
  } catch (const std::exception& exception) {
    return BadInput(fmt::format("{} failed: {}", job.name, exception.what()));
  }
}

[[noreturn]] void BeChild(int fd, const Job& job) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != job.parent) _exit(1);
  const SandboxLayers layers = Confine(fd, job.mapped_bytes, job.limits);
  const Result<std::string> result = Attempt(job, layers);
  std::string_view text = result.ok() ? result.value() : result.error().what;
  if (!result.ok()) text = text.substr(0, kErrorBytes);
  const Head head{.code = result.ok() ? Head::kAnswer : static_cast<uint32_t>(result.error().code),
                  .bytes = text.size()};
  // Not exit(): what other threads left in buffers is the parent's to write.
  _exit(Write(fd, &head, sizeof(head)) && Write(fd, text.data(), text.size()) ? 0 : 1);
}

// Reads what a child writes, for as long as there is time.
class Listener {
 public:
  enum class End { kClosed, kLate, kTooLong, kFailed };

  Listener(int fd, const SandboxLimits& limits)
      : fd_(fd), limits_(limits), deadline_(Clock::now() + std::chrono::milliseconds(limits.wall_ms)) {}

  End ReadAll() {
    size_t got = 0;
    End end = Read(reinterpret_cast<char*>(&head_), sizeof(head_), &got);
    if (end != End::kClosed || got < sizeof(head_)) return end;
    const uint64_t most = head_.code == Head::kAnswer ? limits_.answer_bytes : kErrorBytes;
    if (head_.bytes > most) return End::kTooLong;
    text_.reserve(head_.bytes);
    while (text_.size() < head_.bytes) {
      constexpr uint64_t kPieceBytes = 256 << 10;  // stays in the cache, which resize() clears
      const size_t had = text_.size();
      text_.resize(had + std::min(kPieceBytes, head_.bytes - had));
      end = Read(text_.data() + had, text_.size() - had, &got);
      text_.resize(had + got);
      if (end != End::kClosed || got == 0) return end;
    }
    is_complete_ = true;
    char more = 0;
    end = Read(&more, 1, &got);
    return end == End::kClosed && got > 0 ? End::kTooLong : end;
  }
  bool is_complete() const { return is_complete_; }
  const Head& head() const { return head_; }
  std::string Take() { return std::move(text_); }

 private:
  // kClosed: all of it, or what there was before the other end closed.
  End Read(char* to, size_t bytes, size_t* got) {
    for (*got = 0; *got < bytes;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
      pollfd ready{fd_, POLLIN, 0};
      const int count = poll(&ready, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
      if (count == 0) return End::kLate;
      const ssize_t read_now = count < 0 ? -1 : read(fd_, to + *got, bytes - *got);
      if (read_now < 0 && errno == EINTR) continue;
      if (read_now < 0) return End::kFailed;
      if (read_now == 0) return End::kClosed;
      *got += static_cast<size_t>(read_now);
    }
    return End::kClosed;
  }

  const int fd_;
  const SandboxLimits& limits_;
  const Clock::time_point deadline_;
  Head head_;
  std::string text_;
  bool is_complete_ = false;
};

std::string SignalName(int number) {
  constexpr struct {
    int number;
    std::string_view name;
  } kNames[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},  {SIGFPE, "SIGFPE"},
                {SIGABRT, "SIGABRT"}, {SIGKILL, "SIGKILL"}, {SIGTRAP, "SIGTRAP"}};
  for (const auto& known : kNames) {
    if (known.number == number) return fmt::format("signal {} ({})", number, known.name);
  }
  return fmt::format("signal {}", number);
}

// Why a child that was not late gave no answer; `status` as of waitpid, -1: somebody else took it.
Error Obituary(const Job& job, int status) {
  std::string what = "gave no answer";
  std::string_view why = kBlame;
  if (status >= 0 && WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    what = "was stopped by " + SignalName(number);
    if (number == SIGXCPU) what = fmt::format("was stopped after {} s of computing", job.limits.cpu_seconds);
    if (number == SIGSYS) what = "was stopped at a system call that it has no use for";
    if (number == SIGKILL) why = "the system is out of memory, or somebody ended it";
  } else if (status >= 0 && WEXITSTATUS(status) != 0) {
    what = fmt::format("ended with status {}", WEXITSTATUS(status));
  }
  return BadInput(fmt::format("{} {}: {}", job.name, what, why));
}

Result<std::string> Judge(const Job& job, Listener::End end, int status, Listener& listener) {
  if (end == Listener::End::kLate) {
    return BadInput(fmt::format("{} did not finish within {} ms: {}", job.name, job.limits.wall_ms, kBlame));
  }
  if (end == Listener::End::kTooLong) {
    return BadInput(
        fmt::format("{} answers with more than {} bytes: {}", job.name, job.limits.answer_bytes, kBlame));
  }
  const bool ended_well = status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
  if (end == Listener::End::kFailed || !listener.is_complete() || !ended_well) return Obituary(job, status);
  std::string text = listener.Take();
  if (listener.head().code == Head::kAnswer) return text;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; }, '?');
  const uint32_t code = std::min(listener.head().code, static_cast<uint32_t>(Code::kInternal));
  return Error{static_cast<Code>(code), std::move(text)};
}

// Its status as of waitpid; -1: the caller ignores SIGCHLD, so that the system took it. A child that has
// exited, or begun to, keeps its status; one that only closed its end does not go on.
int EndChild(pid_t child) {
  int status = 0;
  pid_t reaped = waitpid(child, &status, WNOHANG);
  if (reaped == 0) {
    kill(child, SIGKILL);
    do {
      reaped = waitpid(child, &status, 0);
    } while (reaped < 0 && errno == EINTR);
  }
  return reaped == child ? status : -1;
}

Error CannotStart(const Job& job, int number) {
  const Code code = number == EAGAIN || number == ENOMEM ? Code::kExhausted : Code::kIo;
  return {code, fmt::format("{} cannot be started: {}", job.name, strerror(number))};
}

Result<std::string> Run(Job job) {
  job.parent = getpid();
  job.mapped_bytes = MappedBytes();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return CannotStart(job, errno);
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);  // fewer turns; a refusal does no harm
  const pid_t child = fork();
  if (child == 0) BeChild(ends[1], job);
  const int number = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return CannotStart(job, number);
  }
  Listener listener(ends[0], job.limits);
  const Listener::End end = listener.ReadAll();
  close(ends[0]);
  return Judge(job, end, EndChild(child), listener);
}

}  // namespace

std::string ToString(const SandboxLayers& layers) {
  std::string text;
  const auto add = [&](bool there, std::string_view name) {
    if (there) text += (text.empty() ? "" : ", ") + std::string(name);
  };
  add(layers.resource_limits, "limits");
  add(layers.landlock, "landlock");
  add(layers.system_calls, "seccomp");
  return text.empty() ? "none" : text;
}

Result<std::string> InSandbox(std::string_view name, const SandboxLimits& limits,
                              const std::function<Result<std::string>()>& work) {
  const Work with_layers = [&](const SandboxLayers&) { return work(); };
  return Run({.name = name, .limits = limits, .work = with_layers});
}

Result<SandboxLayers> ProbeSandbox() {
  const SandboxLimits limits;
  const Work tell = [](const SandboxLayers& layers) -> Result<std::string> {
    return std::string(reinterpret_cast<const char*>(&layers), sizeof(layers));
  };
  TERN_TRY(const std::string answer, Run({.name = "the sandbox", .limits = limits, .work = tell}));
  SandboxLayers layers;
  TERN_CHECK(answer.size() == sizeof(layers));
  std::memcpy(&layers, answer.data(), sizeof(layers));
  return layers;
}

}  // namespace tern
