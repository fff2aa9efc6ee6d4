#include "text/grammar/simulation.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tern::grammar {
namespace {

constexpr uint64_t kFollowWork = 6;

uint64_t Mix(uint32_t a, uint32_t b, uint32_t c) {
  uint64_t hash = (uint64_t{a} << 32 | b) * 0x9E3779B97F4A7C15ull;
  hash = (hash ^ (hash >> 32) ^ c) * 0xD6E8FEB86659FD93ull;
  return hash ^ hash >> 32;
}

// Whether with `a` repetitions done of a rule, and another under way, all may follow that may with `b`.
bool CountCovers(const Call& call, uint32_t a, uint32_t b) {
  if (a == b) return true;
  // Enough are done, or nearer to being enough; and as many may still come.
  return call.max == kUnbounded ? a > b : a < b && uint64_t{a} + 1 >= call.min;
}

}  // namespace

Simulation::Simulation(const Automaton& automaton) : states_(automaton, &work_), frames_(2, Frame{}) {
  frames_[kBottom].shape = 1;
}

void Simulation::BeginOperation() {
  work_.spent = 0;
  if (states_.table_bytes() > kMostTableBytes) states_.ForgetTables();
}

Status Simulation::status() const {
  if (!work_.is_over() && !is_full()) return {};
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
  const uint64_t calls = uint64_t{call} << 32 | frames_[below].shape;
  const uint32_t shape = shapes_.try_emplace(calls, static_cast<uint32_t>(shapes_.size() + 2)).first->second;
  same.push_back(id);
  frames_.push_back({call, count, below, frames_[below].depth + 1, origin, shape});
  return id;
}

// In the same state, with the same calls to return to.
bool Simulation::AreAlike(const Thread& a, const Thread& b) const {
  return a.state == b.state && frames_[a.stack].shape == frames_[b.stack].shape;
}

// Whether every text that goes on from `b` goes on from `a`, which is alike.
bool Simulation::Covers(const Thread& a, const Thread& b) {
  const Automaton& all = automaton();
  uint32_t rule = states_.rule(a.state);
  Thread x = a, y = b;
  while (true) {
    work_.Spend(1);
    uint32_t call = all.rules[rule].loop_call;  // at kBottom: counts from there on
    if (x.stack > kBottom) call = frames_[x.stack].call;
    if (x.count != y.count &&
        (call == RuleStates::kNoCall || !CountCovers(all.calls[call], x.count, y.count)))
      return false;
    if (x.stack == y.stack) return true;
    const Frame &f = frames_[x.stack], &g = frames_[y.stack];
    rule = all.rule_of[all.calls[f.call].after];
    x.count = f.count, y.count = g.count;
    x.stack = f.below, y.stack = g.below;
  }
}

uint32_t& Simulation::ListOf(const Thread& thread) {
  return seen_lists_[Mix(thread.state, frames_[thread.stack].shape, 0) % seen_lists_.size()];
}

bool Simulation::IsNew(const Thread& thread) {
  constexpr uint32_t kEnd = ~0u;
  constexpr size_t kFew = 12;  // are one list
  if (seen_.empty()) seen_lists_[0] = kEnd;
  if (seen_.size() == kFew) {
    seen_lists_.fill(kEnd);
    for (uint32_t i = 0; i < kFew; ++i) seen_[i].next = std::exchange(ListOf(seen_[i].thread), i);
  }
  uint32_t& list = seen_.size() < kFew ? seen_lists_[0] : ListOf(thread);
  for (uint32_t i = list; i != kEnd; i = seen_[i].next) {
    if (AreAlike(seen_[i].thread, thread) && Covers(seen_[i].thread, thread)) return false;
  }
  seen_.push_back({thread, list});
  list = static_cast<uint32_t>(seen_.size() - 1);
  return true;
}

// Sorts threads from `begin` on, and leaves out those that another covers.
void Simulation::Prune(size_t begin, std::vector<Thread>* threads) {
  const auto first = threads->begin() + static_cast<ptrdiff_t>(begin), end = threads->end();
  if (end - first < 2) return;
  std::sort(first, end, [this](const Thread& a, const Thread& b) {
    return std::tuple(a.state, frames_[a.stack].shape, a.stack, a.count) <
           std::tuple(b.state, frames_[b.stack].shape, b.stack, b.count);
  });
  auto kept = first, alike = first;  // ends of those kept, and of those among them that are not alike
  for (auto at = first; at != end; ++at) {
    const Thread thread = *at;
    if (alike != kept && !AreAlike(*alike, thread)) alike = kept;
    if (std::any_of(alike, kept, [&](const Thread& other) { return Covers(other, thread); })) continue;
    kept = std::remove_if(alike, kept, [&](const Thread& other) { return Covers(thread, other); });
    *kept++ = thread;
  }
  threads->erase(kept, end);
}

void Simulation::Enter(Thread entered, std::vector<Thread>* threads, StepNotes* notes) {
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
  if (!waiting_.empty()) Follow(threads, notes);
}

void Simulation::Follow(std::vector<Thread>* threads, StepNotes* notes) {
  const size_t before = threads->size();
  seen_.clear();
  if (is_full()) waiting_.clear();
  while (!waiting_.empty() && !work_.is_over()) {
    const Thread thread = waiting_.back();
    waiting_.pop_back();
    work_.Spend(kFollowWork);
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
  Prune(before, threads);
  if (threads->size() - before > kMostThreads) work_.Spend(work_.most);
}

// The rule is done once more: it begins again, or goes back to its caller. Repetitions of nothing come to an
// end, as threads that did more of them are covered.
void Simulation::Leave(const Thread& thread, StepNotes* notes) {
  if (thread.stack == kRoot) {
    notes->can_end = true;
    return;
  }
  const bool is_bottom = thread.stack == kBottom;
  const uint32_t rule = states_.rule(thread.state);
  const Frame frame = frames_[thread.stack];
  const uint32_t index = is_bottom ? automaton().rules[rule].loop_call : frame.call;
  const Call once{.rule = rule, .min = 1, .max = 1, .after = 0};
  const Call& call = index == RuleStates::kNoCall ? once : automaton().calls[index];
  const uint32_t count = std::min(thread.count + 1, call.max == kUnbounded ? call.min : call.max);
  if (call.max == kUnbounded || count < call.max)
    waiting_.push_back({states_.Start(rule), count, thread.stack});
  if (is_bottom) {
    if (std::ranges::find(notes->left, count) == notes->left.end()) notes->left.push_back(count);
  } else if (count >= call.min) {
    waiting_.push_back({states_.After(index), frame.count, frame.below});
  }
}

}  // namespace tern::grammar
