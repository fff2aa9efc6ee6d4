// The memory planner, tested by acting it out: every reader must find what its producer wrote.

#include "graph/memory.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/random_graph.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

constexpr size_t kLine = 64;
constexpr StepLimits kLimits{.tokens = 3, .outputs = 2};

// Walks the nodes, marking each line of the arena with the value that was written there last. Returns the
// first thing that went wrong, or "".
std::string ActOut(const Graph& graph, const ArenaPlan& plan) {
  std::vector<ValueId> owner(plan.bytes / kLine, kNoValue);
  const auto lines = [&](ValueId id) {
    const size_t bytes = ValueBytes(graph.value(id).type, kLimits);
    const size_t offset = plan.offset[static_cast<size_t>(id)];
    if (bytes == 0 || offset == kNoOffset) return std::span<ValueId>();
    return std::span(owner).subspan(offset / kLine, (bytes + kLine - 1) / kLine);
  };
  const auto intact = [&](ValueId id) {
    for (const ValueId line : lines(id)) {
      if (line != id) return false;
    }
    return true;
  };
  for (const Node& node : graph.nodes()) {
    for (const ValueId id : node.inputs) {
      if (!intact(id)) return graph.value(id).name + " was overwritten before its last reader";
    }
    for (const ValueId id : node.outputs) {
      for (ValueId& line : lines(id)) line = id;
    }
    for (const ValueId id : node.inputs) {
      if (!node.op->in_place && !intact(id))
        return graph.value(id).name + " lies under an output of its reader";
    }
    for (const ValueId id : node.outputs) {
      if (!intact(id)) return graph.value(id).name + " lies under another output of its node";
    }
  }
  for (const ValueId id : graph.outputs()) {
    if (!intact(id)) return graph.value(id).name + " is an output and was overwritten";
  }
  return "";
}

// The most bytes that are alive at one node, with nothing in place: no plan without in-place can be smaller.
size_t PeakBytes(const Graph& graph) {
  std::vector<size_t> last(graph.value_count(), 0), first(graph.value_count(), 0);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    for (const ValueId id : graph.nodes()[i].inputs) last[static_cast<size_t>(id)] = i;
    for (const ValueId id : graph.nodes()[i].outputs)
      first[static_cast<size_t>(id)] = last[static_cast<size_t>(id)] = i;
  }
  for (const ValueId id : graph.outputs()) last[static_cast<size_t>(id)] = graph.nodes().size();
  std::vector<size_t> live(graph.nodes().size() + 1, 0);
  for (const Node& node : graph.nodes()) {
    for (const ValueId id : node.outputs) {
      const size_t bytes = (ValueBytes(graph.value(id).type, kLimits) + kLine - 1) / kLine * kLine;
      for (size_t i = first[static_cast<size_t>(id)]; i <= last[static_cast<size_t>(id)]; ++i)
        live[i] += bytes;
    }
  }
  return *std::max_element(live.begin(), live.end());
}

TEST(Arena, NoTwoLiveValuesOverlapInRandomGraphs) {
  size_t planned = 0, naive = 0, peak = 0;
  for (unsigned seed = 0; seed < 500; ++seed) {
    const RandomGraph random(seed);
    ASSERT_TRUE(Verify(random.graph()).ok()) << Verify(random.graph()).error().what;
    const ArenaPlan plan = PlanArena(random.graph(), kLimits);
    ASSERT_EQ(ActOut(random.graph(), plan), "") << "seed " << seed << "\n" << Print(random.graph());
    ASSERT_LE(plan.bytes, PeakBytes(random.graph()) * 4 / 3) << "seed " << seed;
    for (const size_t offset : plan.offset) ASSERT_TRUE(offset == kNoOffset || offset % kLine == 0);
    planned += plan.bytes;
    naive += plan.naive_bytes;
    peak += PeakBytes(random.graph());
  }
  EXPECT_LT(planned * 2, naive);
  EXPECT_LT(planned * 100, peak * 99);  // PeakBytes takes over nothing in place; the large first alone: 99.3
}

TEST(Arena, ActingOutNoticesABrokenPlan) {
  const RandomGraph random(7);
  ArenaPlan plan = PlanArena(random.graph(), kLimits);
  for (size_t& offset : plan.offset) offset = offset == kNoOffset ? kNoOffset : 0;
  EXPECT_NE(ActOut(random.graph(), plan), "");
}

TEST(Arena, AChainOfElementwiseNodesTakesTheMemoryOfOneValue) {
  Graph graph;
  const ValueId x = graph.AddInput("x", {Elem::kF32, {kDimTokens, 64}});
  ValueId y = graph.Add(*FindOp("silu"), {x}).value()[0];  // the caller's memory is not written
  for (int i = 0; i < 5; ++i) y = graph.Add(*FindOp("silu"), {y}).value()[0];
  graph.AddOutput(y);
  const ArenaPlan plan = PlanArena(graph, kLimits);
  EXPECT_EQ(plan.offset[static_cast<size_t>(x)], kNoOffset);
  EXPECT_EQ(plan.bytes, 3u * 64 * 4);
  EXPECT_EQ(plan.naive_bytes, 6 * plan.bytes);
}

TEST(Arena, AValueThatIsReadAgainIsNotTakenOver) {
  Graph graph;
  const ValueId x = graph.AddInput("x", {Elem::kF32, {kDimTokens, 64}});
  const ValueId a = graph.Add(*FindOp("silu"), {x}).value()[0];
  const ValueId b = graph.Add(*FindOp("silu"), {a}).value()[0];
  graph.AddOutput(graph.Add(*FindOp("mul"), {a, b}).value()[0]);
  const ArenaPlan plan = PlanArena(graph, kLimits);
  EXPECT_NE(plan.offset[static_cast<size_t>(a)], plan.offset[static_cast<size_t>(b)]);
  EXPECT_EQ(plan.bytes, 2u * 3 * 64 * 4);
}

TEST(Arena, ValueBytesFollowTheLimitsAndTheRowLayout) {
  EXPECT_EQ(ValueBytes({Elem::kF32, {kDimTokens, 10}}, kLimits), 3u * 10 * 4);
  EXPECT_EQ(ValueBytes({Elem::kI32, {kDimOutputs}}, kLimits), 2u * 4);
  EXPECT_EQ(ValueBytes({Elem::kQ8, {kDimTokens, 64}}, kLimits), 3 * QuantizedRow(64, false).row_bytes);
  EXPECT_EQ(ValueBytes({Elem::kQ16, {kDimOutputs, 64}}, kLimits), 2 * QuantizedRow(64, true).row_bytes);
  EXPECT_EQ(ValueBytes({Elem::kState, {}}, kLimits), 0u);
  EXPECT_EQ(ValueBytes({Elem::kWeight, {64, 64}, &F32()}, kLimits), 0u);
}

}  // namespace
}  // namespace tern
