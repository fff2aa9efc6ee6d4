#include "text/grammar/lazy_states.h"

#include <algorithm>
#include <utility>

namespace tern::grammar {
namespace {

uint64_t HashOf(std::span<const uint32_t> numbers) {
  uint64_t hash = numbers.size();
  for (const uint32_t n : numbers) {
    hash = (hash ^ n) * 0x9E3779B97F4A7C15ull;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

LazyStates::LazyStates(const Automaton& automaton)
    : a_(automaton), starts_(a_.rules.size(), 0), afters_(a_.calls.size(), 0), seen_(a_.state_count(), 0) {
  states_.emplace_back();  // kDead
  states_[0].table = 0;
  tables_.emplace_back();
  tables_[0].fill(kDead);
}

size_t LazyStates::bytes() const {
  return states_.size() * (sizeof(State) + 48) + (members_.size() + calls_.size()) * sizeof(uint32_t) +
         tables_.size() * sizeof(Table) + (starts_.size() + afters_.size() + seen_.size()) * sizeof(uint32_t);
}

// Made once and kept in `known`; 0 there: not yet.
LazyStates::Id LazyStates::Known(Id& known, uint32_t state) {
  if (known == 0) {
    single_.assign(1, state);
    known = Intern(single_);
  }
  return known;
}

LazyStates::Id LazyStates::Start(uint32_t rule) { return Known(starts_[rule], a_.rules[rule].start); }
LazyStates::Id LazyStates::After(uint32_t call) { return Known(afters_[call], a_.calls[call].after); }

LazyStates::Id LazyStates::Intern(std::span<const uint32_t> from) {
  if (from.empty()) return kDead;
  ++round_;
  closure_.clear();
  waiting_.assign(from.begin(), from.end());
  for (const uint32_t s : from) seen_[s] = round_;
  while (!waiting_.empty()) {
    const uint32_t s = waiting_.back();
    waiting_.pop_back();
    bool counts = a_.IsEnd(s);
    for (const Edge& e : a_.Edges(s)) {
      if (e.kind != Edge::Kind::kEmpty) {
        counts = true;
      } else if (std::exchange(seen_[e.to], round_) != round_) {
        waiting_.push_back(e.to);
      }
    }
    if (counts) closure_.push_back(s);
  }
  if (closure_.empty()) return kDead;
  std::sort(closure_.begin(), closure_.end());
  const uint64_t hash = HashOf(closure_);
  for (auto [at, end] = ids_.equal_range(hash); at != end; ++at) {
    if (std::ranges::equal(members(states_[at->second]), closure_)) return at->second;
  }
  State state;
  state.members_begin = static_cast<uint32_t>(members_.size());
  state.members_count = static_cast<uint32_t>(closure_.size());
  state.calls_begin = static_cast<uint32_t>(calls_.size());
  state.rule = a_.rule_of[closure_[0]];
  for (const uint32_t s : closure_) {
    state.is_end |= a_.IsEnd(s);
    for (const Edge& e : a_.Edges(s)) {
      state.reads |= e.kind == Edge::Kind::kBytes;
      if (e.kind == Edge::Kind::kCall) calls_.push_back(e.call);
    }
  }
  state.calls_count = static_cast<uint32_t>(calls_.size()) - state.calls_begin;
  state.is_plain = state.reads && !state.is_end && state.calls_count == 0;
  members_.insert(members_.end(), closure_.begin(), closure_.end());
  const auto id = static_cast<Id>(states_.size());
  states_.push_back(state);
  ids_.emplace(hash, id);
  return id;
}

// Bytes between two borders of the edges' ranges lead to the same state.
void LazyStates::Expand(Id id) {
  std::vector<Edge> edges;
  std::array<bool, 257> is_border{};
  for (const uint32_t s : members(states_[id])) {
    for (const Edge& e : a_.Edges(s)) {
      if (e.kind != Edge::Kind::kBytes) continue;
      edges.push_back(e);
      is_border[e.first] = is_border[e.last + 1u] = true;
    }
  }
  Table table;
  table.fill(kDead);
  for (unsigned begin = 0; begin < 256;) {
    unsigned end = begin + 1;
    while (end < 256 && !is_border[end]) ++end;
    targets_.clear();
    for (const Edge& e : edges) {
      if (e.first <= begin && begin <= e.last) targets_.push_back(e.to);
    }
    std::sort(targets_.begin(), targets_.end());
    targets_.erase(std::unique(targets_.begin(), targets_.end()), targets_.end());
    const Id to = Intern(targets_);
    for (; begin < end; ++begin) table[begin] = to;
  }
  states_[id].table = static_cast<uint32_t>(tables_.size());
  tables_.push_back(table);
}

}  // namespace tern::grammar
