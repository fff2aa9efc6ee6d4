// What ModelHost's keeper and loader do: when a model is loaded, and which is let go for it.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "base/process_usage.h"
#include "server/model_host.h"
#include "server/model_json.h"
#include "server/server_context.h"

namespace tern {
namespace {

using std::chrono::duration, std::chrono::hours, std::chrono::seconds;
constexpr seconds kRetry{5};  // after which a model that could not be loaded is tried again

size_t MiB(size_t bytes) { return bytes >> 20; }

double SecondsSince(std::chrono::steady_clock::time_point then) {
  return duration<double>(std::chrono::steady_clock::now() - then).count();
}

template <class Call>
auto Guarded(const std::string& name, Call what) -> decltype(what()) {
  try {
    return what();
  } catch (const std::exception& e) {
    return Exhausted(fmt::format("{}: cannot be loaded: {}", name, e.what()));
  }
}

}  // namespace

void ModelHost::Keep() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const Clock::time_point now = Clock::now();
    Outside outside;
    EndWaiting(now, &outside);
    LetIdleGo(now);
    CollectUnused(&outside);
    if (!job_) PickJob(&outside);
    if (job_ && job_->phase == Phase::kMakingRoom) MakeRoom(&outside);
    if (outside.empty()) {
      wake_.wait_until(lock, NextTime());
    } else {
      Do(std::move(outside), lock);
    }
  }
}

void ModelHost::Do(Outside outside, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  for (const std::string& line : outside.lines) {
    if (options_.say) options_.say(line);
  }
  for (const auto& call : outside.calls) {
    try {
      call();
    } catch (const std::exception&) {
      // Out of memory: it costs this request alone, whose exchange answers that.
    }
  }
  outside.calls.clear();
  size_t freed = 0;
  for (const auto& instance : outside.unused) {
    instance->context.reset();
    freed += instance->bytes;
  }
  if (freed > 0) GiveMemoryBack();
  lock.lock();
  freeing_bytes_ -= freed;
}

// Those whose time is over, or whose clients have gone.
void ModelHost::EndWaiting(Clock::time_point now, Outside* outside) {
  for (const auto& entry : models_) {
    std::deque<Waiter> left;
    for (Waiter& waiter : entry->waiting) {
      const bool is_gone = waiter.gone && waiter.gone();
      if (waiter.until > now && !is_gone) {
        left.push_back(std::move(waiter));
        continue;
      }
      --waiting_;
      waiting_bytes_ -= waiter.bytes;
      waiter.taken.problem =
          waiter.until_is_deadline
              ? ApiError{.status = 504,
                         .message =
                             fmt::format("{}: its deadline passed before it was loaded", entry->model.name),
                         .code = "deadline_exceeded"}
              : ApiError{
                    .status = 503,
                    .message = fmt::format("{}: is not loaded yet, after {:.0f} s; {} of {} MiB are in use",
                                           entry->model.name, options_.load_timeout_s, MiB(Used()),
                                           MiB(options_.memory_bytes)),
                    .code = "loading",
                    .retry_after_s = 5};
      outside->calls.push_back(
          [later = std::move(waiter.later), taken = std::move(waiter.taken)] { later(taken); });
    }
    entry->waiting = std::move(left);
  }
}

// When it is let go, if nothing comes; nothing: it is in use, or stays.
std::optional<ModelHost::Clock::time_point> ModelHost::IdleUntil(const Entry& entry) const {
  const auto expiry = ExpiryOf(entry);
  const bool is_in_work = !entry.reloads.empty() || (job_ && job_->entry == &entry);
  if (!expiry || entry.instance->uses > 0 || is_in_work) return std::nullopt;
  return expiry;
}

void ModelHost::LetIdleGo(Clock::time_point now) {
  for (const auto& entry : models_) {
    const auto until = IdleUntil(*entry);
    if (!until || now < *until) continue;
    Drain(*entry, entry->keep_s > 0 ? fmt::format("idle for {:.0f} s", entry->keep_s) : "as was asked for");
  }
}

void ModelHost::Drain(Entry& entry, std::string why) {
  entry.state = ModelState::kDraining;
  entry.draining_for = std::move(why);
}

// Nobody can take a lease of them any more: who holds none now never will.
void ModelHost::CollectUnused(Outside* outside) {
  for (const auto& entry : models_) {
    const bool is_unused = entry->state == ModelState::kDraining && entry->instance->leases == 0;
    if (!is_unused) continue;
    const bool is_reload = job_ && job_->entry == entry.get();
    freeing_bytes_ += entry->instance->bytes;
    outside->lines.push_back(fmt::format("{}: let go ({}), {} MiB are free again; {} of {} MiB are in use",
                                         entry->model.name, entry->draining_for, MiB(entry->instance->bytes),
                                         MiB(Used() - entry->instance->bytes - freeing_bytes_),
                                         MiB(options_.memory_bytes)));
    outside->unused.push_back(std::move(entry->instance));
    entry->instance = nullptr;
    entry->state = is_reload ? ModelState::kLoading : ModelState::kUnloaded;
    entry->evictions += is_reload ? 0 : 1;
  }
  std::erase_if(retired_, [&](const std::shared_ptr<Instance>& instance) {
    if (instance->leases > 0) return false;
    freeing_bytes_ += instance->bytes;
    outside->unused.push_back(instance);
    return true;
  });
}

size_t ModelHost::Used() const {
  size_t used = freeing_bytes_;
  for (const auto& entry : models_) used += entry->instance != nullptr ? entry->instance->bytes : 0;
  for (const auto& instance : retired_) used += instance->bytes;
  return used;
}

// Of Used, what will be free without anybody's doing.
size_t ModelHost::Leaving() const {
  size_t leaving = freeing_bytes_;
  for (const auto& entry : models_) {
    if (entry->state == ModelState::kDraining) leaving += entry->instance->bytes;
  }
  for (const auto& instance : retired_) leaving += instance->bytes;
  return leaving;
}

// Who has waited longest.
void ModelHost::PickJob(Outside* outside) {
  Entry* next = nullptr;
  for (const auto& entry : models_) {
    const bool is_there = entry->state == ModelState::kReady;
    const bool is_absent = entry->state == ModelState::kUnloaded || entry->state == ModelState::kFailed;
    if (is_absent && !entry->reloads.empty()) {
      // It was let go since: the next load reads the file anyway.
      for (Reloaded& done : entry->reloads) outside->calls.push_back([done = std::move(done)] { done({}); });
      entry->reloads.clear();
    }
    const bool wants = is_there ? !entry->reloads.empty() : is_absent && !entry->waiting.empty();
    if (wants && (next == nullptr || entry->wanted < next->wanted)) next = entry.get();
  }
  if (next == nullptr) return;
  const bool reload = next->state == ModelState::kReady;
  job_ = Job{.entry = next, .reload = reload, .reloads = std::move(next->reloads), .begun = Clock::now()};
  next->reloads.clear();
  if (!reload) next->state = ModelState::kLoading;
  outside->lines.push_back(fmt::format("{}: {}", next->model.name, reload ? "loading it anew" : "loading"));
  TERN_CHECK(loader_->Post([this] { Open(); }));
}

// Idle ones first, the least recently used in front. Null: nobody can be let go.
ModelHost::Entry* ModelHost::Victim(const Entry& for_entry, bool may_be_busy) {
  Entry* victim = nullptr;
  for (const auto& entry : models_) {
    if (entry.get() == &for_entry || entry->state != ModelState::kReady || entry->model.pinned) continue;
    const bool is_busy = entry->instance->uses > 0;
    if (is_busy && !may_be_busy) continue;
    if (victim == nullptr || entry->last_used < victim->last_used) victim = entry.get();
  }
  return victim;
}

void ModelHost::MakeRoom(Outside* outside) {
  Entry& entry = *job_->entry;
  if (!job_->reload && entry.waiting.empty()) {  // all of them have gone
    entry.state = ModelState::kUnloaded;
    for (const auto& other : models_) {  // whoever is let go for them stays
      if (other->state != ModelState::kDraining) continue;
      other->state = ModelState::kReady;
      Answer(*other, std::nullopt, outside);
    }
    return EndJob({}, outside);
  }
  const size_t used = Used(), leaving = Leaving(), budget = options_.memory_bytes;
  const bool is_known = entry.bytes > 0 && entry.estimate == job_->opened.bytes;
  const size_t need = std::min(budget, is_known ? entry.bytes : job_->opened.bytes);
  // With nothing beside it, whether it fits is for what starts it to say.
  if (used == 0 || used + need <= budget) {
    job_->phase = Phase::kStarting;
    const size_t left = budget - std::min(budget, used);
    TERN_CHECK(loader_->Post([this, left] { Start(left); }));
    return;
  }
  const size_t stays = Staying(entry);
  if (stays + need > budget || job_->opened.least_bytes > budget) {
    return Fail(entry,
                Exhausted(fmt::format("takes {} MiB, at least {}; of {} MiB for all models, {} are taken by "
                                      "those that stay loaded",
                                      MiB(job_->opened.bytes), MiB(job_->opened.least_bytes), MiB(budget),
                                      MiB(stays))),
                outside);
  }
  if (used - leaving + need <= budget) return;
  Entry* victim = Victim(entry, false);
  if (victim == nullptr && entry.state == ModelState::kReady) victim = &entry;  // the new one comes after it
  if (victim == nullptr) victim = Victim(entry, true);
  if (victim == nullptr) return;  // all others are on their way out
  Drain(*victim, victim == &entry ? "its new version does not fit beside it"
                                  : fmt::format("for {}, which takes {} MiB", entry.model.name, MiB(need)));
  CollectUnused(outside);
}

// By other models that are never let go.
size_t ModelHost::Staying(const Entry& for_entry) const {
  size_t staying = 0;
  for (const auto& entry : models_) {
    if (entry.get() == &for_entry || entry->instance == nullptr || !entry->model.pinned) continue;
    staying += entry->instance->bytes;
  }
  return staying;
}

void ModelHost::EndJob(const Status& status, Outside* outside) {
  for (Reloaded& done : job_->reloads) {
    outside->calls.push_back([done = std::move(done), status] { done(status); });
  }
  job_.reset();
}

// Of the job's model. One that is there stays.
void ModelHost::Fail(Entry& entry, const Error& error, Outside* outside) {
  const Error named{error.code, fmt::format("{}: not loaded: {}", entry.model.name, error.what)};
  outside->lines.push_back(named.what + (entry.instance != nullptr ? "; the old one goes on" : ""));
  if (entry.instance == nullptr) {
    entry.state = ModelState::kFailed;
    entry.failure = error;
    entry.retry = Clock::now() + kRetry;
    Answer(entry, FailureOf(entry), outside);
  }
  EndJob(named, outside);
}

Problem ModelHost::FailureOf(const Entry& entry) const {
  const double left_s = duration<double>(entry.retry - Clock::now()).count();
  return ApiError{.status = 503,
                  .message = fmt::format("{}: not loaded: {}", entry.model.name, entry.failure.what),
                  .param = "model",
                  .code = "model_not_loaded",
                  .retry_after_s = std::max(1, static_cast<int>(std::ceil(left_s)))};
}

// All who wait for it: with a lease of it, or the problem.
void ModelHost::Answer(Entry& entry, const Problem& problem, Outside* outside) {
  for (Waiter& waiter : entry.waiting) {
    --waiting_;
    waiting_bytes_ -= waiter.bytes;
    waiter.taken.problem = problem;
    if (!problem) waiter.taken.context = LeaseOf(entry.instance, true);
    outside->calls.push_back([later = std::move(waiter.later), taken = std::move(waiter.taken)]() mutable {
      later(std::move(taken));
    });
  }
  entry.waiting.clear();
}

void ModelHost::Open() {
  Entry& entry = *job_->entry;  // nobody but the loader changes the job now
  auto opened = Guarded(entry.model.name, [&] { return entry.model.open(); });
  std::unique_lock lock(mutex_);
  Outside outside;
  if (opened.ok()) {
    job_->opened = std::move(opened).value();
    job_->phase = Phase::kMakingRoom;
  } else {
    Fail(entry, opened.error(), &outside);
  }
  wake_.notify_all();
  Do(std::move(outside), lock);
}

void ModelHost::Start(size_t memory_bytes) {
  Entry& entry = *job_->entry;
  const OpenedModel opened = std::move(job_->opened);
  auto started = Guarded(entry.model.name, [&] {
    return entry.model.start(opened, {.memory_bytes = memory_bytes, .meters = entry.meters});
  });
  std::shared_ptr<const boost::json::object> openai, ollama;
  auto instance = std::make_shared<Instance>();
  if (started.ok()) {
    instance->context = std::move(started).value();
    instance->bytes = instance->context->held_bytes();
    openai = std::make_shared<const boost::json::object>(ModelJson(*instance->context));
    ollama = std::make_shared<const boost::json::object>(OllamaModelJson(*instance->context));
  }
  std::unique_lock lock(mutex_);
  Outside outside;
  if (!started.ok()) {
    Fail(entry, started.error(), &outside);
  } else {
    if (entry.instance != nullptr) retired_.push_back(std::move(entry.instance));
    entry.instance = std::move(instance);
    entry.state = ModelState::kReady;
    entry.openai = std::move(openai);
    entry.ollama = std::move(ollama);
    entry.estimate = opened.bytes;
    entry.bytes = entry.instance->bytes;
    entry.last_used = Clock::now();
    entry.load_s = SecondsSince(job_->begun);
    ++entry.loads;
    outside.lines.push_back(fmt::format("{}: loaded in {:.2f} s, takes {} MiB; {} of {} MiB are in use",
                                        entry.model.name, entry.load_s, MiB(entry.bytes), MiB(Used()),
                                        MiB(options_.memory_bytes)));
    Answer(entry, std::nullopt, &outside);
    EndJob({}, &outside);
  }
  wake_.notify_all();
  Do(std::move(outside), lock);
}

ModelHost::Clock::time_point ModelHost::NextTime() const {
  constexpr std::chrono::milliseconds kGoneEvery(200);  // clients that go tell nobody
  const Clock::time_point now = Clock::now();
  Clock::time_point next = now + hours(1);
  for (const auto& entry : models_) {
    if (const auto expiry = IdleUntil(*entry)) next = std::min(next, *expiry);
    for (const Waiter& waiter : entry->waiting) next = std::min({next, waiter.until, now + kGoneEvery});
  }
  return next;
}

}  // namespace tern
