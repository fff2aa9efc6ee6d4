// The op `linear` by the kernels in linear/.

#include <algorithm>

#include "backends/cpu/linear/linear.h"
#include "backends/cpu/linear/pack.h"
#include "backends/cpu/linear/screen.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "ops/linear.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

constexpr size_t kRowsAtATime = 8;

size_t MostRows(const StepContext& c) {
  const ValueType& x = c.input(0).type;
  return ValueBytes(x, c.limits) / RowBytes(x.elem, x.shape.back());
}

size_t BytesOf(const View& rows) { return RowBytes(rows.elem, rows.cols()); }

class LinearStep : public CpuStep {
 public:
  LinearStep(LinearPlan plan, const LinearForm& form, size_t packed_bytes, const StepContext& c)
      : CpuStep({.scratch_bytes = plan.scratch_bytes(),
                 .shared_bytes = plan.rounded_row_bytes() * MostRows(c),
                 .phases = plan.rounded_row_bytes() > 0 ? 2 : 1}),
        plan_(std::move(plan)),
        residual_input_(form.has_residual ? form.residual_input() : 0),
        packed_bytes_(packed_bytes),
        threads_(c.threads),
        outputs_(form.outputs()) {}

  // With two phases the first rounds the rows, where that pays.
  StepTasks Bind(const OpArgs& args, const StepMemory& memory) override {
    const View& x = args.inputs[0];
    const int rows = static_cast<int>(x.rows());
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs_[i] = {args.outputs[i].data, BytesOf(args.outputs[i])};
    }
    args_ = {.rows = rows,
             .x = x.data,
             .x_stride = BytesOf(x),
             .x_precise = x.elem == Elem::kQ16,
             .outputs = outputs_.data(),
             .residual = nullptr,
             .residual_stride = 0};
    if (residual_input_ > 0) {
      args_.residual = args.inputs[residual_input_].f32();
      args_.residual_stride = BytesOf(args.inputs[residual_input_]);
    }
    if (plan_.RoundsAhead(rows)) args_.rounded = static_cast<const uint8_t*>(memory.shared);
    if (needs().phases == 2 && memory.phase == 0) {
      return {args_.rounded == nullptr ? 0 : static_cast<size_t>(rows), kRowsAtATime};
    }
    if (rows == 0) return {};
    return {plan_.tasks(), plan_.ChunkTasks(rows, threads_)};
  }

  void Run(const OpArgs&, size_t begin, size_t end, const StepMemory& memory) override {
    if (needs().phases == 2 && memory.phase == 0) {
      return plan_.RoundRows(args_, static_cast<int>(begin), static_cast<int>(end),
                             static_cast<uint8_t*>(memory.shared));
    }
    plan_.Run(args_, begin, end, memory.scratch);
  }

  StepCost cost() const override {
    return {plan_.int8_ops_per_row(), plan_.f32_ops_per_row(), plan_.stream_bytes(), packed_bytes_};
  }

 private:
  LinearPlan plan_;
  size_t residual_input_;  // 0: none
  size_t packed_bytes_;
  int threads_;
  std::vector<LinearArgs::Output> outputs_;
  LinearArgs args_;
};

// Steps that are not screened after one in which that did not pay.
constexpr int kScreenPause = 64;
// Rows of the weight that cost as much to multiply alone as to read the lower plane of all.
constexpr size_t kScreenShare = 8;

// A linear that screens its few rows where of each only the largest outputs are wanted.
class ScreenedStep : public CpuStep {
 public:
  ScreenedStep(std::unique_ptr<LinearStep> all, std::unique_ptr<LinearScreen> screen,
               std::shared_ptr<const PackedWeight> weight)
      : CpuStep(
            {.scratch_bytes = std::max(all->needs().scratch_bytes, screen->scratch_bytes()), .phases = 4}),
        all_(std::move(all)),
        screen_(std::move(screen)),
        weight_(std::move(weight)) {}

  StepTasks Bind(const OpArgs& args, const StepMemory& memory) override {
    if (memory.phase == 0) ChooseScreen(args);
    if (!screens_) return memory.phase == 0 ? all_->Bind(args, memory) : StepTasks{};
    const size_t rows = args_.wanted.size(), panels = screen_->panels();
    if (memory.phase == 0) return {rows, 1};
    if (memory.phase == 1) return {panels, std::max<size_t>(1, panels / 16)};
    if (memory.phase == 2) return {rows * screen_->guesses(), 1};
    return {rows * panels, std::max<size_t>(1, panels / 64)};
  }

  void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) override {
    if (!screens_) return all_->Run(args, begin, end, memory);
    if (memory.phase == 0) screen_->Prepare(args_, begin, end);
    if (memory.phase == 1) screen_->Bound(args_, begin, end, memory.scratch);
    if (memory.phase == 2) screen_->Guess(args_, begin, end, memory.scratch);
    if (memory.phase == 3) screen_->Settle(args_, begin, end, memory.scratch);
  }

  // Of a row that is screened.
  StepCost cost() const override {
    StepCost cost = all_->cost();
    cost.stream_bytes = screen_->upper_bytes();
    return cost;
  }

 private:
  void ChooseScreen(const OpArgs& args) {
    const auto channels = static_cast<size_t>(args.outputs[0].cols());
    const std::span<const WantedLogits> wanted = args.batch.likeliest;
    if (screens_ && screen_->TakeSettled() > args_.wanted.size() * channels / kScreenShare) {
      pause_ = kScreenPause;
    }
    const bool few = !wanted.empty() && wanted.size() <= kMaxScreenedRows &&
                     wanted.size() == static_cast<size_t>(args.outputs[0].rows()) &&
                     std::all_of(wanted.begin(), wanted.end(), [](const WantedLogits& w) {
                       return w.count > 0 && w.count <= kMaxScreened;
                     });
    screens_ = few && pause_ == 0 && weight_->in_use();
    if (few && pause_ > 0) --pause_;
    args_ = {static_cast<const uint8_t*>(args.inputs[0].data), BytesOf(args.inputs[0]), args.outputs[0].f32(),
             wanted};
  }

  std::unique_ptr<LinearStep> all_;
  std::unique_ptr<LinearScreen> screen_;
  std::shared_ptr<const PackedWeight> weight_;
  LinearScreen::Args args_;
  bool screens_ = false;
  int pause_ = 0;
};

bool Supports(const OpKey& key) {
  if (key.variant == "likeliest") {
    return key.weight != nullptr && key.activation == Elem::kQ16 && HasPlanes(*key.weight);
  }
  return key.weight == nullptr || key.activation == Elem::kF32 || key.weight->int_form.bits != 0;
}

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  TERN_TRY(const LinearForm form, ParseLinear(c.node.attrs, c.input(0).type.elem));
  LinearSpec spec;
  spec.residual = form.has_residual;
  spec.output = form.output;
  TERN_TRY(spec.glu, ParseGlu(form.glu));
  const bool screened = form.likeliest && form.activation[0] == Elem::kQ16 &&
                        c.input(0).type.elem == Elem::kQ16 && HasPlanes(*c.input(1).type.format);
  size_t packed_bytes = 0;
  std::vector<std::shared_ptr<const float>> biases;  // copied by Make
  for (size_t i = 0; i < form.weights; ++i) {
    const Value& weight = c.input(1 + i);
    const PackForm pack = screened
                              ? PackForm::kPlanes
                              : ChoosePackForm(*weight.type.format, form.activation[i], form.round, c.isa);
    TERN_TRY(auto packed, c.weights.Packed(weight, pack));
    packed_bytes += packed->bytes();
    if (form.has_bias) biases.push_back(c.weights.Floats(c.input(form.bias_input(i))));
    spec.parts.push_back({packed, form.activation[i], form.has_bias ? biases.back().get() : nullptr});
  }
  const std::shared_ptr<const PackedWeight> first = spec.parts[0].weight;
  auto plan = LinearPlan::Make(std::move(spec), c.isa);
  if (!plan.ok()) return Error{plan.error().code, c.input(1).name + ": " + plan.error().what};
  auto step = std::make_unique<LinearStep>(std::move(plan).value(), form, packed_bytes, c);
  if (!screened) return std::unique_ptr<CpuStep>(std::move(step));
  return std::unique_ptr<CpuStep>(std::make_unique<ScreenedStep>(
      std::move(step), std::make_unique<LinearScreen>(first, c.isa, c.threads), first));
}

}  // namespace
extern const CpuOpDesc k_cpuop_linear;
const CpuOpDesc k_cpuop_linear = {.name = "linear", .supports = Supports, .prepare = Prepare};
}  // namespace tern
