// The op of docs/adding-an-op.md, and its kernel of docs/adding-a-kernel.md, in a graph on the CPU.

#include <gtest/gtest.h>

#include <cmath>

// ---- src/ops/softsign.cc
#include <cmath>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  if (!(attrs.Float("cap") > 0)) return BadInput("attribute cap: expected a positive number");
  return InferElementwise(inputs, 1);
}

void Reference(const OpArgs& args) {
  const double cap = args.attrs.Float("cap");
  MapElements(args, [cap](float x) { return static_cast<float>(x / (1 + std::abs(x) / cap)); });
}

}  // namespace
extern const OpDesc k_op_softsign;
const OpDesc k_op_softsign = {.name = "softsign",
                              .summary = "x -> x / (1 + |x| / cap)",
                              .infer = Infer,
                              .reference = Reference,
                              .in_place = 1};
}  // namespace tern
// ----

// ---- src/backends/cpu/softsign/softsign.h
#include <cstddef>
#include <cstdint>

namespace tern {

// y = x / (1 + |x| / cap), n floats. y may be x.
using SoftsignFn = void (*)(const float* x, float cap, float* y, size_t n);

}  // namespace tern
// ----

#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
// ---- src/backends/cpu/softsign/generic.h
namespace tern::TERN_ISA_NS {
namespace {

void Softsign(const float* x, float cap, float* y, size_t n) {
  const Vec one = Vec::Set(1), inverse = Vec::Set(1 / cap);
  size_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    const Vec v = Vec::Load(x + i);
    (v / MulAdd(Abs(v), inverse, one)).Store(y + i);
  }
  if (i == n) return;
  float rest[Vec::kLanes] = {};
  __builtin_memcpy(rest, x + i, (n - i) * sizeof(float));
  Softsign(rest, cap, rest, Vec::kLanes);
  __builtin_memcpy(y + i, rest, (n - i) * sizeof(float));
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
// ----

namespace tern {
namespace {
SoftsignFn PickSoftsign(uint32_t) { return &isa_none::Softsign; }
}  // namespace
}  // namespace tern

// ---- src/backends/cpu/softsign/softsign.cc
#include "backends/cpu/step.h"

namespace tern {
namespace {

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const auto columns = static_cast<size_t>(c.output(0).type.shape[1]);
  const auto cap = static_cast<float>(c.node.attrs.Float("cap"));
  return MakeRowStep(
      0, [run = PickSoftsign(c.isa), columns, cap](const OpArgs& args, int64_t r, const StepMemory&) {
        const size_t at = static_cast<size_t>(r) * columns;
        run(args.inputs[0].f32() + at, cap, args.outputs[0].f32() + at, columns);
      });
}

}  // namespace
extern const CpuOpDesc k_cpuop_softsign;
const CpuOpDesc k_cpuop_softsign = {
    .name = "softsign", .supports = SupportsAny, .prepare = Prepare, .row_wise = true};
}  // namespace tern
// ----

#include "backends/backend.h"
#include "backends/cpu/weights.h"
#include "base/isa.h"
#include "graph/run_reference.h"

namespace tern {
namespace {

class AddingAnOp : public testing::Test {
 protected:
  void SetUp() override {
    for (size_t i = 0; i < table_.size(); ++i) table_[i] = 0.37f * static_cast<float>(i) - 12;
    const ValueId tokens = graph_.AddInput("tokens", {Elem::kI32, {kDimTokens}});
    const ValueId table = graph_.AddWeight("table", {&F32(), {4, 19}, table_.data()});
    const ValueId x = graph_.Add(*FindOp("embed"), {tokens, table}).value()[0];
    graph_.AddOutput(graph_.Add(k_op_softsign, {x}, {{"cap", 5.0}}).value()[0]);
    want_ = RunReference(graph_, {batch_, nullptr, {}}).value()[0];
  }

  std::vector<float> table_ = std::vector<float>(4 * 19);
  const std::vector<int32_t> tokens_ = {3, 0, 1}, positions_ = {0, 1, 2};
  const Batch batch_ = {tokens_, positions_, {}, {}};
  Graph graph_;
  std::vector<float> want_;
};

TEST_F(AddingAnOp, ItsShapeRuleSpeaks) {
  EXPECT_EQ(k_op_softsign.infer.value({}, {}).error().what, "attribute cap: expected a positive number");
}

TEST_F(AddingAnOp, EveryBackendThatLacksAKernelRunsTheReference) {
  auto plan = OpenBackend("cpu", {.threads = 2}).value()->Prepare(graph_, {.tokens = 4, .outputs = 1});
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  ASSERT_TRUE(plan.value()->Run(batch_, nullptr).ok());
  const auto got = plan.value()->Output(0);
  EXPECT_EQ(std::vector<float>(got.begin(), got.end()), want_);
}

TEST_F(AddingAnOp, ItsKernelAgreesWithTheReference) {
  Team team(1);
  WeightCache weights(&team, kNone);
  const StepLimits limits{.tokens = 4, .outputs = 1};
  auto step = k_cpuop_softsign.prepare.value({graph_, graph_.nodes()[1], limits, kNone, 1, weights});
  ASSERT_TRUE(step.ok());
  std::vector<float> y(want_.size());
  const View rows{Elem::kF32, {4, 19}, nullptr, table_.data()}, out{Elem::kF32, {3, 19}, nullptr, y.data()};
  const OpArgs args{std::span(&rows, 1), std::span(&out, 1), graph_.nodes()[1].attrs, batch_};
  const StepTasks tasks = step.value()->Bind(args, {});
  step.value()->Run(args, 0, tasks.count, {});
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(y[i], table_[i] / (1 + std::abs(table_[i]) / 5), 1e-5) << i;
  }
}

}  // namespace
}  // namespace tern
