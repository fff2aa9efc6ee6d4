#include "text/grammar/thread_sets.h"

#include <algorithm>

#include "text/grammar/mask_parts.h"

namespace tern::grammar {

ThreadSets::ThreadSets(Simulation& simulation) : simulation_(simulation) { Forget(); }

void ThreadSets::Forget() {
  sets_.assign(1, {});
  tables_.clear();
  ids_.clear();
  bytes_ = 0;
}

ThreadSets::Id ThreadSets::Of(std::span<const Thread> threads, bool can_end) {
  if (threads.empty() && !can_end) return kNothing;
  uint64_t hash = can_end;
  for (const Thread& t : threads) {
    for (const uint32_t n : {t.state, t.count, t.stack}) {
      hash = (hash ^ n) * 0x9E3779B97F4A7C15ull;
      hash ^= hash >> 31;
    }
  }
  for (auto [at, end] = ids_.equal_range(hash); at != end; ++at) {
    const Set& set = sets_[at->second];
    if (set.can_end == can_end && std::ranges::equal(set.threads, threads)) return at->second;
  }
  const auto id = static_cast<Id>(sets_.size());
  sets_.push_back({{threads.begin(), threads.end()}, can_end, LoopsOf(threads)});
  ids_.emplace(hash, id);
  bytes_ += sizeof(Set) + 64 + threads.size() * (sizeof(Thread) + sizeof(Loop));
  return id;
}

std::vector<ThreadSets::Loop> ThreadSets::LoopsOf(std::span<const Thread> threads) {
  std::vector<Loop> loops;
  for (const Thread& thread : threads) {
    const CharacterLoop at = LoopAt(simulation_.states(), thread.state);
    if (at.categories == 0 || thread.stack <= Simulation::kBottom) continue;
    const Call& call = simulation_.automaton().calls[simulation_.frame(thread.stack).call];
    const uint32_t left = call.max == kUnbounded ? kUnbounded : call.max - thread.count;
    const auto same = std::ranges::find(loops, at.categories, &Loop::categories);
    if (same == loops.end()) {
      loops.push_back({at.categories, left});
    } else {
      same->left = std::max(same->left, left);
    }
  }
  return loops;
}

ThreadSets::Id ThreadSets::Step(Id set, uint8_t byte) {
  if (simulation_.work().is_over()) return kNothing;
  if (sets_[set].table == kNoTable) {
    sets_[set].table = static_cast<uint32_t>(tables_.size());
    tables_.emplace_back().fill(kUnknown);
    bytes_ += sizeof(Table);
    simulation_.work().Spend(tables_[0].size() / 4);
  }
  threads_ = sets_[set].threads;
  const size_t before = threads_.size();
  notes_.can_end = false;
  simulation_.Step(0, before, byte, &threads_, &notes_);
  if (!simulation_.status().ok()) return kNothing;
  const Id next = Of(std::span(threads_).subspan(before), notes_.can_end);
  // All bytes that lead each of the states to where this one does.
  std::vector<LazyStates::Id> states;
  for (const Thread& t : sets_[set].threads) {
    if (states.empty() || states.back() != t.state) states.push_back(t.state);
  }
  LazyStates& all = simulation_.states();
  Table& table = tables_[sets_[set].table];
  for (unsigned other = 0; other < table.size(); ++other) {
    const auto leads_alike = [&](LazyStates::Id state) {
      return all.Next(state, static_cast<uint8_t>(other)) == all.Next(state, byte);
    };
    if (table[other] == kUnknown && std::ranges::all_of(states, leads_alike)) table[other] = next;
  }
  simulation_.work().Spend(table.size() / 2 + states.size());
  return next;
}

}  // namespace tern::grammar
