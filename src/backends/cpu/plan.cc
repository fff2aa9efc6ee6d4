#include "backends/cpu/plan.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tern {
namespace {

constexpr size_t kCacheLine = 64;

size_t AlignUp(size_t n) { return (n + kCacheLine - 1) / kCacheLine * kCacheLine; }

// The symbol or number of rows that a node's work goes by.
int64_t RowDim(const Graph& graph, const Node& node) {
  const ValueType& out = graph.value(node.outputs[0]).type;
  const Shape& shape = out.shape.empty() ? graph.value(node.inputs[0]).type.shape : out.shape;
  return shape.empty() ? 1 : shape[0];
}

Result<std::unique_ptr<CpuStep>> MakeStep(const StepContext& context) {
  const CpuOpDesc* op = FindCpuOp(context.node.op->name);
  if (op == nullptr) return MakeReferenceStep(*context.node.op);
  auto step = op->prepare(context);
  if (!step.ok()) return Error{step.error().code, std::string(op->name) + ": " + step.error().what};
  if (step.value()->needs().row_wise != op->row_wise) {
    return Error{Code::kInternal,
                 std::string(op->name) + ": row_wise of its descriptor and of its step differ"};
  }
  return step;
}

bool IsRowWise(const Node& node) {
  const CpuOpDesc* op = FindCpuOp(node.op->name);
  return op != nullptr && op->row_wise;
}

}  // namespace

// A row-wise node joins the stage of the row-wise nodes before it, if they go by the same rows.
std::vector<int> StagesOf(const Graph& graph) {
  std::vector<int> stage_of_node;
  int stage = -1;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const bool joins = i > 0 && IsRowWise(node) && IsRowWise(graph.nodes()[i - 1]) &&
                       RowDim(graph, node) == RowDim(graph, graph.nodes()[i - 1]);
    stage += joins ? 0 : 1;
    stage_of_node.push_back(stage);
  }
  return stage_of_node;
}

Result<std::unique_ptr<CpuPlan>> CpuPlan::Make(const Graph& graph, const StepLimits& limits,
                                               const WeightFiles& files, std::shared_ptr<CpuDevice> device) {
  TERN_TRY_STATUS(Verify(graph));
  std::unique_ptr<CpuPlan> plan(new CpuPlan(std::move(device)));
  plan->rules_ = RulesOf(graph, limits);
  TERN_TRY_STATUS(plan->PrepareSteps(graph, limits, files));
  const std::vector<int> stages = StagesOf(graph);
  plan->GroupStages(stages);
  TERN_TRY_STATUS(plan->LayOut(graph, stages));
  plan->CountCosts(graph);
  return plan;
}

Status CpuPlan::PrepareSteps(const Graph& graph, const StepLimits& limits, const WeightFiles& files) {
  WeightCache::Packing packing(&device_->weights);
  steps_.resize(graph.nodes().size());
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Node& node = graph.nodes()[i];
    steps_[i].node = &node;
    for (const ValueId id : node.inputs) {
      if (steps_[i].weight.empty() && graph.value(id).is_weight()) steps_[i].weight = graph.value(id).name;
    }
    TERN_TRY(steps_[i].step,
             MakeStep({graph, node, limits, device_->isa, device_->team.threads(), device_->weights}));
  }
  WeightCache::Filled filled = packing.Fill(files);
  bytes_.mapped = filled.mapped_bytes;
  writer_ = std::move(filled.writer);
  later_ = filled.later;
  if (later_ != 0) later_files_ = files;
  return {};
}

void CpuPlan::PackLater() {
  if (later_ == 0) return;
  WeightCache::Filled filled = device_->weights.FillLater(std::exchange(later_, 0), later_files_);
  bytes_.mapped = filled.mapped_bytes;
  writer_ = std::move(filled.writer);
}

// The next start is to find a file even if this one took a single step.
CpuPlan::~CpuPlan() {
  if (has_run_ && !later_files_.cache_paths.empty()) PackLater();
  if (later_ != 0) device_->weights.DropLater(later_);
}

// For the lifetimes of values, a node's phases count as one stage.
void CpuPlan::GroupStages(const std::vector<int>& stage_of_node) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (i > 0 && stage_of_node[i] == stage_of_node[i - 1]) {
      stages_.back()->last = i + 1;
      continue;
    }
    for (int phase = 0; phase < steps_[i].step->needs().phases; ++phase) {
      stages_.push_back(std::make_unique<Stage>());
      stages_.back()->first = i;
      stages_.back()->last = i + 1;
      stages_.back()->phase = phase;
    }
  }
}

Status CpuPlan::LayOut(const Graph& graph, const std::vector<int>& stage_of_node) {
  const ArenaPlan arena = PlanArena(graph, rules_.limits, stage_of_node);
  arena_ = Buffer(arena.bytes);
  tokens_.resize(static_cast<size_t>(rules_.limits.tokens));
  positions_.resize(static_cast<size_t>(rules_.limits.tokens));
  token_types_.resize(static_cast<size_t>(rules_.limits.tokens));
  output_rows_.resize(static_cast<size_t>(rules_.limits.outputs));
  for (Bound& bound : steps_) {
    for (const ValueId id : bound.node->inputs) {
      TERN_TRY(View view, MakeView(graph, id, arena));
      bound.inputs.push_back(std::move(view));
    }
    for (const ValueId id : bound.node->outputs) {
      TERN_TRY(View view, MakeView(graph, id, arena));
      bound.outputs.push_back(std::move(view));
    }
  }
  for (const ValueId id : graph.outputs()) {
    TERN_TRY(View view, MakeView(graph, id, arena));
    if (view.elem != Elem::kF32) {
      return Unsupported(graph.value(id).name + ": graph output of type " + std::string(ElemName(view.elem)) +
                         ", expected f32");
    }
    results_.push_back(std::move(view));
  }
  FindSymbolicRows();
  size_t scratch = 0, shared = 0;
  for (const Bound& bound : steps_) {
    scratch = std::max(scratch, bound.step->needs().scratch_bytes);
    shared = std::max(shared, bound.step->needs().shared_bytes);
  }
  scratch_bytes_ = AlignUp(scratch);
  scratch_ = Buffer(scratch_bytes_ * static_cast<size_t>(device_->team.threads()));
  shared_ = Buffer(shared);
  bytes_.arena = arena_.bytes();
  bytes_.scratch = scratch_.bytes() + shared_.bytes();
  return {};
}

Result<View> CpuPlan::MakeView(const Graph& graph, ValueId id, const ArenaPlan& arena) {
  const Value& value = graph.value(id);
  View view{value.type.elem, value.type.shape, value.type.format, nullptr};
  const size_t offset = arena.offset[static_cast<size_t>(id)];
  if (value.is_weight()) {
    view.data = const_cast<void*>(value.data);
  } else if (offset != kNoOffset) {
    view.data = static_cast<char*>(arena_.data()) + offset;
  } else if (value.name == "tokens") {
    view.data = tokens_.data();
  } else if (value.name == "positions") {
    view.data = positions_.data();
  } else if (value.name == "token_types") {
    view.data = token_types_.data();
  } else if (value.name == "output_rows") {
    view.data = output_rows_.data();
  } else if (value.type.elem != Elem::kState) {
    return Unsupported(value.name + ": graph input, expected tokens, positions, token_types or output_rows");
  }
  return view;
}

void CpuPlan::FindSymbolicRows() {
  const auto note = [this](std::vector<View>& views) {
    for (View& view : views) {
      if (view.shape.empty()) continue;
      if (view.shape[0] == kDimTokens) token_rows_.push_back(&view);
      if (view.shape[0] == kDimOutputs) output_row_views_.push_back(&view);
    }
  };
  for (Bound& bound : steps_) {
    note(bound.inputs);
    note(bound.outputs);
  }
  note(results_);
}

void CpuPlan::CountCosts(const Graph& graph) {
  for (const Bound& bound : steps_) {
    const StepCost cost = bound.step->cost();
    const bool per_output = RowDim(graph, *bound.node) == kDimOutputs;
    (per_output ? ops_.int8_per_output : ops_.int8_per_token) += cost.int8_ops_per_row;
    (per_output ? ops_.f32_per_output : ops_.f32_per_token) += cost.f32_ops_per_row;
    bytes_.step_weights += cost.stream_bytes;
    bytes_.weights += cost.packed_bytes;
  }
}

std::vector<ExpertCounts> CpuPlan::expert_counts() const {
  std::vector<ExpertCounts> counts;
  for (const Bound& bound : steps_) {
    const std::span<const uint64_t> rows = bound.step->expert_rows();
    if (!rows.empty()) counts.push_back({bound.weight, rows});
  }
  return counts;
}

void CpuPlan::UseThreads(int threads) { threads_ = std::clamp(threads, 1, device_->team.threads()); }

StepMemory CpuPlan::Memory(int thread, const Stage& stage) {
  char* scratch = static_cast<char*>(scratch_.data());
  if (scratch != nullptr) scratch += static_cast<size_t>(thread) * scratch_bytes_;
  return {scratch, shared_.data(), stage.phase};
}

void CpuPlan::SetRows(int tokens, int outputs) {
  if (tokens != rows_) {
    for (View* view : token_rows_) view->shape[0] = tokens;
  }
  if (outputs != output_count_) {
    for (View* view : output_row_views_) view->shape[0] = outputs;
  }
  rows_ = tokens;
  output_count_ = outputs;
}

void CpuPlan::BindStages(const Batch& batch, KvStore* kv) {
  const auto threads = static_cast<size_t>(threads_);
  for (const std::unique_ptr<Stage>& stage : stages_) {
    for (size_t i = stage->first; i < stage->last; ++i) {
      Bound& b = steps_[i];
      stage->tasks = b.step->Bind({b.inputs, b.outputs, b.node->attrs, batch, kv}, Memory(0, *stage));
    }
    // Chunks of rows small enough that the last ones keep every thread busy.
    if (steps_[stage->first].step->needs().row_wise) {
      stage->tasks.chunk = std::clamp<size_t>(stage->tasks.count / (threads * 8), 1, 16);
    }
    stage->counter.Reset(threads_);
  }
}

void CpuPlan::RunStages(const Batch& batch, KvStore* kv, int thread) {
  const TaskRanges::Place place{thread, threads_};
  for (const std::unique_ptr<Stage>& stage : stages_) {
    if (stage->tasks.count == 0) continue;
    const StepMemory memory = Memory(thread, *stage);
    stage->counter.ForEach(place, stage->tasks.count, stage->tasks.chunk, [&](size_t begin, size_t end) {
      for (size_t i = stage->first; i < stage->last; ++i) {
        const Bound& b = steps_[i];
        b.step->Run({b.inputs, b.outputs, b.node->attrs, batch, kv}, begin, end, memory);
      }
    });
    if (stage != stages_.back()) device_->team.Barrier(thread);
  }
}

Status CpuPlan::Bind(const Batch& batch, KvStore* kv) {
  TERN_TRY_STATUS(CheckBatch(batch, kv, rules_));
  std::copy(batch.tokens.begin(), batch.tokens.end(), tokens_.begin());
  std::copy(batch.positions.begin(), batch.positions.end(), positions_.begin());
  std::copy(batch.output_rows.begin(), batch.output_rows.end(), output_rows_.begin());
  std::fill_n(token_types_.begin(), batch.token_types.empty() ? batch.rows() : 0, 0);
  std::copy(batch.token_types.begin(), batch.token_types.end(), token_types_.begin());
  SetRows(batch.rows(), batch.outputs());
  BindStages(batch, kv);
  return {};
}

Status CpuPlan::Run(const Batch& batch, KvStore* kv) {
  if (has_run_) PackLater();
  TERN_TRY_STATUS(Bind(batch, kv));
  const auto hold = later_ != 0 ? device_->weights.Hold() : std::unique_lock<std::mutex>();
  has_run_ = true;
  device_->team.Run(threads_, [&](int thread) { RunStages(batch, kv, thread); });
  return {};
}

std::span<const float> CpuPlan::Output(size_t i) const {
  const View& view = results_[i];
  return {view.f32(), static_cast<size_t>(view.rows() * view.cols())};
}

}  // namespace tern
