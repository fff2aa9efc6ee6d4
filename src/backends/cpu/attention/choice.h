#pragma once
// Block-sparse attention's choice (ops/block_choice.h): the means of the KV blocks that a step filled, then
// for every row and KV head which choice blocks the row sees. Two phases of the attention step, before
// attention.

#include <cstdint>

#include "backends/cpu/attention/attention.h"
#include "ops/attention.h"
#include "ops/op.h"

namespace tern {

static_assert(kChoiceTokens == kTileTokens);

// Bits per row and KV head, one per choice block.
struct ChoiceTable {
  uint64_t* bits = nullptr;  // [rows][kv_heads][words]; null: rows see everything
  size_t kv_heads = 0, words = 0;

  size_t bytes(size_t rows) const { return rows * kv_heads * words * sizeof(uint64_t); }
  uint64_t* Of(size_t row, int kv_head) const {
    return bits + (row * kv_heads + static_cast<size_t>(kv_head)) * words;
  }
};

class BlockChooser {
 public:
  BlockChooser(const AttentionForm& form, const AttentionKernels& kernels, int context);

  ChoiceTable table(void* memory) const {
    return {static_cast<uint64_t*>(memory), static_cast<size_t>(form_.kv_heads), words_};
  }
  size_t scratch_bytes() const;  // per thread

  // How many KV blocks the step fills: tasks of Summarize.
  static size_t FilledBlocks(const Batch& batch);
  void Summarize(const OpArgs& args, size_t task, void* scratch) const;
  // Whether any row has something to choose.
  static bool HasChoice(const Batch& batch);
  // Tasks: a row and a KV head each.
  void Choose(const OpArgs& args, size_t task, const ChoiceTable& table, void* scratch) const;

 private:
  const float* LoadKeys(const OpArgs& args, const void* part, float* scratch) const;
  // One row and KV head.
  struct Chooser {
    const OpArgs& args;
    const SequenceSpan& sequence;
    int position, kv_head;
    void* scratch;
  };
  void AddPromises(const Chooser& c, const float* q) const;

  const AttentionForm form_;
  const AttentionKernels& kernels_;
  size_t words_, most_blocks_;
};

}  // namespace tern
