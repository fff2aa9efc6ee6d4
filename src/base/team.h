#pragma once
// Team: threads that work on one thing together. Every thread runs the same function; barriers separate its
// parts; chunks of work are taken from shared counters, so that a thread the machine stops for a while holds
// up its chunk and nothing else.
//
//   Team team(2);
//   TaskCounter counter;
//   team.Run([&](int thread) {
//     counter.ForEach(tasks, chunk, [&](size_t begin, size_t end) { ... });
//     team.Barrier(thread);
//     ...
//   });
//
// Waiting spins for some microseconds and then sleeps; a thread that keeps ending up asleep (more threads
// than CPUs) spins less and less. Run may be called from any thread, one at a time; it allocates nothing.
//
// A run may have the first few threads alone: the others sleep, whatever is run, until one has them, too.

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace tern {

class Team {
 public:
  // The thread that calls Run counts: `threads` - 1 are started. Where threads are as many as the physical
  // cores that this process may use, the started ones are pinned to a core each. Where the system refuses a
  // thread, the team is smaller.
  explicit Team(int threads);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();

  int threads() const { return threads_; }

  // work(thread) on every thread, thread 0 being the caller's. Returns when all are done; what they wrote is
  // then visible here. `work` must not throw.
  template <class Work>
  void Run(Work&& work) {
    Run(threads_, std::forward<Work>(work));
  }
  // The same on the first `threads`, 1 to threads().
  template <class Work>
  void Run(int threads, Work&& work) {
    using Plain = std::remove_reference_t<Work>;
    RunErased(
        threads, [](void* context, int thread) { (*static_cast<Plain*>(context))(thread); },
        const_cast<void*>(static_cast<const void*>(&work)));
  }

  // Inside Run, by all its threads: none goes on before all have come; what was written before is visible
  // after.
  void Barrier(int thread);

 private:
  using Job = void (*)(void* context, int thread);
  struct alignas(64) Word {
    std::atomic<int32_t> value{0};
  };
  // How long a thread spins before it sleeps, learnt from how its waits end.
  struct alignas(64) Patience {
    int64_t spin_ns;
  };

  void RunErased(int threads, Job job, void* context);
  void Work(int thread);
  void WaitForChange(Word& word, int32_t old, int thread);
  void Park(int thread);
  void WakeParked();
  static int ThreadsOf(int32_t start) { return (start & kThreadsMask) + 1; }

  static constexpr int kThreadBits = 11;  // of start_, below the count of jobs
  static constexpr int32_t kThreadsMask = (1 << kThreadBits) - 1;

  int threads_ = 1;
  std::mutex run_mutex_;
  Job job_ = nullptr;
  void* context_ = nullptr;
  int running_ = 1;  // threads of the job
  Word start_;       // counts jobs, and says how many threads each has; -1: go home
  Word arrived_;     // at the current barrier
  Word passed_;      // counts barriers
  std::mutex park_mutex_;
  std::condition_variable more_;  // a job has more threads than the one before
  std::unique_ptr<Patience[]> patience_;
  std::vector<std::thread> workers_;
};

// Hands out the tasks of one piece of work in chunks. Reset between uses, by one thread.
class alignas(64) TaskCounter {
 public:
  void Reset() { next_.store(0, std::memory_order_relaxed); }
  // run(begin, end) for chunks of [0, tasks) until all are taken; called by every thread of a team.
  template <class Run>
  void ForEach(size_t tasks, size_t chunk, Run&& run) {
    while (true) {
      const size_t begin = next_.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= tasks) return;
      run(begin, begin + chunk < tasks ? begin + chunk : tasks);
    }
  }

 private:
  std::atomic<size_t> next_{0};
};

// The same with a range of neighbouring tasks for each thread (up to kRanges; further threads share them): a
// thread reads one stream of memory, equal threads do equal shares, and one that is done helps in the others'
// ranges.
class TaskRanges {
 public:
  struct Place {
    int thread, threads;
  };
  void Reset(int threads) {
    for (size_t range = 0; range < Ranges(threads); ++range) ranges_[range].Reset();
  }
  // run(begin, end) for chunks of [0, tasks) until all are taken; called by every thread of a team.
  template <class Run>
  void ForEach(Place place, size_t tasks, size_t chunk, Run&& run) {
    const size_t ranges = Ranges(place.threads);
    for (size_t i = 0; i < ranges; ++i) {
      const size_t range = (static_cast<size_t>(place.thread) + i) % ranges;
      const size_t first = tasks * range / ranges, end = tasks * (range + 1) / ranges;
      if (first == end) continue;
      ranges_[range].ForEach(end - first, chunk,
                             [&](size_t begin, size_t stop) { run(first + begin, first + stop); });
    }
  }

 private:
  static constexpr size_t kRanges = 16;
  static size_t Ranges(int threads) { return std::min(kRanges, static_cast<size_t>(threads)); }
  std::array<TaskCounter, kRanges> ranges_;
};

}  // namespace tern
