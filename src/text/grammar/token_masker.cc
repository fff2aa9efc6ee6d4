#include "text/grammar/token_masker.h"

#include <algorithm>

namespace tern {

using grammar::kUnbounded;
using grammar::MaskParts;
using grammar::SetBit;
using grammar::Simulation;
using grammar::StepNotes;
using grammar::Thread;
using grammar::TokenTrie;
using grammar::TrieWalk;

namespace {

constexpr uint64_t kFewestSteps = 10'000;  // that threads one by one may take

uint64_t HashOf(const GrammarPosition& position) {
  uint64_t hash = position.can_end + 2 * position.is_first;
  for (const Thread& t : position.threads) {
    for (const uint32_t n : {t.state, t.count, t.stack}) {
      hash = (hash ^ n) * 0x9E3779B97F4A7C15ull;
      hash ^= hash >> 31;
    }
  }
  return hash;
}

}  // namespace

TokenMasker::TokenMasker(std::shared_ptr<const Grammar> grammar,
                         std::shared_ptr<grammar::VocabularyIndex> vocabulary)
    : grammar_(std::move(grammar)),
      vocabulary_(std::move(vocabulary)),
      simulation_(grammar_->automaton()),
      walk_(simulation_),
      sets_(simulation_) {}

Result<std::unique_ptr<TokenMasker>> TokenMasker::Make(std::shared_ptr<const Grammar> grammar,
                                                       std::shared_ptr<grammar::VocabularyIndex> vocabulary) {
  std::unique_ptr<TokenMasker> masker(new TokenMasker(std::move(grammar), std::move(vocabulary)));
  TERN_TRY_STATUS(masker->Prepare());
  return masker;
}

Status TokenMasker::Prepare() {
  StepNotes notes;
  simulation_.BeginOperation();
  simulation_.Enter(simulation_.Start(), &start_.threads, &notes);
  start_.can_end = notes.can_end;
  TERN_TRY_STATUS(simulation_.status());
  uint64_t spent = 0;
  for (const grammar::Call& call : grammar_->automaton().calls) {
    if (call.loop == 0) continue;
    simulation_.BeginOperation();
    PartsOf(simulation_.states().Start(call.rule));
    spent += last_work();
    if (spent > Simulation::kMostWork) break;  // the others when they are met
  }
  return {};
}

size_t TokenMasker::bytes() const {
  return simulation_.bytes() + parts_bytes_ + sets_.bytes() +
         known_.size() * vocabulary_->words() * sizeof(uint64_t);
}

MaskParts& TokenMasker::PartsOf(uint32_t state) {
  const auto found = parts_.find(state);
  if (found != parts_.end()) return found->second;
  MaskParts parts = grammar::FindMaskParts(simulation_, *vocabulary_, state);
  if (parts_bytes_ + parts.bytes() > kPartsBytes) {
    parts_.clear();
    parts_bytes_ = 0;
  }
  parts_bytes_ += parts.bytes();
  return parts_.emplace(state, std::move(parts)).first->second;
}

Result<std::span<const uint64_t>> TokenMasker::Mask(const GrammarPosition& position) {
  const uint64_t hash = HashOf(position);
  const auto found = known_.find(hash);
  if (found != known_.end() && found->second.threads == position.threads &&
      found->second.can_end == position.can_end && found->second.is_first == position.is_first) {
    return std::span<const uint64_t>(found->second.mask);
  }
  const size_t words = vocabulary_->words();
  const size_t most = std::max(kFewestKnown, kKnownBytes / std::max<size_t>(1, words * sizeof(uint64_t)));
  if (known_.size() >= most) known_.clear();
  Known known{position.threads, position.can_end, position.is_first, grammar::MaskWords(words, 0)};
  simulation_.BeginOperation();
  Fill(position, known.mask);
  if (position.can_end) {
    for (const int32_t token : vocabulary_->ends()) SetBit(known.mask, token);
  }
  TERN_TRY_STATUS(simulation_.status());
  Known& kept = known_[hash];
  kept = std::move(known);
  return std::span<const uint64_t>(kept.mask);
}

void TokenMasker::Fill(const GrammarPosition& position, std::span<uint64_t> mask) {
  if (position.is_first && vocabulary_->strips_first_space()) return AddFirst(position, mask);
  if (!AddThreads(position.threads, mask)) AddWalk(position, 1, vocabulary_->trie().root_end(), mask);
}

bool TokenMasker::AddThreads(std::span<const Thread> threads, std::span<uint64_t> mask) {
  for (const Thread& thread : threads) {
    // Others are found another time; what is left is enough for a walk.
    const bool is_late =
        !parts_.contains(thread.state) && simulation_.work().spent > grammar::kMostPartsWork / 2;
    if (is_late || PartsOf(thread.state).is_walked) return false;
  }
  const uint64_t most = kFewestSteps + vocabulary_->trie().node_count() / 8;
  uint32_t last = 0;
  const bool was_enough = simulation_.work().Within(most, [&] {
    for (size_t i = 0; i < threads.size() && !simulation_.work().is_over(); ++i) {
      last = threads[i].state;
      AddThread(threads[i], PartsOf(last), mask);
    }
  });
  if (!was_enough) PartsOf(last).is_walked = true;
  return was_enough;
}

void TokenMasker::AddThread(const Thread& thread, const MaskParts& parts, std::span<uint64_t> mask) {
  simulation_.work().Spend(mask.size() / 16 + parts.allowed.size() / 4 + parts.many.size() / 16);
  uint32_t left = kUnbounded;  // repetitions of the frame
  if (thread.stack != Simulation::kRoot) {
    const auto& call = simulation_.automaton().calls[simulation_.frame(thread.stack).call];
    if (call.max != kUnbounded) left = call.max - thread.count;
  }
  if (parts.group != 0) vocabulary_->AddGroup(parts.group, left, mask);
  for (size_t i = 0; i < parts.many.size(); ++i) mask[i] |= parts.many[i];
  for (const MaskParts::Allowed& allowed : parts.allowed) {
    if (allowed.repetitions > left) break;
    SetBit(mask, allowed.token);
  }
  if ((parts.rests.empty() && parts.ends.empty()) || thread.stack == Simulation::kRoot) return;
  AddLeaving(thread, parts, mask);
}

// Tokens that go on behind the end of the thread's rule.
void TokenMasker::AddLeaving(const Thread& thread, const MaskParts& parts, std::span<uint64_t> mask) {
  const Simulation::Frame frame = simulation_.frame(thread.stack);
  const grammar::Call& call = simulation_.automaton().calls[frame.call];
  threads_.clear();
  notes_.left.clear();
  simulation_.Enter({simulation_.states().After(frame.call), frame.count, frame.below}, &threads_, &notes_);
  const auto is_right = [&](uint32_t repetitions) {
    const uint64_t count = uint64_t{thread.count} + repetitions;
    return count >= call.min && count <= call.max;
  };
  const auto walk = [&](const TokenTrie& trie, uint32_t begin, uint32_t end) {
    const auto add = [&](std::span<const TokenTrie::Token> tokens) {
      for (const TokenTrie::Token& token : tokens) {
        if (token.repetitions == 0 || is_right(token.repetitions)) SetBit(mask, token.id);
      }
    };
    walk_.Run(trie, begin, end, threads_, [&](uint32_t node, auto threads, const StepNotes&) {
      add(trie.tokens_at(node));
      const bool all = std::any_of(threads.begin(), threads.end(), [&](const Thread& t) {
        const auto loop = grammar::LoopAt(simulation_.states(), t.state);
        return loop.categories != 0 && !loop.is_bounded && (trie[node].below & ~loop.categories) == 0;
      });
      if (all) add(trie.tokens_under(node));
      return !all;
    });
  };
  const TokenTrie& whole = vocabulary_->trie();
  for (const MaskParts::End& end : parts.ends) {
    if (is_right(end.repetitions)) walk(whole, end.node + 1, whole[end.node].end);
  }
  walk(parts.rests, 1, parts.rests.root_end());
}

// The first token's space is not part of the text.
void TokenMasker::AddFirst(const GrammarPosition& position, std::span<uint64_t> mask) {
  const TokenTrie& trie = vocabulary_->trie();
  const uint32_t space = trie.Child(' ');
  if (space == 0) return AddWalk(position, 1, trie.root_end(), mask);
  AddWalk(position, 1, space, mask);
  AddWalk(position, space + 1, trie[space].end, mask);
  AddWalk(position, trie[space].end, trie.root_end(), mask);
}

// The position's threads together along the vocabulary's tree, from `begin` to `end`, which are siblings.
void TokenMasker::AddWalk(const GrammarPosition& position, uint32_t begin, uint32_t end,
                          std::span<uint64_t> mask) {
  if (begin >= end) return;
  if (sets_.bytes() > kSetsBytes) sets_.Forget();
  const TokenTrie& trie = vocabulary_->trie();
  const size_t base = trie[begin].depth - 1u;
  path_.assign(1, sets_.Of(position.threads, position.can_end));
  for (uint32_t node = begin; node < end && !simulation_.work().is_over();) {
    const TokenTrie::Node& at = trie[node];
    path_.resize(at.depth - base);
    const grammar::ThreadSets::Id set = sets_.Next(path_.back(), at.byte);
    simulation_.work().Spend(1);
    const bool all_below = set != sets_.kNothing && sets_.AllowsBelow(set, at);
    if (set != sets_.kNothing) {
      for (const auto& token : all_below ? trie.tokens_under(node) : trie.tokens_at(node))
        SetBit(mask, token.id);
    }
    path_.push_back(set);
    node = set == sets_.kNothing || all_below ? at.end : node + 1;
  }
}

Result<bool> TokenMasker::Accept(GrammarPosition* position, int32_t token) {
  if (token < 0 || token >= vocabulary_->size()) return false;
  const auto ends = vocabulary_->ends();
  if (std::find(ends.begin(), ends.end(), token) != ends.end()) {
    position->threads.clear();
    return position->can_end;
  }
  std::string_view text = vocabulary_->text(token);
  if (position->is_first && vocabulary_->strips_first_space() && text.starts_with(' ')) text.remove_prefix(1);
  if (text.empty()) return false;
  position->is_first = false;
  simulation_.BeginOperation();
  for (const char byte : text) {
    notes_.can_end = false;
    threads_.assign(position->threads.begin(), position->threads.end());
    const size_t before = threads_.size();
    simulation_.Step(0, before, static_cast<uint8_t>(byte), &threads_, &notes_);
    TERN_TRY_STATUS(simulation_.status());
    position->threads.assign(threads_.begin() + static_cast<ptrdiff_t>(before), threads_.end());
    position->can_end = notes_.can_end;
  }
  return !position->threads.empty() || position->can_end;
}

}  // namespace tern
