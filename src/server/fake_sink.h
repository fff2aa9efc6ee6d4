#pragma once
// For tests: keeps the answer to an exchange that has no socket.

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "server/http/exchange.h"

namespace tern {

class FakeSink : public HttpSink {
 public:
  void Reply(HttpResponse response) override {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(response);
    Done();
  }
  void Begin(HttpResponse head) override {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(head);
  }
  void Send(std::string piece) override {
    const std::lock_guard lock(mutex_);
    answer_.body += piece;
  }
  void End() override {
    const std::lock_guard lock(mutex_);
    Done();
  }
  void Cut() override {
    const std::lock_guard lock(mutex_);
    answer_.body += "<cut>";
    Done();
  }
  // The whole answer, once there is one; status 0: none came.
  HttpResponse Answer() {
    std::unique_lock lock(mutex_);
    const bool came = done_.wait_for(lock, std::chrono::seconds(20), [this] { return is_done_; });
    return came ? answer_ : HttpResponse{.status = 0};
  }

 private:
  void Done() {
    is_done_ = true;
    done_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable done_;
  HttpResponse answer_;
  bool is_done_ = false;
};

}  // namespace tern
