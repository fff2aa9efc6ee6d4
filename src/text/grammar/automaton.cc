#include "text/grammar/automaton.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "text/grammar/emit_states.h"

namespace tern::grammar {
namespace {

// Edges sorted by where they begin.
void SetEdges(const std::vector<EdgeFrom>& edges, Automaton* a) {
  const size_t states = a->state_count();
  a->edges_of.assign(states + 1, 0);
  for (const EdgeFrom& e : edges) ++a->edges_of[e.from + 1];
  for (size_t s = 0; s < states; ++s) a->edges_of[s + 1] += a->edges_of[s];
  std::vector<uint32_t> next(a->edges_of.begin(), a->edges_of.end() - 1);
  a->edges.resize(edges.size());
  for (const EdgeFrom& e : edges) a->edges[next[e.from]++] = e.edge;
}

// The states from which their rule's end can be reached: without any byte, or in any way.
class Finishing {
 public:
  Finishing(const Automaton& a, const std::vector<EdgeFrom>& edges, bool with_bytes)
      : a_(a),
        edges_(edges),
        can_(a.state_count(), false),
        into_(a.state_count()),
        calls_of_(a.rules.size()) {
    for (uint32_t i = 0; i < edges.size(); ++i) {
      if (edges[i].edge.kind == Edge::Kind::kBytes && !with_bytes) continue;
      into_[edges[i].edge.to].push_back(i);
      if (edges[i].edge.kind == Edge::Kind::kCall) calls_of_[a.calls[edges[i].edge.call].rule].push_back(i);
    }
  }

  std::vector<bool> Find() {
    for (const RuleStates& rule : a_.rules) Mark(rule.end);
    while (!waiting_.empty()) {
      const uint32_t state = waiting_.back();
      waiting_.pop_back();
      for (const uint32_t i : into_[state]) Try(edges_[i]);
      const uint32_t rule = a_.rule_of[state];
      if (a_.rules[rule].start != state) continue;
      for (const uint32_t i : calls_of_[rule]) Try(edges_[i]);
    }
    return std::move(can_);
  }

 private:
  void Mark(uint32_t state) {
    if (can_[state]) return;
    can_[state] = true;
    waiting_.push_back(state);
  }
  void Try(const EdgeFrom& e) {
    if (!can_[e.edge.to]) return;
    if (e.edge.kind == Edge::Kind::kCall && !can_[a_.rules[a_.calls[e.edge.call].rule].start]) return;
    Mark(e.from);
  }

  const Automaton& a_;
  const std::vector<EdgeFrom>& edges_;
  std::vector<bool> can_;
  std::vector<std::vector<uint32_t>> into_, calls_of_;
  std::vector<uint32_t> waiting_;
};

// What a rule or a state may begin with.
class Beginnings {
 public:
  // Once time is up, what is found is worth nothing.
  Beginnings(Automaton* a, std::vector<bool> can_be_empty, Deadline* deadline)
      : a_(*a),
        deadline_(*deadline),
        empty_(std::move(can_be_empty)),
        seen_(a->state_count(), ~0u),
        first_(a->rules.size()) {}

  // Rules in an order in which each comes behind those that it may begin with; the first that may begin with
  // itself is an error.
  Result<std::vector<uint32_t>> Order() {
    enum : uint8_t { kNew, kOpen, kDone };
    std::vector<uint8_t> marks(a_.rules.size(), kNew);
    std::vector<uint32_t> order;
    struct Visit {
      uint32_t rule;
      std::vector<uint32_t> callees;
    };
    std::vector<Visit> path;
    const auto enter = [&](uint32_t rule) {
      marks[rule] = kOpen;
      path.push_back({rule, Callees(rule)});
    };
    for (uint32_t rule = 0; rule < a_.rules.size(); ++rule) {
      if (marks[rule] == kNew) enter(rule);
      while (!path.empty()) {
        Visit& visit = path.back();
        if (visit.callees.empty()) {
          marks[visit.rule] = kDone;
          order.push_back(visit.rule);
          path.pop_back();
          continue;
        }
        const uint32_t callee = visit.callees.back();
        visit.callees.pop_back();
        if (marks[callee] == kOpen) {
          return Unsupported("grammar: left recursion: a rule begins with itself, expected a repetition");
        }
        if (marks[callee] == kNew) enter(callee);
      }
    }
    return order;
  }

  void FindFirst(const std::vector<uint32_t>& order) {
    for (const uint32_t rule : order) first_[rule] = From(a_.rules[rule].start);
  }

  // Sets `follow` of the calls that are loops: what their rule goes on with, and behind its end those that
  // called it.
  void SetFollows() {
    if (a_.class_loops == 0) return;
    std::vector<std::vector<uint32_t>> calls_in(a_.rules.size());
    std::vector<ByteSet> after(a_.calls.size()), behind(a_.rules.size());  // of calls, of the ends of rules
    for (uint32_t state = 0; state < a_.state_count(); ++state) {
      for (const Edge& e : a_.Edges(state)) {
        if (e.kind != Edge::Kind::kCall) continue;
        const Call& call = a_.calls[e.call];
        after[e.call] = From(call.after);
        behind[call.rule] |= after[e.call];
        if (call.max > 1) behind[call.rule] |= first_[call.rule];
        if (empty_[call.after]) calls_in[a_.rule_of[state]].push_back(e.call);
      }
    }
    Spread(calls_in, &behind);
    for (Call& call : a_.calls) {
      if (call.loop == 0) continue;
      call.follow = after[static_cast<size_t>(&call - a_.calls.data())];
      if (empty_[call.after]) call.follow |= behind[a_.rule_of[call.after]];
      call.is_pure = true;
      for (unsigned byte = 0; byte < 256; ++byte) {
        if (call.follow.test(byte) && (call.loop & CategoryOf(static_cast<uint8_t>(byte))) != 0)
          call.is_pure = false;
      }
    }
  }

 private:
  // All states that `start` is without reading a byte.
  template <class Visit>
  void Closure(uint32_t start, Visit visit) {
    ++round_;
    std::vector<uint32_t> waiting = {start};
    seen_[start] = round_;
    while (!waiting.empty() && !deadline_.IsOver()) {
      const uint32_t state = waiting.back();
      waiting.pop_back();
      for (const Edge& e : a_.Edges(state)) {
        visit(e);
        if (e.kind == Edge::Kind::kBytes) continue;
        if (e.kind == Edge::Kind::kCall && !empty_[a_.rules[a_.calls[e.call].rule].start]) continue;
        if (std::exchange(seen_[e.to], round_) != round_) waiting.push_back(e.to);
      }
    }
  }
  std::vector<uint32_t> Callees(uint32_t rule) {
    std::vector<uint32_t> callees;
    Closure(a_.rules[rule].start, [&](const Edge& e) {
      if (e.kind == Edge::Kind::kCall) callees.push_back(a_.calls[e.call].rule);
    });
    return callees;
  }
  ByteSet From(uint32_t state) {
    ByteSet bytes;
    Closure(state, [&](const Edge& e) {
      if (e.kind == Edge::Kind::kCall) bytes |= first_[a_.calls[e.call].rule];
      if (e.kind == Edge::Kind::kBytes) bytes |= ~ByteSet() >> (255u - e.last + e.first) << e.first;
    });
    return bytes;
  }
  // What comes behind a rule's end comes behind those of the rules it ends with, until nothing changes.
  void Spread(const std::vector<std::vector<uint32_t>>& last_calls, std::vector<ByteSet>* behind) {
    std::vector<uint32_t> waiting(a_.rules.size());
    std::iota(waiting.begin(), waiting.end(), 0);
    std::vector<bool> is_waiting(a_.rules.size(), true);
    while (!waiting.empty()) {
      const uint32_t rule = waiting.back();
      waiting.pop_back();
      is_waiting[rule] = false;
      if (deadline_.IsOver(1 + last_calls[rule].size())) return;
      for (const uint32_t call : last_calls[rule]) {
        ByteSet& its = (*behind)[a_.calls[call].rule];
        const ByteSet before = std::exchange(its, its | (*behind)[rule]);
        if (its == before || is_waiting[a_.calls[call].rule]) continue;
        is_waiting[a_.calls[call].rule] = true;
        waiting.push_back(a_.calls[call].rule);
      }
    }
  }

  Automaton& a_;
  Deadline& deadline_;
  std::vector<bool> empty_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  std::vector<ByteSet> first_;
};

}  // namespace

size_t Automaton::bytes() const {
  return edges.size() * sizeof(Edge) + calls.size() * sizeof(Call) + rules.size() * sizeof(RuleStates) +
         (edges_of.size() + rule_of.size()) * sizeof(uint32_t);
}

Result<Automaton> Compile(Expressions* expressions, RuleId root) {
  TERN_TRY_STATUS(expressions->status());
  Deadline& deadline = expressions->deadline();
  Automaton a;
  std::vector<EdgeFrom> edges;
  TERN_TRY_STATUS(EmitStates(*expressions, root, &deadline, &a, &edges));
  const std::vector<bool> useful = Finishing(a, edges, /*with_bytes=*/true).Find();
  if (!useful[a.rules[a.root].start]) {
    return BadInput("grammar: matches no text, expected one that can come to an end");
  }
  std::erase_if(edges, [&](const EdgeFrom& e) {
    return !useful[e.edge.to] ||
           (e.edge.kind == Edge::Kind::kCall && !useful[a.rules[a.calls[e.edge.call].rule].start]);
  });
  SetEdges(edges, &a);
  std::vector<bool> can_be_empty = Finishing(a, edges, /*with_bytes=*/false).Find();
  // Repetitions that are nothing make up for any that are missing.
  for (Call& call : a.calls) {
    if (can_be_empty[a.rules[call.rule].start]) call.min = std::min(call.min, 1u);
  }
  Beginnings beginnings(&a, std::move(can_be_empty), &deadline);
  TERN_TRY(const std::vector<uint32_t> order, beginnings.Order());
  beginnings.FindFirst(order);
  beginnings.SetFollows();
  if (deadline.IsOver(Deadline::kLookAfter)) return LateError(expressions->budget());
  return a;
}

}  // namespace tern::grammar
