#pragma once
// Sequences: a few token sequences on a runner, each with KV of its own: for what reads texts and looks at
// logits. Requests that share a runner have a scheduler instead (sched/scheduler.h); a runner serves one or
// the other. Not thread-safe.

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/runner.h"
#include "kv/block_table.h"

namespace tern {

using SequenceId = int32_t;

struct StepWork {
  SequenceId sequence = -1;
  std::span<const int32_t> tokens;
  WantLogits logits = WantLogits::kLast;
  std::span<const int32_t> token_types = {};  // of encoders, one per token; empty: zeros
  WantedLogits likeliest = {};                // with kLast: which of them
};

class Sequences {
 public:
  explicit Sequences(Runner* runner);  // which must outlive it, and be without own_window_blocks

  // As many as the runner's options say.
  Result<SequenceId> Open();
  void Close(SequenceId sequence);
  // Tokens of the sequence that are in the KV cache.
  int length(SequenceId sequence) const { return at(sequence).length; }
  // Forgets positions >= tokens.
  void Truncate(SequenceId sequence, int tokens);
  // Of an encoder-decoder, before a sequence's first step. Forgets the tokens and the source that it had.
  Status ReadSource(SequenceId sequence, std::span<const int32_t> source);
  // One forward step; row i of Runner::Logits is in the order of the work. Either all of the work is done or
  // none of it. Errors: Runner::Step's, and KV exhausted.
  Status Step(std::span<const StepWork> work);
  int free_tokens() const { return pool_.free_blocks() * kKvBlockTokens; }

 private:
  struct Sequence {
    int length = 0;
    int source = 0;                     // tokens of it
    std::unique_ptr<BlockTable> table;  // null: not open

    int held() const { return std::max(length, source); }  // positions with KV in any layer
  };
  Status Fill(std::span<const StepWork> work);
  Sequence& at(SequenceId id) { return sequences_[static_cast<size_t>(id)]; }
  const Sequence& at(SequenceId id) const { return sequences_[static_cast<size_t>(id)]; }

  Runner& runner_;
  BlockPool pool_;
  std::vector<Sequence> sequences_;
  std::vector<StepRows> rows_;
};

}  // namespace tern
