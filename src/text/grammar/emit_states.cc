#include "text/grammar/emit_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "text/grammar/rule_weights.h"
#include "text/grammar/utf8_ranges.h"

namespace tern::grammar {
namespace {

// Repetitions up to this weight are written out, others are counted while matching.
constexpr uint32_t kMostInlined = 64;
// Loops over these have thousands of tokens, which are then allowed as a group.
constexpr CategorySet kWorthALoop = kLowerLetters | kUpperLetters | kNotAscii;

class Emitter {
 public:
  Emitter(const Expressions& expressions, Deadline* deadline, Automaton* automaton,
          std::vector<EdgeFrom>* edges)
      : x_(expressions),
        deadline_(*deadline),
        weights_(expressions, deadline),
        a_(*automaton),
        edges_(*edges) {}

  Status Run(RuleId root) {
    a_.root = RuleOf(root);
    while (!bodies_.empty()) {
      const auto [rule, body] = bodies_.back();
      bodies_.pop_back();
      rule_ = rule;
      tasks_.push_back({body, a_.rules[rule].start, a_.rules[rule].end});
      TERN_TRY_STATUS(RunTasks());
    }
    return {};
  }

 private:
  struct Task {
    ExprId expr;
    uint32_t from, to;
  };
  struct Body {
    uint32_t rule;
    ExprId expr;
  };

  Status RunTasks() {
    while (!tasks_.empty()) {
      if (a_.rule_of.size() > x_.budget().states || edges_.size() > 2 * x_.budget().states) {
        return Exhausted(
            fmt::format("grammar: more than {} states, expected a smaller one", x_.budget().states));
      }
      if (deadline_.IsOver(kTaskSteps)) return LateError(x_.budget());
      const Task task = tasks_.back();
      tasks_.pop_back();
      Emit(task);
    }
    return {};
  }

  uint32_t State() {
    a_.rule_of.push_back(rule_);
    return static_cast<uint32_t>(a_.rule_of.size() - 1);
  }
  void Empty(uint32_t from, uint32_t to) { edges_.push_back({from, {Edge::Kind::kEmpty, 0, 0, to, 0}}); }
  void Bytes(uint32_t from, ByteRange bytes, uint32_t to) {
    edges_.push_back({from, {Edge::Kind::kBytes, bytes.first, bytes.last, to, 0}});
  }
  uint32_t NewRule(ExprId body) {
    const auto rule = static_cast<uint32_t>(a_.rules.size());
    const auto state = static_cast<uint32_t>(a_.rule_of.size());
    a_.rules.push_back({state, state + 1});
    a_.rule_of.insert(a_.rule_of.end(), 2, rule);
    bodies_.push_back({rule, body});
    return rule;
  }
  uint32_t RuleOf(RuleId named) {
    const auto [at, is_new] = rules_.try_emplace(named, 0);
    if (is_new) at->second = NewRule(x_.rule_body(named));
    return at->second;
  }
  void AddCall(const Call& call, uint32_t from) {
    const auto index = static_cast<uint32_t>(a_.calls.size());
    if (call.is_own_rule) a_.rules[call.rule].loop_call = index;
    a_.class_loops += call.loop != 0;
    a_.calls.push_back(call);
    edges_.push_back({from, {Edge::Kind::kCall, 0, 0, call.after, index}});
  }

  void Emit(const Task& task) {
    const Expr& e = x_[task.expr];
    switch (e.kind) {
      case ExprKind::kNever:
      case ExprKind::kLook:
        return;
      case ExprKind::kLiteral:
        return EmitLiteral(x_.literal(e), task.from, task.to);
      case ExprKind::kClass:
        return EmitClass(x_.set(e), task.from, task.to);
      case ExprKind::kSequence:
        return EmitSequence(x_.parts(e), task.from, task.to);
      case ExprKind::kChoice:
        for (const ExprId part : x_.parts(e)) tasks_.push_back({part, task.from, task.to});
        return;
      case ExprKind::kRepeat:
        return EmitRepeat(task, e);
      case ExprKind::kRule:
        if (weights_.IsInlined(e.first)) {
          tasks_.push_back({x_.rule_body(e.first), task.from, task.to});
        } else {
          AddCall({.rule = RuleOf(e.first), .min = 1, .max = 1, .after = task.to}, task.from);
        }
        return;
      case ExprKind::kMembers:
        return EmitMembers(e, task.from, task.to);
      case ExprKind::kGraph:
        return EmitGraph(e, task.from, task.to);
    }
  }

  void EmitLiteral(std::string_view bytes, uint32_t from, uint32_t to) {
    if (bytes.empty()) return Empty(from, to);
    for (size_t i = 0; i < bytes.size(); ++i) {
      const uint32_t next = i + 1 == bytes.size() ? to : State();
      const auto byte = static_cast<uint8_t>(bytes[i]);
      Bytes(from, {byte, byte}, next);
      from = next;
    }
  }

  // Sequences with the same end share its states.
  void EmitClass(const CharSet& set, uint32_t from, uint32_t to) {
    std::vector<ByteSequence> sequences;
    for (const CharRange& range : set.ranges()) AppendUtf8Ranges(range, &sequences);
    std::map<std::tuple<uint8_t, uint8_t, uint32_t>, uint32_t> ends;
    for (const ByteSequence& sequence : sequences) {
      uint32_t next = to;
      for (size_t i = sequence.size; i-- > 1;) {
        const ByteRange bytes = sequence.bytes[i];
        const auto [at, is_new] = ends.try_emplace({bytes.first, bytes.last, next}, 0);
        if (is_new) {
          at->second = State();
          Bytes(at->second, bytes, next);
        }
        next = at->second;
      }
      Bytes(from, sequence.bytes[0], next);
    }
  }

  void EmitSequence(std::span<const ExprId> parts, uint32_t from, uint32_t to) {
    for (size_t i = 0; i < parts.size(); ++i) {
      const uint32_t next = i + 1 == parts.size() ? to : State();
      tasks_.push_back({parts[i], from, next});
      from = next;
    }
  }

  void EmitRepeat(const Task& task, const Expr& e) {
    const ExprId part = x_.parts(e)[0];
    const bool unbounded = e.max == kUnbounded;
    if (unbounded || e.max > 2) {
      const CategorySet loop = LoopOf(part, unbounded);
      const uint64_t copies = unbounded ? e.min : e.max;
      if (copies * weights_.Of(part) > kMostInlined || (loop & kWorthALoop) != 0) {
        if (e.min == 0) Empty(task.from, task.to);
        // What is matched as a group must be in the rule itself.
        const Call call{.rule = NewRule(loop != 0 ? Resolved(part) : part),
                        .min = std::max(e.min, 1u),
                        .max = e.max,
                        .after = task.to,
                        .loop = loop,
                        .is_own_rule = true};
        return AddCall(call, task.from);
      }
    }
    uint32_t from = task.from;
    for (uint32_t i = 0; i < e.min; ++i) {
      const uint32_t next = State();
      tasks_.push_back({part, from, next});
      from = next;
    }
    if (unbounded) {
      const uint32_t again = State();
      Empty(from, again);
      tasks_.push_back({part, again, again});
      return Empty(again, task.to);
    }
    for (uint32_t i = e.min; i < e.max; ++i) {
      const uint32_t next = State();
      Empty(from, task.to);
      tasks_.push_back({part, from, next});
      from = next;
    }
    Empty(from, task.to);
  }

  // Members in order: choose(i) is where one of member i and later ones must come, behind(i) where one before
  // them has come.
  void EmitMembers(const Expr& e, uint32_t from, uint32_t to) {
    const auto parts = x_.parts(e);
    const ExprId separator = parts[0], extra = parts[1];
    const auto members = parts.subspan(Expressions::kMembersExtra);
    const size_t n = members.size();
    bool all_optional = true;
    for (size_t i = 0; i < n; ++i) all_optional &= !x_.is_required(e, i);
    uint32_t choose = State();
    Empty(from, choose);
    if (all_optional) Empty(from, to);
    size_t last_required = n;  // the first index behind which nothing is required
    while (last_required > 0 && !x_.is_required(e, last_required - 1)) --last_required;
    for (size_t i = 0; i < n; ++i) {
      const uint32_t next = State(), behind = State();
      tasks_.push_back({members[i], choose, behind});
      if (!x_.is_required(e, i)) Empty(choose, next);
      tasks_.push_back({separator, behind, next});
      if (i + 1 >= last_required) Empty(behind, to);
      choose = next;
    }
    if (extra == 0) return;
    const uint32_t behind = State();
    tasks_.push_back({extra, choose, behind});
    tasks_.push_back({separator, behind, choose});
    Empty(behind, to);
  }

  void EmitGraph(const Expr& e, uint32_t from, uint32_t to) {
    const Expressions::GraphShape& shape = x_.graph(e);
    std::vector<uint32_t> states(shape.places);
    for (uint32_t& state : states) state = State();
    Empty(from, states[0]);
    const auto parts = x_.parts(e);
    for (size_t i = 0; i < parts.size(); ++i) {
      const auto [begin, end] = shape.edges[i];
      tasks_.push_back({parts[i], states[begin], states[end]});
    }
    for (const uint32_t end : shape.ends) Empty(states[end], to);
  }

  // The part itself, or what it is called, if that is written in place.
  ExprId Resolved(ExprId part) const {
    for (int i = 0; i < 8 && x_[part].kind == ExprKind::kRule; ++i) part = x_.rule_body(x_[part].first);
    return part;
  }

  // Categories whose characters are each one repetition of `part`.
  CategorySet LoopOf(ExprId part, bool unbounded) const {
    const ExprId body = Resolved(part);
    const Expr& e = x_[body];
    if (e.kind == ExprKind::kClass) return CategoriesWithin(x_.set(e));
    if (e.kind != ExprKind::kChoice) return 0;
    CharSet set;
    for (const ExprId each : x_.parts(e)) {
      const Expr& alternative = x_[Resolved(each)];
      if (alternative.kind == ExprKind::kClass) set.Add(x_.set(alternative));
    }
    // Where repetitions are counted, a text must not be one in two ways.
    for (const ExprId each : x_.parts(e)) {
      if (!unbounded && !BeginsOutside(each, set)) return 0;
    }
    return CategoriesWithin(set);
  }
  bool BeginsOutside(ExprId id, const CharSet& set) const {
    const Expr* e = &x_[Resolved(id)];
    if (e->kind == ExprKind::kClass) return true;
    if (e->kind == ExprKind::kSequence) e = &x_[Resolved(x_.parts(*e)[0])];
    if (e->kind != ExprKind::kLiteral || x_.literal(*e).empty()) return false;
    const auto byte = static_cast<unsigned char>(x_.literal(*e)[0]);
    return byte < 128 && !set.Contains(byte);
  }

  static constexpr size_t kTaskSteps = 32;
  const Expressions& x_;
  Deadline& deadline_;
  RuleWeights weights_;
  Automaton& a_;
  std::vector<EdgeFrom>& edges_;
  std::map<RuleId, uint32_t> rules_;
  std::vector<Body> bodies_;
  std::vector<Task> tasks_;
  uint32_t rule_ = 0;
};

}  // namespace

Status EmitStates(const Expressions& expressions, RuleId root, Deadline* deadline, Automaton* automaton,
                  std::vector<EdgeFrom>* edges) {
  return Emitter(expressions, deadline, automaton, edges).Run(root);
}

}  // namespace tern::grammar
