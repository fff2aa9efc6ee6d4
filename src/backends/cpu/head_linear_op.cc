// The op `head_linear` by the kernels in linear/: a small linear for each head.

#include <algorithm>

#include "backends/cpu/linear/linear.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "ops/linear.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

class HeadLinearStep : public CpuStep {
 public:
  HeadLinearStep(std::vector<LinearPlan> heads, size_t packed_bytes, int threads)
      : CpuStep({.scratch_bytes = heads[0].scratch_bytes()}),
        heads_(std::move(heads)),
        packed_bytes_(packed_bytes),
        threads_(static_cast<size_t>(threads)) {}

  StepTasks Bind(const OpArgs& args, const StepMemory&) override {
    if (args.inputs[0].rows() == 0) return {};
    const size_t tasks = heads_.size() * heads_[0].tasks();
    return {tasks, std::max<size_t>(1, tasks / (threads_ * 8))};
  }

  void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) override {
    const size_t per_head = heads_[0].tasks();
    for (size_t head = begin / per_head; head * per_head < end; ++head) {
      const size_t first = head * per_head;
      RunHead(args, head, std::max(begin, first) - first, std::min(end - first, per_head), memory.scratch);
    }
  }

  StepCost cost() const override {
    StepCost cost{.packed_bytes = packed_bytes_};
    for (const LinearPlan& head : heads_) {
      cost.int8_ops_per_row += head.int8_ops_per_row();
      cost.f32_ops_per_row += head.f32_ops_per_row();
      cost.stream_bytes += head.stream_bytes();
    }
    return cost;
  }

 private:
  void RunHead(const OpArgs& args, size_t head, size_t begin, size_t end, void* scratch) const {
    const View &x = args.inputs[0], &y = args.outputs[0];
    const auto in = static_cast<size_t>(x.cols()), out = static_cast<size_t>(y.cols());
    const LinearArgs::Output output{y.f32() + head * (out / heads_.size()), out * sizeof(float)};
    const size_t first = head * (in / heads_.size());
    LinearArgs linear{.rows = static_cast<int>(x.rows()),
                      .x = x.data,
                      .x_stride = RowBytes(x.elem, x.cols()),
                      .x_precise = x.elem == Elem::kQ16,
                      .x_columns = x.cols(),
                      .x_first = static_cast<int64_t>(first),
                      .outputs = &output};
    if (x.elem == Elem::kF32) linear.x = x.f32() + first;
    heads_[head].Run(linear, begin, end, scratch);
  }

  std::vector<LinearPlan> heads_;
  size_t packed_bytes_;
  size_t threads_;
};

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const Value& weight = c.input(1);
  const Tensor all = weight.tensor();
  const int64_t channels = all.shape[1];
  TERN_TRY(const auto forms, ParseForms(c.node.attrs.Str("forms"), c.input(0).type.elem, 1));
  TERN_TRY(const Rounding round, ParseRounding(c.node.attrs));
  std::vector<LinearPlan> heads;
  size_t packed_bytes = 0;
  for (int64_t head = 0; head < all.shape[0]; ++head) {
    Value part = weight;
    part.type.shape = {channels, all.shape[2]};
    part.data = all.row(head * channels);
    const PackForm form = ChoosePackForm(*all.format, forms[0], round, c.isa);
    TERN_TRY(auto packed, c.weights.Packed(part, form));
    packed_bytes += packed->bytes();
    LinearSpec spec;
    spec.parts.push_back({std::move(packed), forms[0], nullptr});
    auto plan = LinearPlan::Make(std::move(spec), c.isa);
    if (!plan.ok()) return Error{plan.error().code, weight.name + ": " + plan.error().what};
    heads.push_back(std::move(plan).value());
  }
  return std::unique_ptr<CpuStep>(
      std::make_unique<HeadLinearStep>(std::move(heads), packed_bytes, c.threads));
}

}  // namespace
extern const CpuOpDesc k_cpuop_head_linear;
const CpuOpDesc k_cpuop_head_linear = {.name = "head_linear", .supports = SupportsAny, .prepare = Prepare};
}  // namespace tern
