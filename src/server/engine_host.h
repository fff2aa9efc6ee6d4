#pragma once
// EngineHost: the thread that owns an engine. Requests come in through a bounded queue, and cancels; what
// happens to them is told by callbacks. What fails, fails the requests concerned: the thread goes on.
//
// Callbacks run on the engine's thread, within its steps: they must not block.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "engine/memory_ledger.h"
#include "server/step_turn.h"

namespace tern {

struct HostCounts {
  size_t waiting = 0, running = 0;
  // So far. Finished ones were let in, or cancelled before.
  uint64_t finished = 0, refused = 0, prompt_tokens = 0, completion_tokens = 0;
  SchedulerCounts scheduler{};             // of the last step
  std::optional<DiskPrefixCounts> disk{};  // where KV is kept on disk
  double stuck_s = 0;                      // how long the engine has been at one step; 0: it is idle
};

using TicketId = uint64_t;

struct HostRequest {
  Request request{};  // its on_start and its on_finish are the host's
  // Exactly one of these is called first, and on_finish behind it only if that was on_admitted.
  std::function<void(const Error&)> on_refused{};
  std::function<void()> on_admitted{};
  std::function<void(const Outcome&)> on_finish{};  // once
  // Asked before each step: whether nothing is to be computed for it now, as its client has yet to take what
  // there is. It may call the host's Cancel. Null: never.
  std::function<bool()> waits_for_client{};
};

class EngineHost {
 public:
  // `turn`: what engines take their steps by that share the machine; null: this one is alone.
  explicit EngineHost(std::unique_ptr<Engine> engine, std::shared_ptr<StepTurn> turn = nullptr);
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;
  ~EngineHost();  // cancels everything

  // From any thread. Names for so many requests, one behind the other; then the requests, all or, where the
  // queue has no room for all, none: the error says when there will be. A ticket may be cancelled before.
  TicketId NewTickets(size_t count) { return next_ticket_.fetch_add(count); }
  Status Submit(TicketId first, std::vector<HostRequest> requests);
  // Before the engine's next step.
  void Cancel(TicketId ticket);
  // Cancels everything as soon as the step under way has ended, and takes no more.
  void End();
  HostCounts counts() const;
  // The KV cache as it was a fifth of a second ago, or before the step under way.
  CacheView cache() const;
  // Who runs and who waits, and why: as old as that, and where requests are taken by it, of the last step.
  ScheduleView schedule() const;
  // What moves by what steps take, as old as the cache's.
  AdaptationView adaptation() const;
  const LoadedModel& model() const { return model_; }
  int context() const { return context_; }
  int sequences() const { return sequences_; }
  size_t most_answers() const { return most_answers_; }  // of one request: a share of the queue
  const RunnerBytes& bytes() const { return bytes_; }
  const RunnerBytes& draft_bytes() const { return draft_bytes_; }  // of the draft model, if there is one

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kViewEvery{200};
  struct Submitted {
    TicketId ticket = 0;
    HostRequest host;
  };
  struct Came {
    int account = 0;
    int64_t tokens = 0;
  };
  struct Running {
    RequestId id = -1;
    std::shared_ptr<const HostRequest> host;
    bool paused = false;
  };
  void Loop();
  void TakeStep();
  void PauseAndResume();
  bool TakeCommands();
  void Start(Submitted submitted);
  void OnFinish(TicketId ticket, const HostRequest& host, bool started, const Outcome& outcome);
  void DoCancel(TicketId ticket);
  void Publish(bool busy);
  void PublishViews();
  void PublishSchedule();
  void CountArriving(const Request& request);
  void Refuse(const HostRequest& host, const Error& error);
  Status CheckQueue(const std::vector<HostRequest>& requests) const;
  Status CheckPromises(const std::vector<HostRequest>& requests) const;
  void CountOwn(int account, QueueLoad* load) const;

  std::unique_ptr<Engine> engine_;
  const LoadedModel& model_;
  const int context_, sequences_;
  const RunnerBytes bytes_, draft_bytes_;
  const QueueLimits queue_;
  const size_t most_answers_;
  const bool admits_by_schedule_;
  const std::shared_ptr<StepTurn> turn_;
  std::atomic<TicketId> next_ticket_ = 1;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable arrived_;
  std::vector<Submitted> submitted_;
  std::vector<TicketId> cancelled_;
  QueueLoad arriving_;  // submitted, and not yet in `counts_`
  HostCounts counts_;
  CacheView cache_;
  ScheduleView schedule_;
  AdaptationView adaptation_;
  std::vector<Came> came_;  // submitted, and not yet in `schedule_`
  bool busy_ = false, ending_ = false;
  Clock::time_point alive_;
  // The engine thread's own.
  StepTurn::Share share_;
  std::unordered_map<TicketId, Running> running_;
  bool all_paused_ = false;  // those that the engine has
  CacheView next_cache_;     // reused
  ScheduleView next_schedule_;
  AdaptationView next_adaptation_;
  Clock::time_point viewed_{};
  bool view_is_old_ = false;
  std::deque<TicketId> cancelled_early_;  // the last ones
  std::thread thread_;
};

}  // namespace tern
