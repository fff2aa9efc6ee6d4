#include "engine/step_report.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/step_meter.h"
#include "engine/tiny_model.h"
#include "models/tiny_checkpoint.h"

namespace tern {
namespace {

std::unique_ptr<Engine> MakeEngine(int threads, int sequences = 1) {
  auto runner = Runner::Make(MakeTinyModel({.architecture = "gemma3"}),
                             {.threads = threads, .context = 200, .sequences = sequences, .step_tokens = 24});
  EXPECT_TRUE(runner.ok()) << runner.error().what;
  return std::make_unique<Engine>(std::move(runner).value());
}

StepReport ReportOf(const MeteredSteps& metered, const StepMeter& meter, const Runner& runner) {
  const auto middle = MiddleHalf(metered.profiled);
  return MakeStepReport(
      middle, meter.layout(),
      {runner.graph(), middle[0]->profile, runner.model().built.kv_layers, runner.kv_type()});
}

// Children add up to their parent, at every level.
void ExpectAddsUp(const ReportNode& node) {
  EXPECT_GE(node.us, 0) << node.name;
  EXPECT_GE(node.wait_us, 0) << node.name;
  EXPECT_LE(node.wait_us, node.us + 1e-6) << node.name;
  if (node.children.empty()) return;
  double us = 0, wait_us = 0, bytes = 0;
  int nodes = 0;
  for (const ReportNode& child : node.children) {
    ExpectAddsUp(child);
    us += child.us;
    wait_us += child.wait_us;
    bytes += child.work.weight_bytes;
    nodes += child.nodes;
  }
  EXPECT_NEAR(us, node.us, 1e-6 * node.us) << node.name;
  EXPECT_NEAR(wait_us, node.wait_us, 1e-6 * node.us) << node.name;
  EXPECT_NEAR(bytes, node.work.weight_bytes, 1) << node.name;
  EXPECT_EQ(nodes, node.nodes) << node.name;
}

void ExpectConsistent(const MeteredSteps& metered, const StepMeter& meter, Runner& runner) {
  const StepReport report = ReportOf(metered, meter, runner);
  ExpectAddsUp(report.step);
  // All of the steps' wall time, and nothing else.
  const auto middle = MiddleHalf(metered.profiled);
  double wall_us = 0;
  for (const EngineStep* step : middle) wall_us += static_cast<double>(step->ns()) / 1000;
  wall_us /= static_cast<double>(middle.size());
  EXPECT_NEAR(report.step.us, wall_us, 1e-6 * wall_us);
  EXPECT_EQ(report.step.nodes, static_cast<int>(runner.graph().nodes().size()));
  EXPECT_NEAR(report.idle.us(), report.step.wait_us, 1e-3);
  for (const ThreadTime& t : report.threads) {
    EXPECT_NEAR(t.busy_us + t.wait_us, wall_us - report.outside_us, 1e-6 * wall_us);
  }
  double by_op = report.outside_us;
  for (const ReportNode& op : report.ops) by_op += op.us;
  EXPECT_NEAR(by_op, wall_us, 1e-6 * wall_us);
}

TEST(StepReport, AccountsForTheWholeStep) {
  for (const int threads : {1, 2}) {
    const auto engine = MakeEngine(threads, 3);
    StepMeter meter(engine.get(), nullptr);
    const auto decode = meter.Decode(3, 20, 6);
    ASSERT_TRUE(decode.ok()) << decode.error().what;
    ASSERT_EQ(decode.value().profiled.size(), 6u);
    EXPECT_EQ(decode.value().plain_ns.size(), 6u);
    for (const EngineStep& step : decode.value().profiled) EXPECT_EQ(step.profile.rows, 3);
    ExpectConsistent(decode.value(), meter, engine->runner());
    EXPECT_TRUE(engine->idle());
    const auto prefill = meter.Prefill(24, 48, 2);
    ASSERT_TRUE(prefill.ok()) << prefill.error().what;
    for (const EngineStep& step : prefill.value().profiled) {
      EXPECT_EQ(step.profile.rows, 24);
      EXPECT_EQ(step.profile.outputs, 1);
      EXPECT_EQ(step.profile.spans[0].first_position, 48);
    }
    ExpectConsistent(prefill.value(), meter, engine->runner());
  }
}

TEST(StepReport, ADecodeStepReadsTheWeightsOfThePlan) {
  const auto engine = MakeEngine(1);
  Runner& runner = engine->runner();
  StepMeter meter(engine.get(), nullptr);
  const auto decode = meter.Decode(1, 0, 4);
  ASSERT_TRUE(decode.ok()) << decode.error().what;
  const StepReport report = ReportOf(decode.value(), meter, runner);
  double linears = 0;
  for (const ReportNode& op : report.ops) linears += op.name == "linear" ? op.work.weight_bytes : 0;
  EXPECT_DOUBLE_EQ(linears, static_cast<double>(runner.plan_bytes().step_weights));
  EXPECT_GT(report.step.work.weight_bytes, linears);  // norms, a row of the embedding
}

TEST(StepReport, NamesLayersAndKinds) {
  const auto engine = MakeEngine(1);
  StepMeter meter(engine.get(), nullptr);
  const StepReport report = ReportOf(meter.Decode(1, 0, 4).value(), meter, engine->runner());
  std::set<std::string> groups, kinds;
  for (const ReportNode& group : report.step.children) {
    groups.insert(group.name);
    for (const ReportNode& kind : group.children) kinds.insert(kind.name);
  }
  const std::string layers = std::to_string(engine->runner().model().hparams().layers) + " layers";
  EXPECT_EQ(groups, (std::set<std::string>{"outside kernels", "input", layers, "output"}));
  for (const char* kind : {"linear attn_q+attn_k+attn_v", "attention", "linear ffn_gate+ffn_up", "sample"}) {
    EXPECT_TRUE(kinds.contains(kind)) << kind;
  }
}

TEST(StepReport, KvBytesAreThoseOfTheTokensThatAreSeen) {
  const auto engine = MakeEngine(1);
  Runner& runner = engine->runner();
  StepMeter meter(engine.get(), nullptr);
  const auto prefill = meter.Prefill(8, 0, 1);
  ASSERT_TRUE(prefill.ok()) << prefill.error().what;
  const StepReport report = ReportOf(prefill.value(), meter, runner);
  for (const ReportNode& op : report.ops) {
    if (op.name != "attention" && op.name != "kv_append") continue;
    EXPECT_DOUBLE_EQ(op.work.kv_bytes, 8.0 * static_cast<double>(runner.kv_token_bytes())) << op.name;
  }
}

// Two threads, two stages: 100 ns that one does alone; 200 ns of which the other works half.
TEST(StepReport, SaysWhatTheWaitingWasFor) {
  Graph graph;
  const ValueId x = graph.AddInput("tokens", {Elem::kF32, {kDimTokens, 4}});
  const ValueId y = graph.Add(*FindOp("scale"), {x}, {{"by", 2.0}}).value()[0];
  graph.AddOutput(graph.Add(*FindOp("scale"), {y}, {{"by", 2.0}}).value()[0]);
  const PlanLayout layout{
      .threads = 2, .stages = 2, .items = {{.node = 0, .stage = 0}, {.node = 1, .stage = 1}}};
  EngineStep step{.profile = StepProfile(layout)};
  StepProfile& p = step.profile;
  step.begin = 1000;
  p.start = 1010;
  p.bound = 1030;
  p.visit(0, 0) = {1030, 1120, 1130};
  p.visit(0, 1) = {1050, 1050, 1130};
  p.busy(0, 0) = 90;
  p.visit(1, 0) = {1130, 1330, 1330};
  p.visit(1, 1) = {1130, 1230, 1330};
  p.busy(1, 0) = 200;
  p.busy(1, 1) = 100;
  p.end = 1330;
  step.sample_ns = 50;
  step.end = 1400;
  const EngineStep* steps[] = {&step};
  const StepReport report = MakeStepReport(steps, layout, {graph, p, {}, KvType::kF16});
  EXPECT_DOUBLE_EQ(report.step.us, 0.4);
  EXPECT_DOUBLE_EQ(report.outside_us, 0.01 + 0.02 + 0.05 + 0.02);
  EXPECT_EQ(report.stages, 2);
  EXPECT_DOUBLE_EQ(report.idle.barrier_us, 0.01 + 0.01);  // past the barrier; one of two woke up late
  EXPECT_DOUBLE_EQ(report.idle.serial_us, 0.1 - 0.045 - 0.02);
  EXPECT_DOUBLE_EQ(report.idle.uneven_us, 0.05);
  EXPECT_DOUBLE_EQ(report.threads[1].busy_us, 0.1);
  ASSERT_EQ(report.nodes.size(), 2u);
  EXPECT_DOUBLE_EQ(report.nodes[0].us, 0.2);
}

TEST(MiddleHalf, LeavesOutTheFastestAndTheSlowest) {
  std::vector<EngineStep> steps(5);
  const int64_t times[] = {50, 900, 10, 60, 40};
  for (size_t i = 0; i < steps.size(); ++i) steps[i].end = times[i];
  const auto middle = MiddleHalf(steps);
  ASSERT_EQ(middle.size(), 3u);
  EXPECT_EQ(middle[0]->ns(), 40);
  EXPECT_EQ(middle[2]->ns(), 60);
  EXPECT_EQ(MiddleHalf(std::span(steps).first(1)).size(), 1u);
}

}  // namespace
}  // namespace tern
