#pragma once
// Simulation: where a text has got to in a grammar, byte by byte. A position is a set of threads, each a
// state of a rule, how often the rule has been run at its place, and the calls it has to return to. Threads
// that another covers are left out: texts with one reading have one thread most of the time, and loops in
// loops a few, whatever they count. Not thread-safe.

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/grammar/lazy_states.h"

namespace tern::grammar {

struct Thread {
  uint32_t state;
  uint32_t count;  // repetitions done
  uint32_t stack;
  bool operator==(const Thread&) const = default;
};

// What a step showed beside the threads it left.
struct StepNotes {
  bool can_end = false;             // the text may end here
  std::vector<uint32_t> left = {};  // repetitions with which the frame at kBottom was done
};

class Simulation {
 public:
  // The bottoms of stacks: that of a text, and one of which it is not known what it stands on.
  static constexpr uint32_t kRoot = 0, kBottom = 1;
  static constexpr uint32_t kMostDepth = 512;       // calls in calls; a text that nests deeper is not allowed
  static constexpr uint64_t kMostWork = 2'400'000;  // some 10 ms

  struct Frame {
    uint32_t call, count, below;
    uint32_t depth;
    uint32_t origin;  // the count of the thread at kBottom that called
    uint32_t shape;   // the calls without their counts, as a number
  };

  explicit Simulation(const Automaton& automaton);

  // An operation is what may fail as a whole: a mask, a token's bytes.
  void BeginOperation();
  // Appends what `entered` is to `threads`: the states in which it can read.
  void Enter(Thread entered, std::vector<Thread>* threads, StepNotes* notes);
  // Appends what threads [begin, end) of `threads` become with `byte`.
  void Step(size_t begin, size_t end, uint8_t byte, std::vector<Thread>* threads, StepNotes* notes);

  Thread Start() { return {states_.Start(automaton().root), 0, kRoot}; }
  const Frame& frame(uint32_t stack) const { return frames_[stack]; }
  LazyStates& states() { return states_; }
  const Automaton& automaton() const { return states_.automaton(); }
  // An error once the operation needs more than is allowed: what it computed is worth nothing. The next one
  // is not concerned, unless this is full.
  Status status() const;
  bool is_full() const { return frames_.size() > kMostFrames || states_.bytes() > kMostStateBytes; }
  Work& work() { return work_; }
  const Work& work() const { return work_; }
  size_t bytes() const;

 private:
  static constexpr size_t kMostThreads = 2048, kMostFrames = 1u << 20;
  static constexpr size_t kMostStateBytes = size_t{48} << 20, kMostTableBytes = size_t{24} << 20;

  void Follow(std::vector<Thread>* threads, StepNotes* notes);
  void Leave(const Thread& thread, StepNotes* notes);
  uint32_t Push(uint32_t call, uint32_t count, uint32_t below);
  bool AreAlike(const Thread& a, const Thread& b) const;
  bool Covers(const Thread& a, const Thread& b);
  uint32_t& ListOf(const Thread& thread);
  bool IsNew(const Thread& thread);
  void Prune(size_t begin, std::vector<Thread>* threads);

  Work work_{0, kMostWork};
  LazyStates states_;
  std::vector<Frame> frames_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> frame_ids_;
  std::unordered_map<uint64_t, uint32_t> shapes_;  // by the call, and the shape below
  std::vector<Thread> waiting_;
  // Of one Follow: threads met; once they are many, those that are alike in one list.
  struct Seen {
    Thread thread;
    uint32_t next;
  };
  std::vector<Seen> seen_;
  std::array<uint32_t, 64> seen_lists_;
};

}  // namespace tern::grammar
