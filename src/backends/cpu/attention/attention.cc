#include "backends/cpu/attention/attention.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "backends/cpu/attention/pass.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "base/isa.h"

namespace tern {

const AttentionKernels& PickAttention([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return name;
#include "backends/cpu/attention/kernels.inc"
#undef KERNEL
  return attention_none;
}

namespace {

// Room for the segments of sequences that are split over threads.
constexpr size_t kSplitBytes = size_t{4} << 20;
// With this many tasks per thread nothing needs to be split.
constexpr int kEnoughTasks = 4;

// Block-sparse attention first completes the means of KV blocks, then chooses.
enum SparsePhase : uint8_t { kSummarize, kChoose, kAttend, kSparsePhases };

class AttentionStep : public CpuStep {
 public:
  AttentionStep(AttentionShape shape, const StepContext& c)
      : AttentionStep(std::move(shape), c, std::nullopt) {}
  AttentionStep(AttentionShape shape, const StepContext& c, std::optional<BlockChooser> chooser)
      : CpuStep(NeedsOf(shape, chooser, static_cast<size_t>(c.limits.tokens))),
        shape_(std::move(shape)),
        chooser_(chooser),
        enough_tasks_(static_cast<size_t>(kEnoughTasks * c.threads)),
        pending_(std::make_unique<std::atomic<int>[]>(enough_tasks_)) {
    entries_.reserve(static_cast<size_t>(c.limits.tokens));
  }

  StepTasks Bind(const OpArgs& args, const StepMemory& memory) override {
    if (!chooser_) return BindAttention(args);
    if (memory.phase == kSummarize) return {BlockChooser::FilledBlocks(args.batch), 1};
    if (memory.phase == kAttend) return BindAttention(args);
    has_choice_ = BlockChooser::HasChoice(args.batch);
    const auto rows = static_cast<size_t>(args.batch.rows());
    return {has_choice_ ? rows * static_cast<size_t>(shape_.form.kv_heads) : 0, 1};
  }

  void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) override {
    if (!chooser_ || memory.phase == kAttend) return RunAttention(args, begin, end, memory);
    for (size_t task = begin; task < end; ++task) {
      if (memory.phase == kSummarize) {
        chooser_->Summarize(args, task, memory.scratch);
      } else {
        chooser_->Choose(args, task, Choices(memory), memory.scratch);
      }
    }
  }

 private:
  static StepNeeds NeedsOf(const AttentionShape& shape, const std::optional<BlockChooser>& chooser,
                           size_t rows) {
    StepNeeds needs{.scratch_bytes = AttentionScratch(nullptr, shape).bytes, .shared_bytes = kSplitBytes};
    if (!chooser) return needs;
    needs.scratch_bytes = std::max(needs.scratch_bytes, chooser->scratch_bytes());
    needs.shared_bytes += chooser->table(nullptr).bytes(rows);
    needs.phases = kSparsePhases;
    return needs;
  }

  // Behind the states of split sequences.
  ChoiceTable Choices(const StepMemory& memory) const {
    return chooser_ && has_choice_ ? chooser_->table(static_cast<char*>(memory.shared) + kSplitBytes)
                                   : ChoiceTable{};
  }

  StepTasks BindAttention(const OpArgs& args) {
    // Tall passes load keys and values less often, short ones are work for more threads.
    pass_tokens_ = shape_.pass_tokens();
    size_t tasks = CutIntoPasses(args.batch);
    if (tasks < enough_tasks_ && pass_tokens_ > 1) {
      pass_tokens_ /= 2;
      tasks = CutIntoPasses(args.batch);
    }
    const bool may_split = tasks < enough_tasks_;
    size_t used = 0, pending = 0;
    tasks = 0;
    for (Entry& entry : entries_) {
      entry.first_task = tasks;
      if (may_split) Split(entry, used, pending);
      tasks += static_cast<size_t>(shape_.bundles() * (entry.split() ? entry.segments : entry.passes));
    }
    return {tasks, 1};
  }

  void RunAttention(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) const {
    const AttentionScratch scratch(memory.scratch, shape_);
    const ChoiceTable choices = Choices(memory);
    for (size_t task = begin; task < end; ++task) {
      const auto after = std::upper_bound(entries_.begin(), entries_.end(), task,
                                          [](size_t t, const Entry& e) { return t < e.first_task; });
      const Entry& entry = *std::prev(after);
      const auto index = static_cast<int>(task - entry.first_task);
      if (entry.split()) {
        RunSplit({args, entry, index, scratch, choices}, static_cast<float*>(memory.shared));
      } else {
        RunPass({args, entry, index, scratch, choices});
      }
    }
  }

  struct Entry {
    const SequenceSpan* sequence = nullptr;
    int passes = 0;    // of pass_tokens_ tokens each
    int segments = 0;  // split: a task for each of these, for each bundle
    int first_segment = 0;
    size_t first_task = 0;
    size_t offset = 0;   // split: its states in shared memory, in floats
    size_t pending = 0;  // split: its counters, one per bundle

    bool split() const { return segments > 0; }
  };
  struct Task {
    const OpArgs& args;
    const Entry& entry;
    int index;  // of the entry's tasks
    const AttentionScratch& scratch;
    const ChoiceTable& choices;
  };

  // Fills entries_; returns how many tasks they are.
  size_t CutIntoPasses(const Batch& batch) {
    entries_.clear();
    size_t tasks = 0;
    for (const SequenceSpan& sequence : batch.sequences) {
      if (sequence.rows == 0) continue;
      const int passes = (sequence.rows + pass_tokens_ - 1) / pass_tokens_;
      tasks += static_cast<size_t>(passes * shape_.bundles());
      entries_.push_back({&sequence, passes});
    }
    return tasks;
  }

  // A short stretch of tokens with a long past is split into its segments, while there is room for them.
  void Split(Entry& entry, size_t& used, size_t& pending) {
    const SequenceSpan& sequence = *entry.sequence;
    const int last = shape_.form.End(sequence) - 1;
    const int first_segment = shape_.form.First(sequence.first_position) / kSegmentTokens;
    const int segments = last / kSegmentTokens + 1 - first_segment;
    const auto bundles = static_cast<size_t>(shape_.bundles());
    const size_t rows = static_cast<size_t>(sequence.rows * shape_.bundle_heads);
    const size_t floats = static_cast<size_t>(segments) * bundles * shape_.state_floats(rows);
    if (entry.passes > 1 || segments < 2 || used + floats > kSplitBytes / sizeof(float)) return;
    entry.segments = segments;
    entry.first_segment = first_segment;
    entry.offset = used;
    entry.pending = pending;
    for (size_t i = 0; i < bundles; ++i) pending_[pending + i].store(segments, std::memory_order_relaxed);
    used += floats;
    pending += bundles;
  }

  // The last tokens see the most: they go first, so that the threads finish together.
  void RunPass(const Task& task) const {
    const auto& [args, entry, index, scratch, choices] = task;
    const int begin = (entry.passes - 1 - index / shape_.bundles()) * pass_tokens_;
    const int end = std::min(entry.sequence->rows, begin + pass_tokens_);
    const AttentionPass pass(shape_, args,
                             {.sequence = *entry.sequence,
                              .bundle = index % shape_.bundles(),
                              .begin = begin,
                              .end = end,
                              .choices = choices},
                             scratch);
    pass.LoadQueries();
    const AttentionState total = StateAt(scratch.total, pass.rows());
    const AttentionState state = StateAt(scratch.segment, pass.rows());
    pass.Start(total);
    for (int segment = pass.first_segment(); segment < pass.end_segment(); ++segment) {
      pass.RunSegment(segment, state);
      pass.Merge(state, total);
    }
    pass.Write(total);
  }

  // One segment of one bundle; whoever is the last of a bundle merges its segments.
  void RunSplit(const Task& task, float* shared) const {
    const auto& [args, entry, index, scratch, choices] = task;
    const int bundle = index % shape_.bundles();
    const AttentionPass pass(shape_, args,
                             {.sequence = *entry.sequence,
                              .bundle = bundle,
                              .begin = 0,
                              .end = entry.sequence->rows,
                              .one_segment = true,
                              .choices = choices},
                             scratch);
    const size_t room = shape_.state_floats(static_cast<size_t>(entry.sequence->rows * shape_.bundle_heads));
    const auto state = [&, &of = entry](int segment) {
      const auto slot = static_cast<size_t>(bundle * of.segments + segment);
      return StateAt(shared + of.offset + slot * room, pass.rows());
    };
    pass.LoadQueries();
    const int segment = index / shape_.bundles();
    pass.RunSegment(entry.first_segment + segment, state(segment));
    std::atomic<int>& pending = pending_[entry.pending + static_cast<size_t>(bundle)];
    if (pending.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    const AttentionState total = StateAt(scratch.total, pass.rows());
    pass.Start(total);
    for (int i = 0; i < entry.segments; ++i) pass.Merge(state(i), total);
    pass.Write(total);
  }

  const AttentionShape shape_;
  const std::optional<BlockChooser> chooser_;  // of block-sparse attention
  bool has_choice_ = false;
  const size_t enough_tasks_;
  int pass_tokens_ = 1;
  std::vector<Entry> entries_;
  std::unique_ptr<std::atomic<int>[]> pending_;
};

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  TERN_TRY(const AttentionForm form, ParseAttention(c.node.attrs));
  AttentionShape shape(form, PickAttention(c.isa), c.threads);
  shape.quantize = PickQuantizeRow(c.isa);
  if (form.int16) shape.int16 = shape.kernels->int16;
  if (form.has_sinks) shape.sinks = c.weights.Floats(c.input(form.sinks_input()));
  if (form.has_alibi) shape.slopes = c.weights.Floats(c.input(form.alibi_input()));
  if (form.has_buckets) shape.SetBias(c.weights.Floats(c.input(form.buckets_input())).get());
  if (form.block_sparse()) {
    if (c.limits.context == 0) return BadInput("block-sparse: step limits without a context, expected one");
    const BlockChooser chooser(form, *shape.kernels, c.limits.context);
    shape.choice_words = chooser.table(nullptr).words;
    return std::unique_ptr<CpuStep>(std::make_unique<AttentionStep>(std::move(shape), c, chooser));
  }
  return std::unique_ptr<CpuStep>(std::make_unique<AttentionStep>(std::move(shape), c));
}

}  // namespace
extern const CpuOpDesc k_cpuop_attention;
const CpuOpDesc k_cpuop_attention = {.name = "attention", .supports = SupportsAny, .prepare = Prepare};
}  // namespace tern
