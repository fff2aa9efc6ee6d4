#pragma once
// EngineHost: the thread that owns an engine. Requests come in through a bounded queue, and wait there until
// the engine has a sequence for them and KV for the longest answer they may give: what has begun is never
// stopped for want of memory.
//
// Callbacks run on the engine's thread, within its steps: they must not block.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace tern {

struct HostLimits {
  size_t waiting = 256;  // requests
};

struct HostCounts {
  size_t waiting = 0, running = 0;
  int64_t reserved_tokens = 0;  // of KV, for what runs
  double stuck_s = 0;           // how long the engine has been at one step; 0: it is idle
  uint64_t finished = 0, refused = 0, prompt_tokens = 0, completion_tokens = 0;
};

using TicketId = uint64_t;

struct HostRequest {
  Request request{};     // its session and its on_finish are the host's
  std::string tenant{};  // shares prefixes with its like alone
  int priority = 0;      // below 0: before others; above: behind them
  // Exactly one of these is called first, and on_finish behind it only if that was on_admitted.
  std::function<void(const Error&)> on_refused{};
  std::function<void()> on_admitted{};
  std::function<void(const Outcome&)> on_finish{};  // once
};

class EngineHost {
 public:
  EngineHost(std::unique_ptr<Engine> engine, HostLimits limits);
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;
  ~EngineHost();  // cancels everything

  // From any thread. Names for so many requests, one behind the other; then the requests, all or, where the
  // queue has no room for all, none.
  TicketId NewTickets(size_t count) { return next_ticket_.fetch_add(count); }
  Status Submit(TicketId first, std::vector<HostRequest> requests);
  void Cancel(TicketId ticket);
  HostCounts counts() const;
  const LoadedModel& model() const { return model_; }
  int context() const { return context_; }
  int sequences() const { return sequences_; }
  int64_t kv_tokens() const { return kv_tokens_; }
  const RunnerBytes& bytes() const { return bytes_; }

 private:
  struct Waiting {
    TicketId ticket = 0;
    HostRequest host;
  };
  struct Running {
    RequestId request = -1;
    int64_t reserved_tokens = 0;
  };
  void Loop();
  bool TakeCommands();
  void DoCancel(TicketId ticket);
  void Admit();
  bool Fits(const Request& request) const;
  int64_t TokensOf(const Request& request) const;
  void Start(Waiting waiting);
  void Count(const std::function<void(HostCounts&)>& change);

  std::unique_ptr<Engine> engine_;
  const LoadedModel& model_;
  const int context_, sequences_;
  const int64_t kv_tokens_;
  const RunnerBytes bytes_;
  const HostLimits limits_;
  std::atomic<TicketId> next_ticket_ = 1;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable arrived_;
  std::vector<Waiting> submitted_;
  std::vector<TicketId> cancelled_;
  HostCounts counts_;
  bool ending_ = false, busy_ = false;
  std::chrono::steady_clock::time_point step_began_;
  // The engine thread's own.
  std::deque<Waiting> waiting_;
  std::unordered_map<TicketId, Running> running_;
  int64_t reserved_tokens_ = 0;
  std::thread thread_;
};

}  // namespace tern
