#pragma once
// What a scheduler keeps of a request: its own.

#include <algorithm>
#include <memory>
#include <span>

#include "kv/block_table.h"
#include "sched/scheduler.h"

namespace tern {

struct Scheduler::Active {
  RequestId id = 0;
  int64_t rank = 0;
  double turn = 0;  // PolicyRequest's, since it runs
  PolicyRequest policy;
  Submission submission;  // its tokens grow with the answer; behind them, drafts
  int drafts = 0;         // of the step that is planned or computed
  int prompt_tokens = 0;
  int computed = 0;  // tokens with KV
  int finite = 0;    // of those, in front of logits that were finite
  int cached = 0, preemptions = 0;
  bool started = false, source_read = false, paused = false;
  Fetch fetch = Fetch::kUnsought;
  Account* account = nullptr;
  double expected_first_s = 0;               // when it came; 0: not known
  int probed_tokens = 0;                     // of its prompt, in the prefix tree
  uint64_t probed_inserts = 0;               // of the tree, then
  uint64_t seen_inserts = 0;                 // of the prefix tree, when it was last asked
  std::unique_ptr<BlockTable> table;         // while it runs
  std::unique_ptr<BlockTable> window_table;  // of layers with a window, if they have their own

  std::span<const int32_t> tokens() const {
    return std::span(submission.tokens).first(static_cast<size_t>(size()));
  }
  int size() const { return static_cast<int>(submission.tokens.size()) - drafts; }
  int missing() const { return size() - computed; }
  bool scores() const { return submission.scores_tokens && computed < prompt_tokens; }
  bool may_start() const { return !paused && fetch != Fetch::kFetches; }
  bool reads_source() const { return submission.source_tokens > 0 && !source_read; }
  int held() const { return std::max(size(), submission.source_tokens); }  // positions with KV in any layer
  // All but the last token may come from others: its logits are wanted.
  std::span<const int32_t> shareable() const { return tokens().first(tokens().size() - 1); }
};

}  // namespace tern
