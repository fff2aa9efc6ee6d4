#include "io/child_process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "io/files.h"

namespace tern {
namespace {

ChildOptions Shell(const std::string& script) {
  return {.words = {"sh", "-c", script}, .output = "/tmp/tern-child-" + std::to_string(getpid())};
}

TEST(RunChild, GivesTheExitCodeAndTheOutput) {
  ChildOptions child = Shell("echo $GREETING; echo err >&2; exit 7");
  child.environment = {"GREETING=hello"};
  EXPECT_EQ(RunChild(child).value(), 7);
  EXPECT_EQ(ReadSmallFile(child.output, 100).value(), "hello\nerr\n");
  EXPECT_EQ(RunChild(Shell("kill -9 $$")).value(), 128 + 9);
  unlink(child.output.c_str());
}

TEST(RunChild, WithoutSuchAProgram) {
  const auto code = RunChild({.words = {"/no/such/program"}, .output = "/dev/null"});
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(code.error().code, Code::kNotFound);
}

TEST(RunChild, EndsTheChildAndItsChildrenWhenToldTo) {
  ChildOptions child = Shell("sleep 100 & sleep 100");
  int asked = 0;
  child.keep_going = [&] { return ++asked < 3; };
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(RunChild(child).error().code, Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
  unlink(child.output.c_str());
}

}  // namespace
}  // namespace tern
