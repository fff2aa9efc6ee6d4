#include "backends/cpu/elementwise/elementwise.h"

#include "backends/cpu/step.h"
#include "base/isa.h"

namespace tern {

const ElementwiseKernels& PickElementwise([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return name;
#include "backends/cpu/elementwise/kernels.inc"
#undef KERNEL
  return elementwise_none;
}

namespace {

template <ElementwiseKernels::Binary ElementwiseKernels::*kOp>
Result<std::unique_ptr<CpuStep>> PrepareBinary(const StepContext& c) {
  const auto columns = static_cast<size_t>(c.output(0).type.shape[1]);
  return MakeRowStep(
      0, [op = PickElementwise(c.isa).*kOp, columns](const OpArgs& args, int64_t r, const StepMemory&) {
        const size_t at = static_cast<size_t>(r) * columns;
        op(args.inputs[0].f32() + at, args.inputs[1].f32() + at, args.outputs[0].f32() + at, columns);
      });
}

template <ElementwiseKernels::Unary ElementwiseKernels::*kOp>
Result<std::unique_ptr<CpuStep>> PrepareUnary(const StepContext& c) {
  const auto columns = static_cast<size_t>(c.output(0).type.shape[1]);
  return MakeRowStep(
      0, [op = PickElementwise(c.isa).*kOp, columns](const OpArgs& args, int64_t r, const StepMemory&) {
        const size_t at = static_cast<size_t>(r) * columns;
        op(args.inputs[0].f32() + at, args.outputs[0].f32() + at, columns);
      });
}

// Ops with a number, from the attribute of this name.
Result<std::unique_ptr<CpuStep>> PrepareScalar(const StepContext& c, ElementwiseKernels::Scalar op,
                                               std::string_view attribute, double fallback) {
  const auto columns = static_cast<size_t>(c.output(0).type.shape[1]);
  const auto by = static_cast<float>(c.node.attrs.Float(attribute, fallback));
  return MakeRowStep(0, [op, columns, by](const OpArgs& args, int64_t r, const StepMemory&) {
    const size_t at = static_cast<size_t>(r) * columns;
    op(args.inputs[0].f32() + at, by, args.outputs[0].f32() + at, columns);
  });
}

Result<std::unique_ptr<CpuStep>> PrepareScale(const StepContext& c) {
  return PrepareScalar(c, PickElementwise(c.isa).scale, "by", 1);
}

Result<std::unique_ptr<CpuStep>> PrepareSoftcap(const StepContext& c) {
  return PrepareScalar(c, PickElementwise(c.isa).softcap, "cap", 1);
}

Result<std::unique_ptr<CpuStep>> PrepareScaleRows(const StepContext& c) {
  const auto columns = static_cast<size_t>(c.output(0).type.shape[1]);
  return MakeRowStep(
      0, [op = PickElementwise(c.isa).scale, columns](const OpArgs& args, int64_t r, const StepMemory&) {
        const size_t at = static_cast<size_t>(r) * columns;
        op(args.inputs[0].f32() + at, args.inputs[1].f32()[r], args.outputs[0].f32() + at, columns);
      });
}

}  // namespace
extern const CpuOpDesc k_cpuop_add, k_cpuop_mul, k_cpuop_silu, k_cpuop_gelu_tanh, k_cpuop_gelu, k_cpuop_relu,
    k_cpuop_relu2, k_cpuop_sigmoid, k_cpuop_scale, k_cpuop_softcap, k_cpuop_scale_rows;
const CpuOpDesc k_cpuop_add = {.name = "add",
                               .supports = SupportsAny,
                               .prepare = PrepareBinary<&ElementwiseKernels::add>,
                               .row_wise = true};
const CpuOpDesc k_cpuop_mul = {.name = "mul",
                               .supports = SupportsAny,
                               .prepare = PrepareBinary<&ElementwiseKernels::mul>,
                               .row_wise = true};
const CpuOpDesc k_cpuop_silu = {.name = "silu",
                                .supports = SupportsAny,
                                .prepare = PrepareUnary<&ElementwiseKernels::silu>,
                                .row_wise = true};
const CpuOpDesc k_cpuop_gelu_tanh = {.name = "gelu_tanh",
                                     .supports = SupportsAny,
                                     .prepare = PrepareUnary<&ElementwiseKernels::gelu_tanh>,
                                     .row_wise = true};
const CpuOpDesc k_cpuop_gelu = {.name = "gelu",
                                .supports = SupportsAny,
                                .prepare = PrepareUnary<&ElementwiseKernels::gelu>,
                                .row_wise = true};
const CpuOpDesc k_cpuop_relu = {.name = "relu",
                                .supports = SupportsAny,
                                .prepare = PrepareUnary<&ElementwiseKernels::relu>,
                                .row_wise = true};
const CpuOpDesc k_cpuop_relu2 = {.name = "relu2",
                                 .supports = SupportsAny,
                                 .prepare = PrepareUnary<&ElementwiseKernels::relu2>,
                                 .row_wise = true};
const CpuOpDesc k_cpuop_sigmoid = {.name = "sigmoid",
                                   .supports = SupportsAny,
                                   .prepare = PrepareUnary<&ElementwiseKernels::sigmoid>,
                                   .row_wise = true};
const CpuOpDesc k_cpuop_scale = {
    .name = "scale", .supports = SupportsAny, .prepare = PrepareScale, .row_wise = true};
const CpuOpDesc k_cpuop_softcap = {
    .name = "softcap", .supports = SupportsAny, .prepare = PrepareSoftcap, .row_wise = true};
const CpuOpDesc k_cpuop_scale_rows = {
    .name = "scale_rows", .supports = SupportsAny, .prepare = PrepareScaleRows, .row_wise = true};
}  // namespace tern
