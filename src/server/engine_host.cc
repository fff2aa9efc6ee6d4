#include "server/engine_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/speculation/draft_model.h"

namespace tern {
namespace {

constexpr size_t kMostCancelledEarly = 1024;
constexpr int kQueueShare = 4, kLeastShare = 16;  // of the queue, for one request
constexpr std::chrono::milliseconds kPausedPoll(10);

Error Cancelled() { return {Code::kCancelled, "cancelled"}; }

}  // namespace

EngineHost::EngineHost(std::unique_ptr<Engine> engine, std::shared_ptr<StepTurn> turn)
    : engine_(std::move(engine)),
      model_(engine_->runner().model()),
      context_(engine_->context()),
      sequences_(engine_->runner().sequences()),
      bytes_(engine_->runner().bytes()),
      draft_bytes_(engine_->draft_model() != nullptr ? engine_->draft_model()->runner().bytes()
                                                     : RunnerBytes{}),
      queue_(engine_->queue_limits()),
      most_answers_(static_cast<size_t>(
          std::min(queue_.requests, std::max(queue_.requests / kQueueShare, kLeastShare)))),
      admits_by_schedule_(engine_->admits_by_schedule()),
      turn_(std::move(turn)) {
  Publish(false);
  PublishViews();
  thread_ = std::thread([this] { Loop(); });
}

EngineHost::~EngineHost() {
  End();
  thread_.join();
}

void EngineHost::End() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_all();
}

// What the engine had after its last step, and what has come since: an answer at once, whatever a step takes.
Status EngineHost::CheckQueue(const std::vector<HostRequest>& requests) const {
  if (requests.size() > most_answers_) {
    return BadInput(fmt::format("request: {} answers, expected at most {} of the {} that may wait",
                                requests.size(), most_answers_, queue_.requests));
  }
  QueueLoad load{counts_.scheduler.waiting + arriving_.requests,
                 counts_.scheduler.waiting_tokens + arriving_.tokens, counts_.scheduler.seconds_per_request,
                 counts_.scheduler.seconds_per_token};
  if (counts_.scheduler.steps == 0 && busy_) {  // the first one takes no less than it has taken so far
    load.seconds_per_request = std::chrono::duration<double>(Clock::now() - alive_).count();
  }
  CountOwn(requests.front().request.account, &load);
  for (const HostRequest& host : requests) {
    const auto tokens = static_cast<int64_t>(host.request.prompt.size());
    TERN_TRY_STATUS(CheckRoom(queue_, load, tokens));
    ++load.requests;
    load.tokens += tokens;
    ++load.own_requests;
    load.own_tokens += tokens;
  }
  return admits_by_schedule_ ? CheckPromises(requests) : Status();
}

void EngineHost::CountOwn(int account, QueueLoad* load) const {
  load->is_shared = schedule_.policy->before != nullptr;
  const auto own = std::ranges::find(schedule_.accounts, account, &Account::id);
  if (own != schedule_.accounts.end()) {
    load->own_requests = own->waiting;
    load->own_tokens = own->waiting_tokens;
  }
  for (const Came& came : came_) {
    if (came.account != account) continue;
    ++load->own_requests;
    load->own_tokens += came.tokens;
  }
}

// By what is known outside the engine's thread, so that a refusal need not wait for the step under way.
Status EngineHost::CheckPromises(const std::vector<HostRequest>& requests) const {
  const Request& first = requests.front().request;
  Comer comer{.priority = first.priority, .account = first.account, .weight = first.weight};
  const bool by_account = schedule_.policy->before != nullptr;
  for (const Came& came : came_) {
    if (by_account && came.account != comer.account) continue;
    ++comer.requests_since;
    comer.tokens_since += came.tokens;
  }
  for (const HostRequest& host : requests) {
    comer.prompt_tokens = static_cast<int64_t>(host.request.prompt.size());
    TERN_TRY_STATUS(CheckPromise(schedule_, comer));
    ++comer.requests_since;
    comer.tokens_since += comer.prompt_tokens;
  }
  return {};
}

Status EngineHost::Submit(TicketId first, std::vector<HostRequest> requests) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return Error{Code::kCancelled, "the server is shutting down"};
    if (const Status room = CheckQueue(requests); !room.ok()) {
      counts_.refused += requests.size();
      return room;
    }
    for (HostRequest& host : requests) {
      CountArriving(host.request);
      if (admits_by_schedule_) {
        came_.push_back({host.request.account, static_cast<int64_t>(host.request.prompt.size())});
      }
      host.request.is_promised = true;
      submitted_.push_back({first++, std::move(host)});
    }
  }
  arrived_.notify_one();
  return {};
}

void EngineHost::CountArriving(const Request& request) {
  ++arriving_.requests;
  arriving_.tokens += static_cast<int64_t>(request.prompt.size());
}

void EngineHost::Cancel(TicketId ticket) {
  {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(ticket);
  }
  arrived_.notify_one();
}

HostCounts EngineHost::counts() const {
  using std::chrono::steady_clock;
  const std::lock_guard lock(mutex_);
  HostCounts counts = counts_;
  counts.waiting = static_cast<size_t>(counts.scheduler.waiting + arriving_.requests);
  counts.running = static_cast<size_t>(counts.scheduler.running);
  if (busy_) counts.stuck_s = std::chrono::duration<double>(Clock::now() - alive_).count();
  return counts;
}

CacheView EngineHost::cache() const {
  const std::lock_guard lock(mutex_);
  return cache_;
}

ScheduleView EngineHost::schedule() const {
  const std::lock_guard lock(mutex_);
  return schedule_;
}

AdaptationView EngineHost::adaptation() const {
  const std::lock_guard lock(mutex_);
  return adaptation_;
}

// Looked at so seldom that it costs nothing, and once more when there is nothing else to do.
void EngineHost::PublishViews() {
  engine_->LookAtCache(&next_cache_);
  engine_->LookAtAdaptation(&next_adaptation_);
  viewed_ = Clock::now();
  view_is_old_ = false;
  {
    const std::lock_guard lock(mutex_);
    std::swap(cache_, next_cache_);
    std::swap(adaptation_, next_adaptation_);
  }
  PublishSchedule();
}

void EngineHost::PublishSchedule() {
  engine_->LookAtSchedule(&next_schedule_);
  const std::lock_guard lock(mutex_);
  std::swap(schedule_, next_schedule_);
  came_.erase(came_.begin(),
              came_.end() - static_cast<ptrdiff_t>(admits_by_schedule_ ? submitted_.size() : 0));
}

void EngineHost::Publish(bool busy) {
  const SchedulerCounts now = engine_->counts();
  const std::optional<DiskPrefixCounts> disk = engine_->disk_counts();
  const std::lock_guard lock(mutex_);
  counts_.scheduler = now;
  counts_.disk = disk;
  arriving_ = {};
  for (const Submitted& s : submitted_) CountArriving(s.host.request);
  busy_ = busy;
  alive_ = Clock::now();
}

void EngineHost::Loop() {
  for (bool ends = false; !ends;) {
    try {
      ends = !TakeCommands();
      if (!ends) TakeStep();
    } catch (const std::exception&) {
      // Out of memory, beyond what the engine itself tells its requests of: the next step is another try.
    }
  }
  while (!running_.empty()) engine_->Cancel(running_.begin()->second.id);
}

void EngineHost::TakeStep() {
  PauseAndResume();
  const bool was_idle = engine_->idle();
  {
    const StepTurn::Hold hold(was_idle ? nullptr : turn_.get(), &share_);
    all_paused_ = !engine_->Step();
  }
  if (admits_by_schedule_) PublishSchedule();
  view_is_old_ |= !was_idle;
  if (view_is_old_ && Clock::now() - viewed_ >= kViewEvery) PublishViews();
  Publish(!engine_->idle() && !all_paused_);
}

void EngineHost::PauseAndResume() {
  for (auto& [ticket, running] : running_) {
    if (!running.host->waits_for_client) continue;
    const bool waits = running.host->waits_for_client();
    if (waits != running.paused) engine_->SetPaused(running.id, waits);
    running.paused = waits;
  }
}

// Waits where there is nothing else to do. False: the end.
bool EngineHost::TakeCommands() {
  std::vector<Submitted> submitted;
  std::vector<TicketId> cancelled;
  bool ending = false;
  {
    std::unique_lock lock(mutex_);
    const auto has_work = [this] {
      const bool may_step = (!engine_->idle() && !all_paused_) || engine_->has_to_give();
      return ending_ || !submitted_.empty() || !cancelled_.empty() || may_step;
    };
    // Clients that take more, and deadlines that pass, tell nobody.
    if (!engine_->idle() || engine_->has_to_write()) {
      arrived_.wait_for(lock, kPausedPoll, has_work);
    } else if (view_is_old_) {
      arrived_.wait_until(lock, viewed_ + kViewEvery, has_work);
    } else {
      arrived_.wait(lock, has_work);
    }
    ending = ending_;
    submitted.swap(submitted_);
    cancelled.swap(cancelled_);
  }
  for (Submitted& s : submitted) Start(std::move(s));
  for (const TicketId ticket : cancelled) DoCancel(ticket);
  view_is_old_ |= !submitted.empty() || !cancelled.empty();
  if (admits_by_schedule_) PublishSchedule();
  Publish(true);
  return !ending;
}

void EngineHost::DoCancel(TicketId ticket) {
  if (const auto found = running_.find(ticket); found != running_.end()) {
    return engine_->Cancel(found->second.id);
  }
  // Its client may have gone before it came.
  cancelled_early_.push_back(ticket);
  if (cancelled_early_.size() > kMostCancelledEarly) cancelled_early_.pop_front();
}

void EngineHost::Refuse(const HostRequest& host, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    ++(error.code == Code::kCancelled ? counts_.finished : counts_.refused);
  }
  host.on_refused(error);
}

// What a callback throws is nobody's but its own request's.
void EngineHost::Start(Submitted submitted) try {
  const TicketId ticket = submitted.ticket;
  const auto host = std::make_shared<HostRequest>(std::move(submitted.host));
  if (std::ranges::find(cancelled_early_, ticket) != cancelled_early_.end()) {
    return Refuse(*host, Cancelled());
  }
  Request request = std::move(host->request);
  const auto started = std::make_shared<bool>(false);
  request.on_start = [host, started] {
    *started = true;
    host->on_admitted();
  };
  request.on_finish = [this, ticket, host, started](const Outcome& outcome) {
    OnFinish(ticket, *host, *started, outcome);
  };
  const auto id = engine_->Submit(std::move(request));
  if (!id.ok()) return Refuse(*host, id.error());
  running_.emplace(ticket, Running{.id = id.value(), .host = host});
} catch (const std::exception&) {
}

void EngineHost::OnFinish(TicketId ticket, const HostRequest& host, bool started, const Outcome& outcome) {
  running_.erase(ticket);
  Publish(true);  // who has an answer finds nothing of it running any more
  {
    const std::lock_guard lock(mutex_);
    const bool refused = !started && outcome.reason == FinishReason::kFailed;
    ++(refused ? counts_.refused : counts_.finished);
    if (started) counts_.prompt_tokens += static_cast<uint64_t>(outcome.prompt_tokens);
    counts_.completion_tokens += static_cast<uint64_t>(outcome.completion_tokens);
  }
  if (started) return host.on_finish(outcome);
  host.on_refused(outcome.reason == FinishReason::kFailed ? outcome.error : Cancelled());
}

}  // namespace tern
