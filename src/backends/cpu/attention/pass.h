#pragma once
// What one thread does at a time: some tokens of a sequence, some heads of one KV head, over all positions
// that they see or over one segment of them.

#include <memory>
#include <vector>

#include "backends/cpu/attention/attention.h"
#include "backends/cpu/attention/choice.h"
#include "backends/cpu/quantize/quantize.h"
#include "ops/attention.h"
#include "ops/op.h"

namespace tern {

// Rows (tokens x heads of one KV head) that share one pass over K and V.
inline constexpr int kPassRows = 96;
// Heads of one token that do, if they are more.
inline constexpr int kMostBundleHeads = 128;

// An attention node made ready. The query heads of a KV head are cut into bundles: work for every thread
// where few KV heads serve many heads.
struct AttentionShape {
  AttentionForm form;
  const AttentionKernels* kernels = nullptr;
  QuantizeRowFn quantize = nullptr;              // of quantized output
  int slices = 1;                                // bundles per KV head
  int bundle_heads = 1;                          // heads of a bundle; the last of a KV head may have fewer
  const Int16AttentionKernels* int16 = nullptr;  // instead of kernels->tile, where rounding is granted
  size_t choice_words = 0;                       // of a row's choice; 0: not block-sparse

  // Weights in f32; empty where the form has none.
  std::shared_ptr<const float> sinks, slopes;  // [heads]
  // [heads][bias_span]: by the key's position minus the row's, from -bias_reach on. Beyond max_distance all
  // biases are equal, so a tile further away than that finds 64 of them at either end.
  std::vector<float> bias;
  int bias_reach = 0;

  AttentionShape(const AttentionForm& f, const AttentionKernels& k, int threads);
  void SetBias(const float* by_bucket);  // [buckets][heads]

  int bundles() const { return form.kv_heads * slices; }
  int group() const { return form.heads / form.kv_heads; }
  int first_head(int bundle) const { return bundle / slices * group() + bundle % slices * bundle_heads; }
  int heads(int bundle) const;
  size_t width() const { return (static_cast<size_t>(form.v_dim) + 15) / 16 * 16; }
  int pass_tokens() const { return kPassRows > bundle_heads ? kPassRows / bundle_heads : 1; }
  size_t pass_rows() const { return static_cast<size_t>(pass_tokens() * bundle_heads); }
  size_t pairs() const { return (static_cast<size_t>(form.head_dim) + 1) / 2; }  // of channels
  float most_code() const { return static_cast<float>(MostKeyCode(KvType::kInt16, form.head_dim)); }
  size_t state_floats(size_t rows) const { return rows * (2 + width()); }
};

inline AttentionState StateAt(float* memory, size_t rows) {
  return {memory, memory + rows, memory + 2 * rows};
}

// What one thread works in.
struct AttentionScratch {
  float *q, *segment, *total, *k, *v, *scores, *slope;
  int16_t *q_codes, *k_codes, *v_codes, *weights;  // with int16, instead of q, k and v
  float *q_scale, *k_scale, *v_scale;
  int32_t *first, *last, *tile_first, *tile_last, *distance;
  const float** bias;
  uint64_t* chosen;  // block-sparse: what any row sees
  size_t bytes;

  // Pointers into `memory`, or with nullptr only how many bytes it must have.
  AttentionScratch(void* memory, const AttentionShape& shape);
};

class AttentionPass {
 public:
  struct Rows {
    const SequenceSpan& sequence;
    int bundle;
    int begin, end;            // tokens of the sequence in this step
    bool one_segment = false;  // the other segments are other tasks
    ChoiceTable choices = {};
  };
  AttentionPass(const AttentionShape& shape, const OpArgs& args, Rows rows, const AttentionScratch& scratch);

  size_t rows() const { return rows_; }
  int first_segment() const { return first_ / kSegmentTokens; }
  int end_segment() const { return last_ / kSegmentTokens + 1; }

  void LoadQueries() const;
  // The softmax over one segment's positions alone.
  void RunSegment(int segment, const AttentionState& state) const;
  // The state before the first segment: nothing, or the sinks.
  void Start(const AttentionState& total) const;
  void Merge(const AttentionState& segment, const AttentionState& total) const;
  void Write(const AttentionState& total) const;

 private:
  size_t Row(size_t r) const;   // of the step
  size_t Head(size_t r) const;  // of the model
  struct Place {
    int start;  // a tile's first position
    int kv_head;
  };
  struct KvParts {
    const void *k, *v;
  };
  int KvHead() const { return first_head_ / s_.group(); }
  bool IsSeen(int tile) const;
  void UniteChoices() const;
  void HideTile(int tile) const;
  Place AfterSegment(int begin, int end) const;
  void RunTile(int start, Place next, const AttentionState& state) const;
  bool InPlace() const;
  KvParts BlockParts(int index, int kv_head) const;
  void PlaceScratch(Int16Operands& codes, int b) const;
  void LoadCodes(Int16Operands& codes, int b, int index) const;
  void FetchAhead(Int16Operands& codes, Place next) const;
  void LoadFloats(AttentionTile& tile, int b, int index) const;
  void LoadKeys(AttentionTile& tile, int b, const void* part) const;
  void LoadValues(AttentionTile& tile, int b, const void* part) const;
  void PlaceBias(int start) const;

  const AttentionShape& s_;
  const AttentionForm& form_;
  const AttentionKernels& kernels_;
  const OpArgs& args_;
  const SequenceSpan& sequence_;
  int first_head_, heads_, begin_;
  bool one_segment_;
  const ChoiceTable choices_;
  size_t rows_;
  const AttentionScratch& scratch_;
  int first_, last_;  // positions that any row sees
};

}  // namespace tern
