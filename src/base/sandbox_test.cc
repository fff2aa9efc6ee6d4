#include "base/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace tern {
namespace {

using Answer = Result<std::string>;

// What comes of `work`: its answer, or "error: " and the text.
std::string Outcome(const std::function<Answer()>& work, const SandboxLimits& limits = {}) {
  const Answer answer = InSandbox("f: the reader", limits, work);
  return answer.ok() ? answer.value() : "error: " + answer.error().what;
}

SandboxLayers Layers() {
  const auto layers = ProbeSandbox();
  EXPECT_TRUE(layers.ok()) << layers.error().what;
  return layers.ok() ? layers.value() : SandboxLayers();
}

// "denied": the call failed; "done": it did not.
Answer Tried(bool failed) { return std::string(failed ? "denied" : "done"); }

TEST(SandboxTest, AnswersAndErrorsComeBackAsTheyAre) {
  EXPECT_EQ(Outcome([]() -> Answer { return std::string("a\0b", 3); }), std::string("a\0b", 3));
  EXPECT_EQ(Outcome([]() -> Answer { return std::string(); }), "");
  const std::string large(5 << 20, 'x');  // more than a pipe holds
  EXPECT_EQ(Outcome([&]() -> Answer { return large; }), large);
  const Answer refused = InSandbox("f", {}, []() -> Answer { return Unsupported("f: type\n\x1b[2J"); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what, "f: type??[2J");
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
}

TEST(SandboxTest, NothingOutsideIsReached) {
  const SandboxLayers layers = Layers();
  std::printf("active: %s\n", ToString(layers).c_str());
  if (!layers.resource_limits) GTEST_SKIP() << "the system takes no limits";
  const std::string stopped =
      "error: f: the reader was stopped at a system call that it has no use for: the file is broken or "
      "hostile";
  const std::string expected = layers.system_calls ? stopped : "denied";
  EXPECT_EQ(Outcome([] { return Tried(socket(AF_INET, SOCK_STREAM, 0) < 0); }), expected);
  EXPECT_EQ(Outcome([] { return Tried(open("/etc/passwd", O_RDONLY) < 0); }), "denied");
  EXPECT_EQ(Outcome([] { return Tried(mkdtemp(std::string("/tmp/XXXXXX").data()) == nullptr); }), expected);
  if (layers.system_calls || layers.landlock) {
    EXPECT_EQ(Outcome([] {
                char* none[] = {nullptr};
                return Tried(execve("/bin/true", none, none) < 0);
              }),
              expected);
  }
  if (!layers.system_calls) GTEST_SKIP() << "without seccomp root may fork";
  EXPECT_EQ(Outcome([] { return Tried(fork() < 0); }), stopped);
  EXPECT_EQ(Outcome([] { return Tried(kill(getppid(), 0) != 0); }), stopped);
  EXPECT_EQ(Outcome([] {
              return Tried(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                           MAP_FAILED);
            }),
            stopped);
}

TEST(SandboxTest, CrashesAreErrors) {
  EXPECT_EQ(Outcome([]() -> Answer {
              raise(SIGSEGV);
              return std::string();
            }),
            "error: f: the reader was stopped by signal 11 (SIGSEGV): the file is broken or hostile");
  EXPECT_EQ(Outcome([]() -> Answer { std::abort(); }),
            "error: f: the reader was stopped by signal 6 (SIGABRT): the file is broken or hostile");
  EXPECT_EQ(Outcome([]() -> Answer { _exit(3); }),
            "error: f: the reader ended with status 3: the file is broken or hostile");
  EXPECT_EQ(Outcome([]() -> Answer { _exit(0); }),
            "error: f: the reader gave no answer: the file is broken or hostile");
  EXPECT_EQ(Outcome([]() -> Answer { throw std::runtime_error("no"); }), "error: f: the reader failed: no");
}

TEST(SandboxTest, WorkWithoutEndIsStopped) {
  const auto loop = []() -> Answer {
    for (std::atomic<int> i = 0;;) i.fetch_add(1);
  };
  EXPECT_EQ(Outcome(loop, {.wall_ms = 50}),
            "error: f: the reader did not finish within 50 ms: the file is broken or hostile");
  EXPECT_EQ(Outcome(loop, {.cpu_seconds = 1}),
            "error: f: the reader was stopped after 1 s of computing: the file is broken or hostile");
  EXPECT_EQ(Outcome([]() -> Answer { return std::string(100, 'x'); }, {.answer_bytes = 99}),
            "error: f: the reader answers with more than 99 bytes: the file is broken or hostile");
  EXPECT_EQ(Outcome([]() -> Answer { return BadInput(std::string(1 << 20, 'x')); }, {.answer_bytes = 99}),
            "error: " + std::string(64 << 10, 'x'));
}

TEST(SandboxTest, MemoryWithoutEndIsAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers map more than any limit";
#endif
  const auto hoard = []() -> Answer {
    for (std::vector<std::string> all;;) all.emplace_back(1 << 20, 'x');
  };
  EXPECT_EQ(Outcome(hoard, {.memory_bytes = 64 << 20}),
            "error: f: the reader asks for more than 64 MiB of memory: the file is broken or hostile");
}

// The caller's pages, also those of its stack and heap, are not the child's to change.
TEST(SandboxTest, TheCallerIsLeftAlone) {
  std::string mine = "as it was";
  const auto count = [](const char* folder) {
    DIR* all = opendir(folder);
    int entries = 0;
    while (all != nullptr && readdir(all) != nullptr) ++entries;
    closedir(all);
    return entries;
  };
  const int descriptors = count("/proc/self/fd");
  struct sigaction before {
  }, after{};
  sigaction(SIGCHLD, nullptr, &before);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Outcome([&]() -> Answer {
                mine = "changed";
                if (i % 2 == 0) raise(SIGSEGV);
                return mine;
              }).substr(0, 7),
              i % 2 == 0 ? "error: " : "changed");
  }
  EXPECT_EQ(mine, "as it was");
  sigaction(SIGCHLD, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  EXPECT_EQ(count("/proc/self/fd"), descriptors);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(SandboxTest, AnswersWhereChildrenAreNotWaitedFor) {
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGCHLD, &ignore, &before);
  EXPECT_EQ(Outcome([]() -> Answer { return std::string("fine"); }), "fine");
  EXPECT_EQ(Outcome([]() -> Answer { std::abort(); }),
            "error: f: the reader gave no answer: the file is broken or hostile");
  sigaction(SIGCHLD, &before, nullptr);
}

TEST(SandboxTest, ThreadsMayCallItAtOnce) {
  std::atomic<int> right = 0;
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    while (!stop) free(std::memset(malloc(1000), 1, 1000));
  });
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&right, caller] {
      for (int i = 0; i < 10; ++i) {
        const std::string text = std::to_string(100 * caller + i);
        right += Outcome([&]() -> Answer { return std::string(1000, 'x') + text; }) ==
                 std::string(1000, 'x') + text;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  stop = true;
  busy.join();
  EXPECT_EQ(right, 40);
}

}  // namespace
}  // namespace tern
