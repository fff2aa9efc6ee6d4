#include "text/grammar/simulation.h"

#include <algorithm>

namespace tern::grammar {
namespace {

constexpr size_t kFewThreads = 24;  // are searched one by one

uint64_t Mix(uint32_t a, uint32_t b, uint32_t c) {
  uint64_t hash = (uint64_t{a} << 32 | b) * 0x9E3779B97F4A7C15ull;
  hash = (hash ^ (hash >> 32) ^ c) * 0xD6E8FEB86659FD93ull;
  return hash ^ hash >> 32;
}

}  // namespace

Simulation::Simulation(const Automaton& automaton) : states_(automaton), frames_(2, Frame{}) {}

Status Simulation::status() const {
  if (!too_many_) return {};
  return Exhausted("grammar: can be read in too many ways at once, expected a less ambiguous one");
}

size_t Simulation::bytes() const { return states_.bytes() + frames_.size() * (sizeof(Frame) + 64); }

uint32_t Simulation::Push(uint32_t call, uint32_t count, uint32_t below) {
  std::vector<uint32_t>& same = frame_ids_[Mix(call, count, below)];
  for (const uint32_t id : same) {
    const Frame& f = frames_[id];
    if (f.call == call && f.count == count && f.below == below) return id;
  }
  const auto id = static_cast<uint32_t>(frames_.size());
  const uint32_t origin = below == kBottom ? count : frames_[below].origin;
  same.push_back(id);
  frames_.push_back({call, count, below, frames_[below].depth + 1, origin});
  if (frames_.size() > kMostFrames) too_many_ = true;
  return id;
}

bool Simulation::IsNew(const Thread& thread) {
  if (seen_.size() <= kFewThreads) {
    if (std::find(seen_.begin(), seen_.end(), thread) != seen_.end()) return false;
    seen_.push_back(thread);
    if (seen_.size() <= kFewThreads) return true;
    for (uint32_t i = 0; i < seen_.size(); ++i) {
      seen_ids_[Mix(seen_[i].state, seen_[i].count, seen_[i].stack)].push_back(i);
    }
    return true;
  }
  std::vector<uint32_t>& same = seen_ids_[Mix(thread.state, thread.count, thread.stack)];
  for (const uint32_t i : same) {
    if (seen_[i] == thread) return false;
  }
  same.push_back(static_cast<uint32_t>(seen_.size()));
  seen_.push_back(thread);
  if (seen_.size() > 4 * kMostThreads) too_many_ = true;
  return true;
}

void Simulation::Forget() {
  seen_.clear();
  if (!seen_ids_.empty()) seen_ids_.clear();
}

void Simulation::Enter(Thread entered, std::vector<Thread>* threads, StepNotes* notes) {
  Forget();
  waiting_.assign(1, entered);
  Follow(threads, notes);
}

void Simulation::Step(size_t begin, size_t end, uint8_t byte, std::vector<Thread>* threads,
                      StepNotes* notes) {
  if (end - begin == 1) {
    const Thread thread = (*threads)[begin];
    const LazyStates::Id next = states_.Next(thread.state, byte);
    if (next == LazyStates::kDead) return;
    if (states_.is_plain(next)) return threads->push_back({next, thread.count, thread.stack});
  }
  waiting_.clear();
  for (size_t i = begin; i < end; ++i) {
    const Thread& thread = (*threads)[i];
    const LazyStates::Id next = states_.Next(thread.state, byte);
    if (next != LazyStates::kDead) waiting_.push_back({next, thread.count, thread.stack});
  }
  if (waiting_.empty()) return;
  Forget();
  Follow(threads, notes);
}

void Simulation::Follow(std::vector<Thread>* threads, StepNotes* notes) {
  if (states_.bytes() > kMostStateBytes) too_many_ = true;
  const size_t before = threads->size();
  while (!waiting_.empty() && !too_many_) {
    const Thread thread = waiting_.back();
    waiting_.pop_back();
    if (!IsNew(thread)) continue;
    if (states_.reads(thread.state)) threads->push_back(thread);
    if (frames_[thread.stack].depth < kMostDepth) {
      for (uint32_t i = 0; i < states_.call_count(thread.state); ++i) {
        const uint32_t call = states_.call(thread.state, i);
        const uint32_t stack = Push(call, thread.count, thread.stack);
        waiting_.push_back({states_.Start(automaton().calls[call].rule), 0, stack});
      }
    }
    if (states_.is_end(thread.state)) Leave(thread, notes);
  }
  if (threads->size() - before > kMostThreads) too_many_ = true;
}

// The rule is done once more: it begins again, or goes back to its caller.
void Simulation::Leave(const Thread& thread, StepNotes* notes) {
  const uint32_t rule = states_.rule(thread.state);
  const LazyStates::Id start = states_.Start(rule);
  // A repetition of nothing need not be counted: any number of them is the same.
  const bool is_nothing = thread.state == start;
  if (thread.stack == kRoot) {
    notes->can_end = true;
    return;
  }
  if (thread.stack == kBottom) {
    const uint32_t count = thread.count + 1;
    if (std::find(notes->left.begin(), notes->left.end(), count) == notes->left.end()) {
      notes->left.push_back(count);
    }
    const uint32_t loop = automaton().rules[rule].loop_call;
    if (loop == RuleStates::kNoCall || is_nothing || automaton().calls[loop].max == 1) return;
    waiting_.push_back({start, count, kBottom});
    return;
  }
  const Frame frame = frames_[thread.stack];
  const Call& call = automaton().calls[frame.call];
  const uint32_t most = call.max == kUnbounded ? call.min : call.max;
  const uint32_t count = std::min(thread.count + 1, most);
  if (!is_nothing && (call.max == kUnbounded || count < call.max)) {
    waiting_.push_back({start, count, thread.stack});
  }
  if (count >= call.min || is_nothing) {
    waiting_.push_back({states_.After(frame.call), frame.count, frame.below});
  }
}

}  // namespace tern::grammar
