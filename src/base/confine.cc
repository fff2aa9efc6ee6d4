#include "base/confine.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <vector>

namespace tern {
namespace {

// Sanitizers map terabytes of shadow memory, and make calls of their own, also to report.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kSanitizer = true;
#else
constexpr bool kSanitizer = false;
#endif
#else
constexpr bool kSanitizer = false;
#endif

// The caller's handlers are not for this process; what ends a foreground job is the caller's to act on.
void ResetSignals() {
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ}) {
    signal(number, SIG_DFL);
  }
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2, SIGALRM}) {
    signal(number, SIG_IGN);
  }
  sigset_t crashes;
  sigemptyset(&crashes);
  sigaddset(&crashes, SIGXCPU);
  sigprocmask(SIG_UNBLOCK, &crashes, nullptr);
}

void CloseAllBut(int fd) {
#ifdef SYS_close_range
  const auto kept = static_cast<unsigned>(fd);
  // ThreadSanitizer writes out the caller's copy of stdout at _exit(); reports go to stderr.
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO}) {
    if (standard != fd) close(standard);
  }
  const unsigned first = kSanitizer ? 3 : 0;
  if (kept > first) syscall(SYS_close_range, first, kept - 1, 0);
  syscall(SYS_close_range, std::max(first, kept + 1), ~0U, 0);
#else
  static_cast<void>(fd);
#endif
}

bool Limit(__rlimit_resource_t resource, uint64_t soft, uint64_t hard) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return false;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, hard);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, soft);
  return setrlimit(resource, &limit) == 0;
}

bool LimitResources(uint64_t mapped_bytes, const SandboxLimits& limits) {
  bool all = Limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1);
  for (const auto none : {RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NPROC}) {
    all = Limit(none, 0, 0) && all;
  }
  if (kSanitizer || mapped_bytes == 0) return all;
  const uint64_t most = mapped_bytes + limits.memory_bytes;
  return Limit(RLIMIT_AS, most, most) && all;
}

// Landlock by its numbers: the headers of older systems lack it.
bool DenyPaths() {
  constexpr long kCreateRuleset = 444, kRestrictSelf = 446;  // on every architecture
  constexpr unsigned kAskVersion = 1;
  constexpr uint64_t kRights[] = {13, 14, 15, 15, 16};  // bits for files, by version
  const long version = syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version < 1) return false;
  const auto row = std::min<size_t>(static_cast<size_t>(version), std::size(kRights)) - 1;
  const uint64_t files = (uint64_t{1} << kRights[row]) - 1;
  const auto ruleset = static_cast<int>(syscall(kCreateRuleset, &files, sizeof(files), 0));
  if (ruleset < 0) return false;
  const bool denied = syscall(kRestrictSelf, ruleset, 0) == 0;
  close(ruleset);
  return denied;
}

// A seccomp program, rule by rule; the first that fits decides.
class CallFilter {
 public:
  explicit CallFilter(uint32_t architecture) {
    Load(offsetof(seccomp_data, arch));
    Test(BPF_JEQ, architecture, 1, 0);
    Return(SECCOMP_RET_KILL_PROCESS);
    Load(offsetof(seccomp_data, nr));
  }
  void Rule(long call, uint32_t action) {
    Test(BPF_JEQ, static_cast<uint32_t>(call), 0, 1);
    Return(action);
  }
  // Allowed with this value of the argument (of its low half, where little-endian machines keep it first).
  void AllowWith(long call, int argument, uint32_t value) {
    IfArgument(call, argument, BPF_JEQ, value, true);
  }
  void AllowWithout(long call, int argument, uint32_t bits) {
    IfArgument(call, argument, BPF_JSET, bits, false);
  }
  bool Install() {
    Return(SECCOMP_RET_KILL_PROCESS);
    sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  void Load(size_t offset) {
    code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)));
  }
  void Test(int how, uint32_t value, uint8_t if_true, uint8_t if_false) {
    code_.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | how | BPF_K), value, if_true, if_false));
  }
  void Return(uint32_t action) { code_.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
  void IfArgument(long call, int argument, int how, uint32_t value, bool allowed_if) {
    Test(BPF_JEQ, static_cast<uint32_t>(call), 0, 4);
    Load(offsetof(seccomp_data, args) + static_cast<size_t>(argument) * sizeof(uint64_t));
    Test(how, value, allowed_if ? 0 : 1, allowed_if ? 1 : 0);
    Return(SECCOMP_RET_ALLOW);
    Return(SECCOMP_RET_KILL_PROCESS);
  }

  std::vector<sock_filter> code_;
};

// Memory, clocks, the answer, the end. What libc tries by the way and can do without is refused; the rest
// ends the process.
bool FilterCalls(int answer_fd) {
#if defined(__x86_64__)
  CallFilter filter(AUDIT_ARCH_X86_64);
  filter.Rule(SYS_open, SECCOMP_RET_ERRNO | EPERM);
#elif defined(__aarch64__)
  CallFilter filter(AUDIT_ARCH_AARCH64);
#else
  return false;
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  for (const long call : {SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex, SYS_exit, SYS_exit_group,
                          SYS_clock_gettime, SYS_gettimeofday, SYS_getrandom, SYS_getpid, SYS_gettid,
                          SYS_sched_yield, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall}) {
    filter.Rule(call, SECCOMP_RET_ALLOW);
  }
  filter.AllowWithout(SYS_mmap, 2, PROT_EXEC);
  filter.AllowWithout(SYS_mprotect, 2, PROT_EXEC);
  filter.AllowWith(SYS_write, 0, static_cast<uint32_t>(answer_fd));
  filter.AllowWith(SYS_tgkill, 0, static_cast<uint32_t>(getpid()));  // abort()
  for (const long call : {SYS_openat, SYS_newfstatat, SYS_fstat, SYS_ioctl, SYS_prctl, SYS_rt_sigaction,
                          SYS_sched_getaffinity, SYS_sysinfo}) {
    filter.Rule(call, SECCOMP_RET_ERRNO | EPERM);
  }
  return filter.Install();
#endif
}

}  // namespace

SandboxLayers Confine(int answer_fd, uint64_t mapped_bytes, const SandboxLimits& limits) {
  SandboxLayers layers;
  ResetSignals();
  CloseAllBut(answer_fd);
  prctl(PR_SET_DUMPABLE, 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) layers.landlock = DenyPaths();
  layers.resource_limits = LimitResources(mapped_bytes, limits);
  // Last: it forbids what the others need. Needs NO_NEW_PRIVS, or fails.
  layers.system_calls = !kSanitizer && FilterCalls(answer_fd);
  return layers;
}

}  // namespace tern
