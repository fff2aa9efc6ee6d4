#include "base/team.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>

#include "base/cpu_count.h"
#include "base/result.h"

namespace tern {
namespace {

constexpr int64_t kMaxSpinNs = 50'000;
constexpr int64_t kMinSpinNs = 1'000;
constexpr int32_t kGoHome = -1;

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void Pin(std::thread& thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  // A refusal costs speed at most.
  (void)pthread_setaffinity_np(thread.native_handle(), sizeof(set), &set);
}

}  // namespace

Team::Team(int threads)
    : patience_(std::make_unique<Patience[]>(static_cast<size_t>(std::clamp(threads, 1, kThreadsMask)))) {
  threads = std::clamp(threads, 1, kThreadsMask);
  for (int i = 0; i < threads; ++i) patience_[static_cast<size_t>(i)].spin_ns = kMaxSpinNs;
  const std::vector<int> cores = PhysicalCores();
  const bool pin = static_cast<size_t>(threads) == cores.size();
  workers_.reserve(static_cast<size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) {
    try {
      workers_.emplace_back([this, i] { Work(i); });
    } catch (const std::system_error&) {
      break;  // no memory for its stack, or a limit on threads
    }
    pthread_setname_np(workers_.back().native_handle(), ("tern-" + std::to_string(i)).c_str());
    if (pin) Pin(workers_.back(), cores[static_cast<size_t>(i)]);
  }
  threads_ = static_cast<int>(workers_.size()) + 1;  // workers read it when work comes
}

Team::~Team() {
  start_.value.store(kGoHome, std::memory_order_release);
  start_.value.notify_all();
  WakeParked();
  for (std::thread& worker : workers_) worker.join();
}

// Those that the job has not may look at the word at any time, and never at the rest: that is the next job's.
void Team::RunErased(int threads, Job job, void* context) {
  const std::lock_guard lock(run_mutex_);
  threads = std::clamp(threads, 1, threads_);
  if (threads == 1) {
    running_ = 1;
    return job(context, 0);
  }
  job_ = job;
  context_ = context;
  running_ = threads;
  const int32_t last = start_.value.load(std::memory_order_relaxed);
  const int32_t count = ((last >> kThreadBits) + 1) & (0x7fffffff >> kThreadBits);
  start_.value.store(count << kThreadBits | (threads - 1), std::memory_order_release);
  start_.value.notify_all();
  if (threads > ThreadsOf(last)) WakeParked();
  job(context, 0);
  Barrier(0);
}

// Where the count of jobs comes round to what a thread saw before, it was not in that job, as it is not in
// this one: there is nothing to be missed.
void Team::Work(int thread) {
  int32_t seen = 0;
  while (true) {
    WaitForChange(start_, seen, thread);
    seen = start_.value.load(std::memory_order_acquire);
    if (seen == kGoHome) return;
    if (thread >= ThreadsOf(seen)) {
      Park(thread);
      continue;
    }
    job_(context_, thread);
    Barrier(thread);
  }
}

// Until a job has the thread, or all go home. By a condition: threads that wait for one of the words make
// every notify of all of them a call of the system.
void Team::Park(int thread) {
  std::unique_lock lock(park_mutex_);
  more_.wait(lock, [&] {
    const int32_t start = start_.value.load(std::memory_order_acquire);
    return start == kGoHome || thread < ThreadsOf(start);
  });
}

// Who has looked at start_ before it changed waits by now.
void Team::WakeParked() {
  { const std::lock_guard lock(park_mutex_); }
  more_.notify_all();
}

// `passed_` cannot move on before this thread has arrived, so reading it first is safe.
void Team::Barrier(int thread) {
  const int threads = running_;  // of this job: the next one's may be another as soon as all have come
  if (threads == 1) return;
  const int32_t passed = passed_.value.load(std::memory_order_relaxed);
  if (arrived_.value.fetch_add(1, std::memory_order_acq_rel) + 1 < threads) {
    return WaitForChange(passed_, passed, thread);
  }
  arrived_.value.store(0, std::memory_order_relaxed);
  passed_.value.store((passed + 1) & 0x7fffffff, std::memory_order_release);
  passed_.value.notify_all();
}

void Team::WaitForChange(Word& word, int32_t old, int thread) {
  const auto changed = [&] { return word.value.load(std::memory_order_acquire) != old; };
  for (int i = 0; i < 64; ++i) {
    if (changed()) return;
    Pause();
  }
  int64_t& spin_ns = patience_[static_cast<size_t>(thread)].spin_ns;
  const int64_t end = NowNs() + spin_ns;
  while (NowNs() < end) {
    for (int i = 0; i < 32; ++i) {
      if (changed()) {
        spin_ns = std::min(kMaxSpinNs, spin_ns * 2);
        return;
      }
      Pause();
    }
  }
  spin_ns = std::max(kMinSpinNs, spin_ns / 2);
  word.value.wait(old, std::memory_order_acquire);
}

}  // namespace tern
