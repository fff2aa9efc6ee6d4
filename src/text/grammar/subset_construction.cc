// DfaOf: an expression's nondeterministic automaton, made deterministic: a state is the set of those in which
// the text so far may have left it.

#include <algorithm>
#include <map>

#include "text/grammar/char_letters.h"
#include "text/grammar/dfa.h"

namespace tern::grammar {
namespace {

constexpr size_t kMostNfaStates = 50'000;

// Over sets of characters, with edges that are taken without any, some of which look ahead.
struct Nfa {
  enum class Kind : uint8_t { kEmpty, kSet, kLook };
  struct Edge {
    Kind kind;
    uint32_t what, to;  // the set; the look
  };
  struct Look {
    uint32_t start, end;
    bool is_negative;
  };
  std::vector<std::vector<Edge>> edges;  // [state]
  std::vector<CharSet> sets;
  std::vector<Look> looks;
  uint32_t start = 0, end = 0;
};

class NfaBuilder {
 public:
  NfaBuilder(const Expressions& x, Deadline* deadline) : x_(x), deadline_(*deadline) {}

  std::optional<Nfa> Build(ExprId whole) {
    nfa_.start = State();
    nfa_.end = State();
    tasks_ = {{whole, nfa_.start, nfa_.end}};
    while (!tasks_.empty()) {
      const Task task = tasks_.back();
      tasks_.pop_back();
      Emit(task);
      if (nfa_.edges.size() + tasks_.size() > kMostNfaStates || deadline_.IsOver(32)) return std::nullopt;
    }
    return std::move(nfa_);
  }

 private:
  struct Task {
    ExprId expr;
    uint32_t from, to;
  };
  uint32_t State() {
    nfa_.edges.emplace_back();
    return static_cast<uint32_t>(nfa_.edges.size() - 1);
  }
  void Add(uint32_t from, Nfa::Kind kind, uint32_t what, uint32_t to) {
    nfa_.edges[from].push_back({kind, what, to});
  }
  void Empty(uint32_t from, uint32_t to) { Add(from, Nfa::Kind::kEmpty, 0, to); }
  uint32_t SetOf(const CharSet& set) {
    std::vector<uint32_t> key;
    for (const CharRange& range : set.ranges()) key.insert(key.end(), {range.first, range.last});
    const auto [at, is_new] = sets_.try_emplace(std::move(key), static_cast<uint32_t>(nfa_.sets.size()));
    if (is_new) nfa_.sets.push_back(set);
    return at->second;
  }

  void Emit(const Task& task) {
    const Expr& e = x_[task.expr];
    switch (e.kind) {
      case ExprKind::kClass:
        return Add(task.from, Nfa::Kind::kSet, SetOf(x_.set(e)), task.to);
      case ExprKind::kLiteral:
        return EmitLiteral(x_.literal(e), task);
      case ExprKind::kChoice:
        for (const ExprId part : x_.parts(e)) tasks_.push_back({part, task.from, task.to});
        return;
      case ExprKind::kSequence:
        return EmitSequence(x_.parts(e), task);
      case ExprKind::kRepeat:
        return EmitRepeat(x_.parts(e)[0], e.min, e.max, task);
      case ExprKind::kLook: {
        const Nfa::Look look{State(), State(), e.min != 0};
        Add(task.from, Nfa::Kind::kLook, static_cast<uint32_t>(nfa_.looks.size()), task.to);
        nfa_.looks.push_back(look);
        return tasks_.push_back({x_.parts(e)[0], look.start, look.end});
      }
      default:  // patterns have no others, and nothing follows from kNever
        return;
    }
  }
  void EmitLiteral(std::string_view ascii, const Task& task) {
    uint32_t from = task.from;
    for (const char c : ascii) {
      const uint32_t next = State();
      Add(from, Nfa::Kind::kSet, SetOf(CharSet::Of({&c, 1})), next);
      from = next;
    }
    Empty(from, task.to);
  }
  void EmitSequence(std::span<const ExprId> parts, const Task& task) {
    uint32_t from = task.from;
    for (size_t i = 0; i < parts.size(); ++i) {
      const uint32_t next = i + 1 == parts.size() ? task.to : State();
      tasks_.push_back({parts[i], from, next});
      from = next;
    }
  }
  void EmitRepeat(ExprId part, uint32_t min, uint32_t max, const Task& task) {
    const bool unbounded = max == kUnbounded;
    const uint32_t copies = std::min<uint32_t>(unbounded ? min : max, kMostNfaStates);
    uint32_t from = task.from;
    for (uint32_t i = 0; i < copies; ++i) {
      const uint32_t next = State();
      if (i >= min) Empty(from, task.to);
      tasks_.push_back({part, from, next});
      from = next;
    }
    if (unbounded) {
      const uint32_t again = State();
      Empty(from, again);
      tasks_.push_back({part, again, again});
      from = again;
    }
    Empty(from, task.to);
  }

  const Expressions& x_;
  Deadline& deadline_;
  Nfa nfa_;
  std::vector<Task> tasks_;
  std::map<std::vector<uint32_t>, uint32_t> sets_;
};

// What an edge that looks ahead asks of the rest of the text.
struct LookDfa {
  Dfa dfa;
  std::vector<bool> may, must;  // [state]: some rest satisfies it; all do
};

class SubsetConstruction {
 public:
  SubsetConstruction(const Nfa& nfa, const CharLetters& letters, const std::vector<LookDfa>& looks,
                     Deadline* deadline)
      : nfa_(nfa), letters_(letters), looks_(looks), deadline_(*deadline) {}

  std::optional<Dfa> Build(uint32_t start, uint32_t end) {
    const size_t n = letters_.letters.size();
    Dfa dfa{letters_.letters, {}, {}};
    StateOf({{start}});
    std::vector<std::vector<Thread>> next(n);
    for (size_t state = 0; state < states_.size(); ++state) {
      if (states_.size() > kMostDfaStates || states_.size() * n > kMostDfaEntries) return std::nullopt;
      if (deadline_.IsOver(64 + 16 * n)) return std::nullopt;
      const std::vector<uint32_t> threads = *states_[state];
      bool accepts = false;
      for (const uint32_t id : threads) {
        accepts |= (*threads_[id])[0] == end && IsSatisfied(*threads_[id]);
        Step(*threads_[id], &next);
      }
      dfa.accepts.push_back(accepts);
      for (std::vector<Thread>& reached : next) {
        dfa.next.push_back(StateOf(reached));
        reached.clear();
      }
    }
    return dfa;
  }

 private:
  // A state, and what is still asked of the rest: pairs of a look and its state, sorted.
  using Thread = std::vector<uint32_t>;

  bool IsSatisfied(const Thread& thread) const {
    for (size_t i = 1; i < thread.size(); i += 2) {
      if (!looks_[thread[i]].dfa.accepts[thread[i + 1]]) return false;
    }
    return true;
  }

  // False: it cannot be satisfied.
  bool Ask(uint32_t look, uint32_t state, Thread* thread) const {
    if (!looks_[look].may[state]) return false;
    if (looks_[look].must[state]) return true;
    for (size_t i = 1; i < thread->size(); i += 2) {
      if ((*thread)[i] == look && (*thread)[i + 1] == state) return true;
    }
    size_t at = 1;
    while (at < thread->size() && std::pair((*thread)[at], (*thread)[at + 1]) < std::pair(look, state))
      at += 2;
    thread->insert(thread->begin() + static_cast<ptrdiff_t>(at), {look, state});
    return true;
  }

  void Step(const Thread& thread, std::vector<std::vector<Thread>>* next) {
    for (const Nfa::Edge& edge : nfa_.edges[thread[0]]) {
      if (edge.kind != Nfa::Kind::kSet) continue;
      for (const uint32_t letter : letters_.of[edge.what]) {
        if (deadline_.IsOver(8)) return;
        Thread moved = {edge.to};
        bool can_go_on = true;
        for (size_t i = 1; i < thread.size() && can_go_on; i += 2) {
          can_go_on = Ask(thread[i], looks_[thread[i]].dfa.Next(thread[i + 1], letter), &moved);
        }
        if (can_go_on) (*next)[letter].push_back(std::move(moved));
      }
    }
  }

  // Of threads and where edges without characters lead from them; only those are kept from which a character
  // leads on, or at which the text may end.
  uint32_t StateOf(const std::vector<Thread>& reached) {
    std::vector<uint32_t> waiting, all;
    const auto add = [&](const Thread& thread) {
      const uint32_t id = Number(thread, &thread_ids_, &threads_);
      if (seen_.size() <= id) seen_.resize(id + 1, 0);
      if (seen_[id] == round_) return;
      seen_[id] = round_;
      waiting.push_back(id);
    };
    ++round_;
    for (const Thread& thread : reached) add(thread);
    while (!waiting.empty() && !deadline_.IsOver(16)) {
      const uint32_t id = waiting.back();
      waiting.pop_back();
      const Thread thread = *threads_[id];
      bool is_kept = nfa_.edges[thread[0]].empty();
      for (const Nfa::Edge& edge : nfa_.edges[thread[0]]) {
        is_kept |= edge.kind == Nfa::Kind::kSet;
        if (edge.kind == Nfa::Kind::kSet) continue;
        Thread moved = thread;
        moved[0] = edge.to;
        if (edge.kind == Nfa::Kind::kEmpty || Ask(edge.what, 0, &moved)) add(moved);
      }
      if (is_kept) all.push_back(id);
    }
    std::ranges::sort(all);
    return Number(all, &state_ids_, &states_);
  }

  using Ids = std::map<std::vector<uint32_t>, uint32_t>;
  static uint32_t Number(const std::vector<uint32_t>& key, Ids* ids,
                         std::vector<const std::vector<uint32_t>*>* keys) {
    const auto [at, is_new] = ids->try_emplace(key, static_cast<uint32_t>(keys->size()));
    if (is_new) keys->push_back(&at->first);
    return at->second;
  }

  const Nfa& nfa_;
  const CharLetters& letters_;
  const std::vector<LookDfa>& looks_;
  Deadline& deadline_;
  Ids thread_ids_, state_ids_;
  std::vector<const std::vector<uint32_t>*> threads_, states_;
  std::vector<uint32_t> seen_;  // [thread]: the round in which it was last found
  uint32_t round_ = 0;
};

}  // namespace

std::optional<Dfa> DfaOf(const Expressions& x, ExprId whole, Deadline* deadline) {
  const auto nfa = NfaBuilder(x, deadline).Build(whole);
  if (!nfa) return std::nullopt;
  const auto letters = LettersOf(nfa->sets, deadline);
  if (!letters) return std::nullopt;
  std::vector<LookDfa> looks;
  const std::vector<LookDfa> none;  // is in a look
  for (const Nfa::Look& look : nfa->looks) {
    auto dfa = SubsetConstruction(*nfa, *letters, none, deadline).Build(look.start, look.end);
    if (!dfa) return std::nullopt;
    LookDfa& made = looks.emplace_back();
    made.dfa = look.is_negative ? Complement(*std::move(dfa)) : *std::move(dfa);
    made.may = made.dfa.Live();
    made.must = Complement(made.dfa).Live();
    made.must.flip();
  }
  return SubsetConstruction(*nfa, *letters, looks, deadline).Build(nfa->start, nfa->end);
}

}  // namespace tern::grammar
