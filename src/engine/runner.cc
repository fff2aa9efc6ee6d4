#include "engine/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/cgroup.h"
#include "engine/packed_file_paths.h"
#include "kv/prefix_tree.h"
#include "ops/attention.h"

namespace tern {
namespace {

size_t BlocksFor(size_t tokens) { return (tokens + kKvBlockTokens - 1) / kKvBlockTokens; }

size_t HalfOfMemory(const RunnerOptions& options) {
  return (options.memory_bytes > 0 ? options.memory_bytes : UsableMemory()) / 2;
}

// What the KV cache may take.
struct KvBudget {
  size_t bytes = 0;
  size_t memory = 0, weights = 0, activations = 0;

  std::string Text() const {
    return fmt::format(
        "at most {} MiB allowed (of {} MiB of memory, beside {} MiB of weights and {} MiB of activations)",
        bytes >> 20, memory >> 20, weights >> 20, activations >> 20);
  }
};

// Half of the memory, or what weights, a step and the rest of the process leave of it. Weights that lie in a
// file can be read again: of those that fill the memory, some gives way.
KvBudget BudgetFor(const LoadedModel& model, const RunnerOptions& options, size_t activations) {
  KvBudget budget{.memory = options.memory_bytes > 0 ? options.memory_bytes : UsableMemory(),
                  .weights = model.checkpoint->file_bytes(),
                  .activations = std::min(activations, HalfOfMemory(options))};
  constexpr size_t kProcess = size_t{32} << 20;
  const size_t others = options.memory_bytes > 0 ? 0 : kProcess + budget.memory / 16;
  const size_t taken = budget.weights + budget.activations + others;
  const size_t left = budget.memory > taken ? budget.memory - taken : 0;
  const size_t least = options.cache_weights ? budget.memory / 8 : 0;
  budget.bytes = std::clamp(left, least, budget.memory / 2);
  if (options.most_kv_bytes > 0) budget.bytes = std::min(budget.bytes, options.most_kv_bytes);
  return budget;
}

struct KvSize {
  int context;
  size_t blocks;
};

// What blocks take: of layers with a window, if they have their own, there are fewer.
struct KvCost {
  size_t block_bytes = 0, window_block_bytes = 0;
  size_t least_window_blocks = 0;  // for all sequences at once; 0: there are none

  // A quarter of all are for what prompts to come may begin with.
  size_t WindowBlocks(size_t blocks) const {
    if (least_window_blocks == 0) return 0;
    return std::min(blocks, std::max(least_window_blocks, (blocks + 3) / 4));
  }
  size_t Bytes(size_t blocks) const {
    return blocks * block_bytes + WindowBlocks(blocks) * window_block_bytes;
  }
  // How many fit, at most as many as there are ids.
  size_t MostBlocks(size_t bytes) const {
    size_t fit = 0, beyond = size_t{std::numeric_limits<int32_t>::max()} + 1;
    while (fit + 1 < beyond) {
      const size_t middle = fit + (beyond - fit) / 2;
      (Bytes(middle) <= bytes ? fit : beyond) = middle;
    }
    return fit;
  }
};

// Of `layers`, those whose KV the graph writes. Others, which passes left out, keep their number and no
// width.
void AddWritten(const Graph& graph, const std::vector<KvLayer>& layers, std::vector<KvLayer>& written) {
  for (const Node& node : graph.nodes()) {
    if (node.op->name != "kv_append") continue;
    const auto layer = static_cast<size_t>(node.attrs.Int("layer"));
    written[layer] = layers[layer];
  }
  for (const Node& node : graph.nodes()) {
    if (node.op->name != "attention" || node.attrs.Float("keep", 0) == 0) continue;
    written[static_cast<size_t>(node.attrs.Int("layer"))].means = true;
  }
}

// The widest window of layers that all attention sees through one, and marks them; 0: there are none, or the
// context is no longer.
int MarkWindowed(const Graph& graph, int context, std::vector<KvLayer>& layers) {
  std::vector<int> windows(layers.size(), 0);
  std::vector<bool> is_seen_whole(layers.size(), false);
  for (const Node& node : graph.nodes()) {
    if (node.op->name != "attention") continue;
    const AttentionForm form = ParseAttention(node.attrs).value();  // the graph is verified
    const auto layer = static_cast<size_t>(form.layer);
    if (form.window == 0 || form.window >= context || !form.causal || form.source)
      is_seen_whole[layer] = true;
    windows[layer] = std::max(windows[layer], form.window);
  }
  int widest = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (is_seen_whole[i] || windows[i] == 0 || layers[i].kv_heads == 0) continue;
    layers[i].windowed = true;
    widest = std::max(widest, windows[i]);
  }
  return widest;
}

// What sequences of so many tokens need. Those that share kv_tokens each waste less than a block.
size_t PoolBlocks(const RunnerOptions& options, size_t context) {
  const auto sequences = static_cast<size_t>(options.sequences);
  const size_t blocks = BlocksFor(context) * sequences;
  if (options.kv_tokens <= 0) return blocks;
  return std::min(blocks, BlocksFor(static_cast<size_t>(options.kv_tokens)) + sequences);
}

KvCost CostOf(const std::vector<KvLayer>& layers, KvType type, int window_tokens,
              const RunnerOptions& options) {
  KvCost cost{.block_bytes = KvStore::BlockBytes(layers, type),
              .window_block_bytes = KvStore::BlockBytes(layers, type, true)};
  if (window_tokens == 0) return cost;
  const int each = WindowBlocks(window_tokens, LimitsOf(options).tokens, kKvBlockTokens);
  cost.least_window_blocks = static_cast<size_t>(each) * static_cast<size_t>(options.sequences);
  return cost;
}

// All there may be, for sequences of which not all are as long as the context.
Result<KvSize> ShareBlocks(const RunnerOptions& options, int context, size_t blocks, const KvCost& cost,
                           const KvBudget& budget) {
  if (BlocksFor(static_cast<size_t>(context)) <= blocks) return KvSize{context, blocks};
  if (options.context == 0 && blocks > 0) return KvSize{static_cast<int>(blocks * kKvBlockTokens), blocks};
  return Exhausted(fmt::format("context: {} tokens take {} MiB of KV cache, {}: {} tokens fit", context,
                               cost.Bytes(BlocksFor(static_cast<size_t>(context))) >> 20, budget.Text(),
                               blocks * kKvBlockTokens));
}

// A context that was asked for and does not fit is an error; the model's own is cut down.
Result<KvSize> FitContext(const LoadedModel& model, const RunnerOptions& options, const KvCost& cost,
                          const KvBudget& budget) {
  const int wanted = options.context > 0 ? options.context : model.hparams().context;
  const size_t most_blocks = cost.MostBlocks(budget.bytes);
  const size_t blocks = PoolBlocks(options, static_cast<size_t>(wanted));
  if (blocks <= most_blocks) return KvSize{wanted, blocks};
  if (options.kv_tokens < 0) return ShareBlocks(options, wanted, most_blocks, cost, budget);
  const size_t each = most_blocks / static_cast<size_t>(options.sequences);
  if (options.context == 0 && options.kv_tokens == 0 && each > 0) {
    return KvSize{static_cast<int>(each * kKvBlockTokens), each * static_cast<size_t>(options.sequences)};
  }
  const bool shared = options.kv_tokens > 0;
  return Exhausted(
      fmt::format("context: {} tokens for {} {} sequences take {} MiB of KV cache, {}: {} tokens fit",
                  shared ? options.kv_tokens : wanted, shared ? "all of" : "each of", options.sequences,
                  cost.Bytes(blocks) >> 20, budget.Text(), (shared ? most_blocks : each) * kKvBlockTokens));
}

// What a step takes.
size_t ArenaBytes(const Graph& graph, const StepLimits& limits, const Target& target) {
  return PlanArena(graph, limits, target.Stages(graph)).bytes;
}

// A model's sizes may ask for more than any machine has: said before memory is taken.
Status CheckArena(size_t bytes, const StepLimits& limits, const RunnerOptions& options) {
  const size_t budget = HalfOfMemory(options);
  if (bytes <= budget) return {};
  return Exhausted(
      fmt::format("activations: a step of {} tokens takes {} MiB, at most {} MiB (half of the memory "
                  "there is) allowed",
                  limits.tokens, bytes >> 20, budget >> 20));
}

WeightFiles FilesOf(const LoadedModel& model, const RunnerOptions& options, PackedPart part) {
  // Of an encoder-decoder both plans are needed for the first token.
  WeightFiles files{.sources = model.checkpoint->files(),
                    .pack_later = options.pack_later && !model.built.source};
  if (options.cache_weights) {
    files.cache_paths = PackedFilePaths(std::string(model.checkpoint->path()), options.cache_folder, part);
  }
  return files;
}

// Codes where attention multiplies codes, so that it need not make them anew in every step.
KvType ChooseKvType(const Graph& graph, Precision precision) {
  for (const Node& node : graph.nodes()) {
    if (node.op->name == "attention" && node.attrs.Int("int16", 0) != 0) return KvType::kInt16;
  }
  return precision == Precision::kExact ? KvType::kF32 : KvType::kF16;
}

}  // namespace

StepLimits LimitsOf(const RunnerOptions& options) {
  StepLimits limits;
  limits.tokens = std::max(options.step_tokens, options.sequences);
  limits.outputs = std::min(std::max(options.step_outputs, options.sequences), limits.tokens);
  return limits;
}

Runner::~Runner() = default;

Result<std::unique_ptr<Runner>> Runner::Make(std::shared_ptr<const LoadedModel> model,
                                             const RunnerOptions& options, std::shared_ptr<Backend> backend) {
  std::unique_ptr<Runner> runner(new Runner());
  runner->model_ = std::move(model);
  const LoadedModel& loaded = *runner->model_;
  runner->backend_ = std::move(backend);
  if (runner->backend_ == nullptr) {
    TERN_TRY(runner->backend_, OpenBackend(options.backend, {.threads = options.threads}));
  }
  runner->few_threads_ = runner->many_threads_ = runner->backend_->threads();
  runner->graph_ = loaded.built.graph;
  const PassContext passes{.target = *runner->backend_,
                           .precision = options.precision,
                           .granted = options.granted,
                           .int8_kv = options.kv_type == KvType::kInt8};
  TERN_TRY(runner->passes_, RunPasses(runner->graph_, passes, options.disabled_passes));

  runner->usual_kv_type_ = ChooseKvType(runner->graph_, options.precision);
  const KvType type = options.kv_type.value_or(runner->usual_kv_type_);
  std::vector<KvLayer> layers(loaded.built.kv_layers.size());
  AddWritten(runner->graph_, loaded.built.kv_layers, layers);
  runner->kv_read_bytes_ = KvStore::BlockBytes(layers, type) / kKvBlockTokens;
  if (loaded.built.source) AddWritten(*loaded.built.source, loaded.built.kv_layers, layers);
  if (options.own_window_blocks && !loaded.built.source) {
    const int context = options.context > 0 ? options.context : loaded.hparams().context;
    runner->window_tokens_ = MarkWindowed(runner->graph_, context, layers);
  }
  const KvCost cost = CostOf(layers, type, runner->window_tokens_, options);
  runner->limits_ = LimitsOf(options);
  const size_t activations = ArenaBytes(runner->graph_, runner->limits_, *runner->backend_);
  TERN_TRY(const KvSize size, FitContext(loaded, options, cost, BudgetFor(loaded, options, activations)));
  runner->context_ = size.context;
  runner->limits_.context = size.context;
  TERN_TRY_STATUS(CheckArena(activations, runner->limits_, options));
  TERN_TRY(runner->plan_, runner->backend_->Prepare(runner->graph_, runner->limits_,
                                                    FilesOf(loaded, options, PackedPart::kSteps)));
  if (loaded.built.source) TERN_TRY_STATUS(runner->PrepareSource(passes, options));

  const auto blocks = static_cast<int>(size.blocks);
  runner->kv_ = std::make_unique<KvStore>(std::move(layers), type, blocks,
                                          static_cast<int>(cost.WindowBlocks(size.blocks)));
  runner->sequences_ = options.sequences;
  const auto rows = static_cast<size_t>(std::max(runner->limits_.tokens, runner->source_tokens()));
  runner->tokens_.reserve(rows);
  runner->positions_.reserve(rows);
  runner->output_rows_.reserve(rows);
  runner->token_types_.reserve(rows);
  runner->likeliest_.reserve(static_cast<size_t>(runner->limits_.outputs));
  runner->spans_.reserve(static_cast<size_t>(options.sequences));
  return runner;
}

// A source is one step, and may be as long as an answer.
Status Runner::PrepareSource(const PassContext& passes, const RunnerOptions& options) {
  source_graph_ = model_->built.source;
  TERN_TRY([[maybe_unused]] const auto reports, RunPasses(*source_graph_, passes, options.disabled_passes));
  const StepLimits limits{.tokens = context_, .outputs = 1};
  TERN_TRY_STATUS(CheckArena(ArenaBytes(*source_graph_, limits, *backend_), limits, options));
  TERN_TRY(source_plan_,
           backend_->Prepare(*source_graph_, limits, FilesOf(*model_, options, PackedPart::kSource)));
  return {};
}

Status Runner::CheckTokens(std::span<const int32_t> tokens) const {
  for (const int32_t token : tokens) {
    if (token >= 0 && token < model_->hparams().vocabulary) continue;
    return BadInput(fmt::format("token id {}: outside the vocabulary, expected 0 to {}", token,
                                model_->hparams().vocabulary - 1));
  }
  return {};
}

Status Runner::CheckWork(std::span<const StepRows> work) const {
  size_t rows = 0, outputs = 0;
  TERN_CHECK(work.size() <= static_cast<size_t>(sequences_));
  for (const StepRows& w : work) {
    const size_t end = static_cast<size_t>(w.first_position) + w.tokens.size();
    if (end > static_cast<size_t>(context_)) {
      return Exhausted(fmt::format("context: {} tokens wanted, the context holds {}", end, context_));
    }
    if (source_plan_ != nullptr && w.source_tokens == 0) {
      return BadInput("step: the sequence has no source, expected one that the encoder has read");
    }
    if (model_->built.encoder && w.first_position > 0) {
      return BadInput(fmt::format("step: {} tokens behind {}, an encoder takes a text in one step",
                                  w.tokens.size(), w.first_position));
    }
    TERN_TRY_STATUS(CheckTokens(w.tokens));
    rows += w.tokens.size();
    if (w.logits != WantLogits::kNone) outputs += w.logits == WantLogits::kAll ? w.tokens.size() : 1;
  }
  if (rows > static_cast<size_t>(limits_.tokens) || outputs > static_cast<size_t>(limits_.outputs)) {
    return Exhausted(fmt::format("step: {} rows and {} outputs, at most {} and {}", rows, outputs,
                                 limits_.tokens, limits_.outputs));
  }
  return {};
}

// Lays the work's rows one after another.
void Runner::FillBatch(std::span<const StepRows> work) {
  tokens_.clear();
  positions_.clear();
  output_rows_.clear();
  token_types_.clear();
  spans_.clear();
  likeliest_.clear();
  for (const StepRows& w : work) {
    const int rows = static_cast<int>(w.tokens.size());
    const int first_row = static_cast<int>(tokens_.size());
    for (int i = 0; i < rows; ++i) {
      tokens_.push_back(w.tokens[static_cast<size_t>(i)]);
      positions_.push_back(w.first_position + i);
      token_types_.push_back(w.token_types.empty() ? 0 : w.token_types[static_cast<size_t>(i)]);
      const bool wanted = w.logits == WantLogits::kAll || (w.logits == WantLogits::kLast && i == rows - 1);
      if (!wanted) continue;
      output_rows_.push_back(first_row + i);
      const bool told = !w.likeliest_of_all.empty();
      likeliest_.push_back(w.logits == WantLogits::kLast ? w.likeliest
                           : told                        ? w.likeliest_of_all[static_cast<size_t>(i)]
                                                         : WantedLogits{});
    }
    spans_.push_back({first_row, rows, w.first_position, w.blocks, w.source_tokens, w.window_blocks});
  }
}

Status Runner::RunPlan() {
  if (profile_ != nullptr) return plan_->Profile(batch(), kv_.get(), profile_);
  return plan_->Run(batch(), kv_.get());
}

Status Runner::ReadSource(std::span<const int32_t> source, std::span<const BlockId> blocks) {
  if (source_plan_ == nullptr)
    return Unsupported("source: the model has no encoder, expected an encoder-decoder");
  if (source.empty() || source.size() > static_cast<size_t>(context_)) {
    return Exhausted(
        fmt::format("source: {} tokens, expected 1 to {}, the context", source.size(), context_));
  }
  TERN_TRY_STATUS(CheckTokens(source));
  const StepRows work{.tokens = source, .blocks = blocks, .logits = WantLogits::kNone};
  FillBatch({&work, 1});
  return source_plan_->Run(batch(), kv_.get());
}

Status Runner::Step(std::span<const StepRows> work) {
  TERN_TRY_STATUS(CheckWork(work));
  FillBatch(work);
  plan_->UseThreads(tokens_.size() <= kFewRows ? few_threads_ : many_threads_);
  return RunPlan();
}

std::span<const float> Runner::Logits(int i) const {
  const auto width = static_cast<size_t>(model_->built.output_width());
  return plan_->Output(0).subspan(static_cast<size_t>(i) * width, width);
}

RunnerBytes Runner::bytes() const {
  PlanBytes plan = plan_->bytes();
  if (source_plan_ != nullptr) {
    const PlanBytes source = source_plan_->bytes();
    plan.weights += source.weights;
    plan.mapped += source.mapped;
    plan.arena += source.arena;
    plan.scratch += source.scratch;
  }
  return {.file = model_->checkpoint->file_bytes(),
          .packed_weights = plan.weights,
          .kv = kv_->bytes(),
          .window_kv = kv_->window_bytes(),
          .mapped_weights = plan.mapped,
          .arena = plan.arena + plan.scratch};
}

std::unique_ptr<KvStore> Runner::MakeKv(KvType type) const {
  std::vector<KvLayer> layers;
  for (int i = 0; i < kv_->layers(); ++i) layers.push_back(kv_->layer(i));
  return std::make_unique<KvStore>(std::move(layers), type, kv_->blocks(), kv_->window_blocks());
}

size_t Runner::kv_token_bytes() const {
  return kv_->bytes() / static_cast<size_t>(kv_->blocks()) / kKvBlockTokens;
}

}  // namespace tern
