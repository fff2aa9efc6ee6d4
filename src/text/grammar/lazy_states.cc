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

LazyStates::LazyStates(const Automaton& automaton, Work* work)
    : a_(automaton),
      work_(*work),
      starts_(a_.rules.size(), 0),
      afters_(a_.calls.size(), 0),
      seen_(a_.state_count(), 0) {
  states_.emplace_back();  // kDead
  states_[0].table = 0;
  tables_.emplace_back();
  tables_[0].fill(kDead);
}

size_t LazyStates::bytes() const {
  return states_.size() * (sizeof(State) + 48) + (members_.size() + calls_.size()) * sizeof(uint32_t) +
         tables_.size() * sizeof(Table) + (starts_.size() + afters_.size() + seen_.size()) * sizeof(uint32_t);
}

void LazyStates::ForgetTables() {
  tables_.resize(1);
  for (size_t i = 1; i < states_.size(); ++i) states_[i].table = kNoTable;
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
    work_.Spend(1 + a_.Edges(s).size());
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
bool LazyStates::Expand(Id id) {
  std::vector<Edge> edges;
  std::array<bool, 257> is_border{};
  for (const uint32_t s : members(states_[id])) {
    for (const Edge& e : a_.Edges(s)) {
      if (e.kind != Edge::Kind::kBytes) continue;
      edges.push_back(e);
      is_border[e.first] = is_border[e.last + 1u] = true;
    }
  }
  std::array<uint8_t, 256> stretch{};  // between which borders a byte lies
  for (size_t byte = 1; byte < 256; ++byte)
    stretch[byte] = static_cast<uint8_t>(stretch[byte - 1] + is_border[byte]);
  const size_t stretches = stretch[255] + 1u;
  if (targets_.size() < stretches) targets_.resize(stretches);
  for (size_t i = 0; i < stretches; ++i) targets_[i].clear();
  for (const Edge& e : edges) {
    for (size_t i = stretch[e.first]; i <= stretch[e.last]; ++i) targets_[i].push_back(e.to);
    work_.Spend(1u + stretch[e.last] - stretch[e.first]);
  }
  std::array<Id, 256> leads_to;
  for (size_t i = 0; i < stretches; ++i) {
    auto& targets = targets_[i];
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    if (work_.is_over()) return false;
    leads_to[i] = Intern(targets);
  }
  Table table;
  for (size_t byte = 0; byte < 256; ++byte) table[byte] = leads_to[stretch[byte]];
  states_[id].table = static_cast<uint32_t>(tables_.size());
  tables_.push_back(table);
  work_.Spend(table.size());
  return true;
}

}  // namespace tern::grammar
