#include "server/engine_host.h"

#include <fmt/format.h>

#include <algorithm>

namespace tern {

EngineHost::EngineHost(std::unique_ptr<Engine> engine, HostLimits limits)
    : engine_(std::move(engine)),
      model_(engine_->runner().model()),
      context_(engine_->runner().context()),
      sequences_(engine_->runner().sequences()),
      kv_tokens_(engine_->runner().free_tokens()),
      bytes_(engine_->runner().bytes()),
      limits_(limits),
      thread_([this] { Loop(); }) {}

EngineHost::~EngineHost() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_all();
  thread_.join();
}

Status EngineHost::Submit(TicketId first, std::vector<HostRequest> requests) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return Error{Code::kCancelled, "the server is shutting down"};
    if (counts_.waiting + requests.size() > limits_.waiting) {
      counts_.refused += requests.size();
      return Exhausted(
          fmt::format("{} requests wait already, expected at most {}", counts_.waiting, limits_.waiting));
    }
    counts_.waiting += requests.size();
    for (HostRequest& request : requests) submitted_.push_back({first++, std::move(request)});
  }
  arrived_.notify_one();
  return {};
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
  if (busy_) counts.stuck_s = std::chrono::duration<double>(steady_clock::now() - step_began_).count();
  return counts;
}

void EngineHost::Count(const std::function<void(HostCounts&)>& change) {
  const std::lock_guard lock(mutex_);
  change(counts_);
}

void EngineHost::Loop() {
  while (TakeCommands()) {
    Admit();
    engine_->Step();
  }
  while (!waiting_.empty()) DoCancel(waiting_.front().ticket);
  while (!running_.empty()) DoCancel(running_.begin()->first);
}

// Waits where there is nothing else to do. False: the end.
bool EngineHost::TakeCommands() {
  std::vector<Waiting> submitted;
  std::vector<TicketId> cancelled;
  {
    std::unique_lock lock(mutex_);
    busy_ = false;
    arrived_.wait(lock, [this] {
      return ending_ || !submitted_.empty() || !cancelled_.empty() || !engine_->idle() || !waiting_.empty();
    });
    if (ending_) {
      std::ranges::move(submitted_, std::back_inserter(waiting_));
      return false;
    }
    busy_ = true;
    step_began_ = std::chrono::steady_clock::now();
    submitted.swap(submitted_);
    cancelled.swap(cancelled_);
  }
  std::ranges::move(submitted, std::back_inserter(waiting_));
  for (const TicketId ticket : cancelled) DoCancel(ticket);
  return true;
}

void EngineHost::DoCancel(TicketId ticket) {
  if (const auto found = running_.find(ticket); found != running_.end()) {
    return engine_->Cancel(found->second.request);
  }
  const auto found = std::ranges::find(waiting_, ticket, &Waiting::ticket);
  if (found == waiting_.end()) return;
  const Waiting gone = std::move(*found);
  waiting_.erase(found);
  Count([](HostCounts& c) { --c.waiting; });
  gone.host.on_refused(Error{Code::kCancelled, "cancelled"});
}

int64_t EngineHost::TokensOf(const Request& request) const {
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  const int64_t answer = request.max_tokens < 0 ? context_ : request.max_tokens;
  // Whole blocks, as the pool hands them out.
  const int64_t tokens = std::min<int64_t>(prompt + answer, context_);
  return (tokens + kKvBlockTokens - 1) / kKvBlockTokens * kKvBlockTokens;
}

bool EngineHost::Fits(const Request& request) const {
  return running_.size() < static_cast<size_t>(sequences_) &&
         (running_.empty() || reserved_tokens_ + TokensOf(request) <= kv_tokens_);
}

// In order of arrival: a large request is not overtaken for ever.
void EngineHost::Admit() {
  while (!waiting_.empty() && Fits(waiting_.front().host.request)) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    Count([](HostCounts& c) { --c.waiting; });
    Start(std::move(next));
  }
}

void EngineHost::Start(Waiting next) {
  HostRequest& host = next.host;
  const int64_t tokens = TokensOf(host.request);
  const TicketId ticket = next.ticket;
  host.request.on_finish = [this, ticket, on_finish = std::move(host.on_finish)](const Outcome& outcome) {
    const auto found = running_.find(ticket);
    reserved_tokens_ -= found->second.reserved_tokens;
    running_.erase(found);
    Count([&](HostCounts& c) {
      --c.running;
      c.reserved_tokens = reserved_tokens_;
      ++c.finished;
      c.prompt_tokens += static_cast<uint64_t>(outcome.prompt_tokens);
      c.completion_tokens += static_cast<uint64_t>(outcome.completion_tokens);
    });
    on_finish(outcome);
  };
  const auto request = engine_->Submit(std::move(host.request));
  if (!request.ok()) {
    Count([](HostCounts& c) { ++c.refused; });
    return host.on_refused(request.error());
  }
  running_.emplace(ticket, Running{request.value(), tokens});
  reserved_tokens_ += tokens;
  Count([this](HostCounts& c) {
    ++c.running;
    c.reserved_tokens = reserved_tokens_;
  });
  host.on_admitted();
}

}  // namespace tern
