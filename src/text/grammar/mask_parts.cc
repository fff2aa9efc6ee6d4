#include "text/grammar/mask_parts.h"

#include <algorithm>

#include "text/grammar/trie_walk.h"

namespace tern::grammar {
namespace {

constexpr size_t kMany = 1024;
constexpr size_t kMostLeaving = 8'000;  // of strings in JSON it is some 600

class PartsFinder {
 public:
  PartsFinder(Simulation& simulation, const VocabularyIndex& vocabulary, LazyStates::Id state)
      : simulation_(simulation), vocabulary_(vocabulary), state_(state) {
    const Automaton& a = simulation.automaton();
    const uint32_t call = a.rules[simulation.states().rule(state)].loop_call;
    start_ = simulation.states().Start(simulation.states().rule(state));
    if (call == RuleStates::kNoCall) return;
    counts_ = a.calls[call].max != kUnbounded;
    if (a.calls[call].loop != 0) follow_ = &a.calls[call].follow;
    loop_ = LoopAt(simulation.states(), state);
    parts_.group = loop_.categories;
  }

  MaskParts Find() {
    const TokenTrie& trie = vocabulary_.trie();
    const Thread from{state_, 0, Simulation::kBottom};
    path_.assign(1, 0);
    TrieWalk walk(simulation_);
    const bool is_found = simulation_.work().Within(kMostPartsWork, [&] {
      walk.Run(trie, 1, trie.root_end(), {&from, 1},
               [this](uint32_t node, std::span<const Thread> threads, const StepNotes& notes) {
                 return Visit(node, threads, notes);
               });
    });
    if (!is_found || is_too_much()) {
      parts_ = {};
      parts_.is_walked = true;
      return std::move(parts_);
    }
    std::stable_sort(parts_.allowed.begin(), parts_.allowed.end(),
                     [](const auto& a, const auto& b) { return a.repetitions < b.repetitions; });
    parts_.allowed.shrink_to_fit();
    parts_.rests = TokenTrie(std::move(leaving_));
    return std::move(parts_);
  }

 private:
  bool Visit(uint32_t node, std::span<const Thread> threads, const StepNotes& notes) {
    if (is_too_much()) return false;
    const TokenTrie& trie = vocabulary_.trie();
    const TokenTrie::Node& at = trie[node];
    path_.resize(at.depth);
    path_.push_back(static_cast<CategorySet>(path_.back() | CategoryOf(at.byte)));
    const uint32_t repetitions = Repetitions(threads, notes);
    for (const auto& token : trie.tokens_at(node)) Allow(token, repetitions);
    if (!notes.left.empty()) AddLeaving(node, notes);
    return !AllowBelow(node, threads);
  }

  // What the frame must still allow for some thread to be right.
  uint32_t Repetitions(std::span<const Thread> threads, const StepNotes& notes) const {
    if (!counts_) return 0;
    uint32_t least = kUnbounded;
    for (const uint32_t done : notes.left) least = std::min(least, done);
    for (const Thread& t : threads) {
      if (t.stack != Simulation::kBottom) {
        least = std::min(least, simulation_.frame(t.stack).origin + 1);
      } else if (t.state != start_) {
        least = std::min(least, t.count + 1);
      }
    }
    return least;
  }

  bool IsInGroup(CategorySet categories) const {
    return parts_.group != 0 && (categories & ~parts_.group) == 0;
  }
  void Allow(const TokenTrie::Token& token, uint32_t repetitions) {
    if (IsInGroup(token.categories)) return;
    if (!parts_.many.empty()) return SetBit(parts_.many, token.id);
    parts_.allowed.push_back({token.id, repetitions});
    if (!counts_ && parts_.allowed.size() > kMany) {
      parts_.many.assign(vocabulary_.words(), 0);
      for (const auto& allowed : parts_.allowed) SetBit(parts_.many, allowed.token);
      parts_.allowed.clear();
    }
  }

  // Whether all that matters of what is below a node is known from its categories, a thread there being at
  // the beginning of a loop.
  bool AllowBelow(uint32_t node, std::span<const Thread> threads) {
    const TokenTrie& trie = vocabulary_.trie();
    for (const Thread& thread : threads) {
      const CharacterLoop loop = LoopAt(simulation_.states(), thread.state);
      if (loop.categories == 0 || (trie[node].below & ~loop.categories) != 0) continue;
      const bool is_own = thread.stack == Simulation::kBottom;
      const bool is_group = is_own && IsInGroup(path_.back());
      if (is_group && (!loop.is_bounded || (loop.is_pure && threads.size() == 1))) return true;
      if (loop.is_bounded) continue;
      const uint32_t repetitions = is_own ? 0 : simulation_.frame(thread.stack).origin + 1;
      for (const auto& token : trie.tokens_under(node)) Allow(token, repetitions);
      return true;
    }
    return false;
  }

  bool is_too_much() const { return parts_.ends.size() + leaving_.size() > kMostLeaving; }
  void AddLeaving(uint32_t node, const StepNotes& notes) {
    const TokenTrie& trie = vocabulary_.trie();
    const TokenTrie::Node& at = trie[node];
    if (follow_ == nullptr) {
      if (at.end == node + 1) return;
      for (const uint32_t done : notes.left) parts_.ends.push_back({node, done});
      return;
    }
    for (uint32_t child = node + 1; child < at.end; child = trie[child].end) {
      if (!follow_->test(trie[child].byte)) continue;
      for (const auto& token : trie.tokens_under(child)) {
        if (!counts_ && IsInGroup(token.categories)) continue;
        for (const uint32_t done : notes.left) {
          leaving_.push_back({vocabulary_.text(token.id).substr(at.depth), token.id, done});
        }
      }
    }
  }

  Simulation& simulation_;
  const VocabularyIndex& vocabulary_;
  const LazyStates::Id state_;
  LazyStates::Id start_ = 0;
  bool counts_ = false;  // the rule's repetitions are bounded
  const ByteSet* follow_ = nullptr;
  CharacterLoop loop_;
  MaskParts parts_;
  std::vector<TrieToken> leaving_;
  std::vector<CategorySet> path_;  // the categories of the path, by depth
};

}  // namespace

CharacterLoop LoopAt(LazyStates& states, LazyStates::Id state) {
  const Automaton& a = states.automaton();
  const uint32_t rule = states.rule(state);
  const uint32_t loop_call = a.rules[rule].loop_call;
  if (loop_call == RuleStates::kNoCall || states.Start(rule) != state) return {};
  const Call& call = a.calls[loop_call];
  return {call.loop, call.max != kUnbounded, call.is_pure};
}

MaskParts FindMaskParts(Simulation& simulation, const VocabularyIndex& vocabulary, LazyStates::Id state) {
  return PartsFinder(simulation, vocabulary, state).Find();
}

}  // namespace tern::grammar
