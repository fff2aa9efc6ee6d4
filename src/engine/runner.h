#pragma once
// Runner: a model bound to a device, with its KV cache: tokens in, logits out, many sequences per step. It
// knows nothing of text, sampling or requests, nor of who holds which KV blocks: scheduler.h does, or
// sequences.h.
//
// The logits of a sequence are the same bits whatever else is in the batch and however its tokens were cut
// into steps, as long as its own numbers are finite. Not thread-safe: one thread owns a runner.

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/result.h"
#include "engine/loaded_model.h"
#include "graph/pass.h"
#include "kv/block_pool.h"

namespace tern {

struct RunnerOptions {
  std::string backend = "cpu";
  int threads = 0;  // 0: one per physical core
  Precision precision = Precision::kDefault;
  std::optional<KvType> kv_type = {};  // unset: f32 in exact mode, int16 where attention rounds, else f16
  int context = 0;                     // most tokens of one sequence; 0: what the model was trained for
  int sequences = 1;                   // most open sequences
  // Most tokens of all of them together; 0: `context` for each; -1: that, or as many as memory holds.
  int kv_tokens = 0;
  size_t memory_bytes = 0;   // all there is; 0: UsableMemory(), of which some is for other things
  size_t most_kv_bytes = 0;  // that kv_tokens may take of it; 0: half
  int step_tokens = 512;     // most rows of one step
  int step_outputs = 0;      // most rows of logits of one step; 0: one per sequence
  // Layers with a window have KV for what they still see, and some for prompts to come: whoever hands out
  // blocks gives back the others', as a scheduler does.
  bool own_window_blocks = false;
  std::vector<std::string> disabled_passes = {};
  std::vector<std::string> granted = {};  // rewrites that change results (engine/error_budget.h)
  // Whether packed weights are kept between runs: beside the model, else in `cache_folder` ("": nowhere
  // else).
  bool cache_weights = false;
  std::string cache_folder = {};
  // Whether the first step had better be soon than the second: WeightFiles::pack_later.
  bool pack_later = false;
};

// The largest step of a runner with these options.
StepLimits LimitsOf(const RunnerOptions& options);

struct RunnerBytes {
  size_t file = 0, packed_weights = 0, kv = 0;
  size_t window_kv = 0;       // of kv, what layers with a window have apart
  size_t mapped_weights = 0;  // of the packed ones, what came from the cache
  size_t arena = 0;           // and the kernels' scratch
};

// Which rows of a piece of work need logits.
enum class WantLogits : uint8_t { kNone, kLast, kAll };

// Consecutive rows of one sequence.
struct StepRows {
  std::span<const int32_t> tokens;
  int first_position = 0;
  std::span<const BlockId> blocks;  // of all positions up to the last of these rows, and of the source's
  std::span<const BlockId> window_blocks = {};  // where window_tokens() > 0: of those that these rows see
  int source_tokens = 0;  // of an encoder-decoder: that ReadSource read into these blocks
  WantLogits logits = WantLogits::kLast;
  std::span<const int32_t> token_types = {};            // of encoders, one per token; empty: zeros
  WantedLogits likeliest = {};                          // with kLast: which of them
  std::span<const WantedLogits> likeliest_of_all = {};  // with kAll, of each row; empty: all of them
};

class Runner {
 public:
  // On `backend`, or where there is none on one of its own, as the options say. Runners on one backend share
  // the packed copies of weights that lie in the same memory; one of them runs at a time.
  static Result<std::unique_ptr<Runner>> Make(std::shared_ptr<const LoadedModel> model,
                                              const RunnerOptions& options,
                                              std::shared_ptr<Backend> backend = nullptr);
  ~Runner();

  // Of an encoder-decoder, before a sequence's first step: what its tokens are an answer to, in one step of
  // the encoder, into these blocks. Errors: as Step's.
  Status ReadSource(std::span<const int32_t> source, std::span<const BlockId> blocks);

  // One forward step, of at most sequences() pieces. What it reads and writes of the KV cache is for the
  // caller to keep apart. Errors: more rows than a step takes, a sequence beyond its context, a token id
  // outside the vocabulary, too few blocks.
  Status Step(std::span<const StepRows> work);
  // Steps from now on write down when they did what; null: no longer.
  void Observe(StepProfile* profile) { profile_ = profile; }
  // How many of the device's threads() run steps of so many rows from now on, which changes no bit: the
  // first few rows wait for memory, which fewer threads may bring as fast.
  enum class Rows : uint8_t { kFew, kMany };
  static constexpr int kFewRows = 8;
  void UseThreads(Rows rows, int threads) { (rows == Rows::kFew ? few_threads_ : many_threads_) = threads; }
  int threads(Rows rows) const { return rows == Rows::kFew ? few_threads_ : many_threads_; }
  int threads() const { return backend_->threads(); }
  PlanLayout layout() const { return plan_->layout(); }
  // Row i of the last step's logits, [vocabulary], in the order of the work.
  std::span<const float> Logits(int i) const;
  // All rows of the graph's output i in the last step; of output 0, the logits.
  std::span<const float> Output(size_t i) const { return plan_->Output(i); }

  // A KV cache like the runner's own, with numbers of another type; and to run with another from now on.
  std::unique_ptr<KvStore> MakeKv(KvType type) const;
  void SwapKv(std::unique_ptr<KvStore>* kv) { kv_.swap(*kv); }
  KvStore& kv() { return *kv_; }  // between steps

  const LoadedModel& model() const { return *model_; }
  const Graph& graph() const { return graph_; }  // what a step runs
  int context() const { return context_; }
  int sequences() const { return sequences_; }
  int kv_blocks() const { return kv_->blocks(); }
  // What layers see that have blocks of their own, and how many of these there are; 0: no such layers.
  int window_tokens() const { return window_tokens_; }
  int window_blocks() const { return kv_->window_blocks(); }
  int step_tokens() const { return limits_.tokens; }
  int step_outputs() const { return limits_.outputs; }
  // The most tokens of a source; 0: the model has no encoder beside its decoder.
  int source_tokens() const { return source_plan_ == nullptr ? 0 : context_; }
  RunnerBytes bytes() const;
  PlanBytes plan_bytes() const { return plan_->bytes(); }
  PlanOps plan_ops() const { return plan_->ops(); }
  // Of reading a source, if the model has an encoder beside its decoder.
  PlanOps source_ops() const { return source_plan_ == nullptr ? PlanOps{} : source_plan_->ops(); }
  // How often each expert was chosen so far, per MoE layer. Between steps; the runner's memory.
  std::vector<ExpertCounts> expert_counts() const { return plan_->expert_counts(); }
  KvType kv_type() const { return kv_->type(); }
  KvType usual_kv_type() const { return usual_kv_type_; }  // where the options name none
  size_t kv_token_bytes() const;
  // What a step reads per token of a sequence's past, and per token of its source.
  size_t kv_read_bytes() const { return kv_read_bytes_; }
  std::string device() const { return backend_->description(); }
  const std::shared_ptr<Backend>& backend() const { return backend_; }
  const std::vector<PassReport>& passes() const { return passes_; }

 private:
  Runner() = default;
  Status PrepareSource(const PassContext& passes, const RunnerOptions& options);
  Status CheckWork(std::span<const StepRows> work) const;
  Status CheckTokens(std::span<const int32_t> tokens) const;
  void FillBatch(std::span<const StepRows> work);
  Batch batch() const { return {tokens_, positions_, output_rows_, spans_, token_types_, likeliest_}; }
  Status RunPlan();

  std::shared_ptr<const LoadedModel> model_;
  Graph graph_;
  std::optional<Graph> source_graph_;
  std::vector<PassReport> passes_;
  int context_ = 0, sequences_ = 0, window_tokens_ = 0;
  StepLimits limits_;
  std::shared_ptr<Backend> backend_;
  std::unique_ptr<Plan> plan_, source_plan_;
  std::unique_ptr<KvStore> kv_;
  size_t kv_read_bytes_ = 0;
  KvType usual_kv_type_ = KvType::kF16;
  std::vector<int32_t> tokens_, positions_, output_rows_, token_types_;
  std::vector<SequenceSpan> spans_;
  std::vector<WantedLogits> likeliest_;
  int few_threads_ = 1, many_threads_ = 1;
  StepProfile* profile_ = nullptr;
};

}  // namespace tern
