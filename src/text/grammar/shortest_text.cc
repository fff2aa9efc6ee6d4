#include "text/grammar/shortest_text.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace tern::grammar {
namespace {

constexpr uint64_t kFar = std::numeric_limits<uint32_t>::max();

// Bytes from each state to the end of its rule, by the nearest first; an edge that calls a rule is known once
// the rule's start is.
class Distances {
 public:
  explicit Distances(const Automaton& a) : a_(a), to_end_(a.state_count(), kFar), into_(a.state_count()) {
    std::vector<std::vector<uint32_t>> callers(a.rules.size());
    for (uint32_t state = 0; state < a.state_count(); ++state) {
      for (const Edge& e : a.Edges(state)) {
        into_[e.to].push_back({state, e});
        if (e.kind == Edge::Kind::kCall) callers[a.calls[e.call].rule].push_back(e.to);
      }
    }
    for (const RuleStates& rule : a.rules) Reach(rule.end, 0);
    while (!nearest_.empty()) {
      const auto [far, state] = nearest_.top();
      nearest_.pop();
      if (far != to_end_[state]) continue;
      Spread(state);
      const uint32_t rule = a.rule_of[state];
      if (a.rules[rule].start != state) continue;
      for (const uint32_t after : callers[rule]) Spread(after);
    }
  }

  uint64_t operator[](uint32_t state) const { return to_end_[state]; }
  uint64_t Cost(const Edge& e) const {
    if (e.kind != Edge::Kind::kCall) return e.kind == Edge::Kind::kBytes;
    const Call& call = a_.calls[e.call];
    return std::min(kFar, to_end_[a_.rules[call.rule].start] * call.min);
  }

 private:
  struct Into {
    uint32_t from;
    Edge edge;
  };
  void Reach(uint32_t state, uint64_t far) {
    if (far >= to_end_[state]) return;
    to_end_[state] = far;
    nearest_.push({far, state});
  }
  void Spread(uint32_t state) {
    if (to_end_[state] == kFar) return;
    for (const Into& into : into_[state]) Reach(into.from, to_end_[state] + Cost(into.edge));
  }

  using Reached = std::pair<uint64_t, uint32_t>;
  const Automaton& a_;
  std::vector<uint64_t> to_end_;
  std::vector<std::vector<Into>> into_;
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> nearest_;
};

}  // namespace

std::string ShortestText(const Automaton& a, size_t most) {
  const Distances distances(a);
  struct Place {
    uint32_t state;
    uint32_t again_call = 0, again = 0;  // how often the rule is still run, and by which edge
  };
  std::string text;
  std::vector<Place> places = {{a.rules[a.root].start}};
  // Edges that cost nothing are taken at most once per state in a row: each leads nearer, or as near and on.
  for (size_t steps = 0; !places.empty() && text.size() < most && steps < 64 * most; ++steps) {
    Place& place = places.back();
    if (a.IsEnd(place.state)) {
      const Place done = place;
      places.pop_back();
      if (done.again > 0) {
        places.push_back({a.rules[a.calls[done.again_call].rule].start, done.again_call, done.again - 1});
      }
      continue;
    }
    const Edge* best = nullptr;
    for (const Edge& e : a.Edges(place.state)) {
      const auto total = [&](const Edge& x) { return distances.Cost(x) + distances[x.to]; };
      if (best == nullptr || total(e) < total(*best)) best = &e;
    }
    if (best == nullptr) break;
    place.state = best->to;
    if (best->kind == Edge::Kind::kBytes) text += static_cast<char>(best->first);
    if (best->kind == Edge::Kind::kCall) {
      const Call& call = a.calls[best->call];
      places.push_back({a.rules[call.rule].start, best->call, call.min - 1});
    }
  }
  return text;
}

}  // namespace tern::grammar
