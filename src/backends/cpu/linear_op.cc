// The op `linear` by the kernels in linear/.

#include "backends/cpu/linear/linear.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "ops/linear.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

size_t BytesOf(const View& rows) { return RowBytes(rows.elem, rows.cols()); }

class LinearStep : public CpuStep {
 public:
  LinearStep(LinearPlan plan, const LinearForm& form, size_t packed_bytes, int threads)
      : CpuStep({.scratch_bytes = plan.scratch_bytes()}),
        plan_(std::move(plan)),
        residual_input_(form.has_residual ? form.residual_input() : 0),
        packed_bytes_(packed_bytes),
        threads_(threads),
        outputs_(form.outputs()) {}

  StepTasks Bind(const OpArgs& args, const StepMemory&) override {
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
    if (rows == 0) return {};
    return {plan_.tasks(), plan_.ChunkTasks(rows, threads_)};
  }

  void Run(const OpArgs&, size_t begin, size_t end, const StepMemory& memory) override {
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

bool Supports(const OpKey& key) {
  return key.weight == nullptr || key.activation == Elem::kF32 || key.weight->int_form.bits != 0;
}

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  TERN_TRY(const LinearForm form, ParseLinear(c.node.attrs, c.input(0).type.elem));
  LinearSpec spec;
  spec.residual = form.has_residual;
  spec.output = form.output;
  TERN_TRY(spec.glu, ParseGlu(form.glu));
  size_t packed_bytes = 0;
  std::vector<std::shared_ptr<const float>> biases;  // copied by Make
  for (size_t i = 0; i < form.weights; ++i) {
    const Value& weight = c.input(1 + i);
    const PackForm pack = ChoosePackForm(*weight.type.format, form.activation[i], form.int16);
    TERN_TRY(auto packed, c.weights.Packed(weight, pack));
    packed_bytes += packed->bytes();
    if (form.has_bias) biases.push_back(c.weights.Floats(c.input(form.bias_input(i))));
    spec.parts.push_back({packed, form.activation[i], form.has_bias ? biases.back().get() : nullptr});
  }
  auto plan = LinearPlan::Make(std::move(spec), c.isa);
  if (!plan.ok()) return Error{plan.error().code, c.input(1).name + ": " + plan.error().what};
  return std::unique_ptr<CpuStep>(
      std::make_unique<LinearStep>(std::move(plan).value(), form, packed_bytes, c.threads));
}

}  // namespace
extern const CpuOpDesc k_cpuop_linear;
const CpuOpDesc k_cpuop_linear = {.name = "linear", .supports = Supports, .prepare = Prepare};
}  // namespace tern
