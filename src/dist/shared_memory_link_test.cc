#include "dist/shared_memory_link.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

namespace tern {
namespace {

int64_t In(double seconds) {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count() + static_cast<int64_t>(1e9 * seconds);
}

MessageBytes Bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Status Say(MessageLink& link, std::string_view text, double seconds = 5) {
  const std::span<const std::byte> parts[] = {std::as_bytes(std::span(text))};
  return link.Send(parts, In(seconds));
}

class Link : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = ListenInSharedMemory(name_, {.to_listener_bytes = 4096, .from_listener_bytes = 4096});
    ASSERT_TRUE(listener.ok()) << listener.error().what;
    listener_ = std::move(listener).value();
  }
  void Join() {
    Result<std::unique_ptr<MessageLink>> far = IoError("");
    std::thread connects([&] { far = ConnectInSharedMemory(name_, In(5)); });
    auto near = listener_->Accept(In(5));
    connects.join();
    ASSERT_TRUE(near.ok()) << near.error().what;
    ASSERT_TRUE(far.ok()) << far.error().what;
    near_ = std::move(near).value();
    far_ = std::move(far).value();
  }

  const std::string name_ = "test-" + std::to_string(getpid());
  std::shared_ptr<LinkListener> listener_;
  std::unique_ptr<MessageLink> near_, far_;
};

TEST_F(Link, CarriesMessagesBothWays) {
  Join();
  ASSERT_TRUE(Say(*near_, "one").ok());
  ASSERT_TRUE(Say(*near_, "").ok());
  ASSERT_TRUE(Say(*far_, "two").ok());
  EXPECT_EQ(far_->Receive(In(5)).value(), Bytes("one"));
  EXPECT_EQ(far_->Receive(In(5)).value(), Bytes(""));
  EXPECT_EQ(near_->Receive(In(5)).value(), Bytes("two"));
}

TEST_F(Link, DeadlinesEndWaiting) {
  Join();
  const auto nothing = near_->Receive(In(0.01));
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code, Code::kDeadline);
  const std::string large(1500, 'x');
  EXPECT_TRUE(Say(*near_, large).ok());
  EXPECT_TRUE(Say(*near_, large).ok());
  const Status full = Say(*near_, large, 0.01);
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, Code::kDeadline);
  EXPECT_EQ(Say(*near_, std::string(5000, 'x')).error().code, Code::kBadInput);
  std::thread reads([&] {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(far_->Receive(In(5)).value().size(), large.size());
  });
  EXPECT_TRUE(Say(*near_, large).ok());  // as soon as there is room
  reads.join();
}

TEST_F(Link, OneWhoMayNotWaitIsNotHeldUpByOneWhoDoes) {
  Join();
  const std::string large(3000, 'x');
  ASSERT_TRUE(Say(*near_, large).ok());
  std::thread waits([&] { EXPECT_TRUE(Say(*near_, large, 60).ok()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(Say(*near_, large, 0.01).error().code, Code::kDeadline);
  EXPECT_TRUE(far_->Receive(In(5)).ok());
  waits.join();
}

TEST_F(Link, WhatCameBeforeTheEndIsReceived) {
  Join();
  ASSERT_TRUE(Say(*near_, "last").ok());
  near_.reset();
  EXPECT_FALSE(Say(*far_, "late").ok());
  EXPECT_EQ(far_->Receive(In(5)).value(), Bytes("last"));
  const auto gone = far_->Receive(In(5));
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, Code::kIo);
}

TEST_F(Link, ClosingWakesBothEnds) {
  Join();
  for (MessageLink* waits : {near_.get(), far_.get()}) {
    std::thread closes([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      near_->Close();
    });
    EXPECT_EQ(waits->Receive(In(60)).error().code, Code::kIo);
    closes.join();
  }
}

// Whoever waits for one that is killed is told so at once, and nothing of it is in the next one's way.
TEST_F(Link, OneThatIsKilledLeavesNothing) {
  listener_.reset();
  for (int round = 0; round < 2; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      const auto listener = ListenInSharedMemory(name_, {4096, 4096});
      const auto link = listener.ok() ? listener.value()->Accept(In(10)) : IoError("");
      if (link.ok() && link.value()->Receive(In(10)).ok()) kill(getpid(), SIGKILL);
      _exit(1);
    }
    Result<std::unique_ptr<MessageLink>> link = IoError("");
    for (int i = 0; i < 500 && !link.ok(); ++i) {
      link = ConnectInSharedMemory(name_, In(5));
      if (!link.ok()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(link.ok()) << link.error().what;
    ASSERT_TRUE(Say(*link.value(), "go").ok());
    EXPECT_EQ(link.value()->Receive(In(60)).error().code, Code::kIo);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
}

TEST_F(Link, ANameBelongsToOneListener) {
  EXPECT_EQ(ListenInSharedMemory(name_).error().code, Code::kExhausted);
  listener_.reset();
  EXPECT_EQ(ConnectInSharedMemory(name_, In(1)).error().code, Code::kNotFound);
  EXPECT_TRUE(ListenInSharedMemory(name_, {4096, 4096}).ok());
  for (const char* name : {"", "a/b", "a b"}) {
    EXPECT_EQ(ListenInSharedMemory(name).error().code, Code::kBadInput) << name;
  }
  EXPECT_EQ(ConnectInSharedMemory(std::string(65, 'a'), In(1)).error().code, Code::kBadInput);
}

// One that takes the name and says nothing.
TEST_F(Link, OneThatIsNotAnsweredIsToldInTime) {
  EXPECT_EQ(ConnectInSharedMemory(name_, In(0.02)).error().code, Code::kDeadline);
  Join();  // it has gone, and the next one is let in
}

}  // namespace
}  // namespace tern
