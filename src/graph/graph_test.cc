// The graph: what it infers, what Verify catches, how it prints.

#include "graph/graph.h"

#include <gtest/gtest.h>

#include <array>

namespace tern {
namespace {

constexpr std::array<float, 64 * 64> kZeros{};
constexpr std::array<float, 2> kPair{1.f, 0.25f};

ValueType Rows(int64_t columns) { return {Elem::kF32, {kDimTokens, columns}}; }
Tensor Weight(Shape shape) { return {&F32(), std::move(shape), kZeros.data()}; }

// x -> rms_norm -> linear -> output
struct Small {
  Small() {
    x = graph.AddInput("x", Rows(64));
    const ValueId norm = graph.AddWeight("norm.weight", Weight({64}));
    const ValueId w = graph.AddWeight("up.weight", Weight({32, 64}), "ffn_up");
    normed = Op("rms_norm", {x, norm}, {{"eps", static_cast<double>(1e-5f)}});
    y = Op("linear", {normed, w});
    graph.AddOutput(y);
  }
  ValueId Op(std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {}) {
    auto outputs = graph.Add(*FindOp(op), std::move(inputs), std::move(attrs));
    EXPECT_TRUE(outputs.ok()) << outputs.error().what;
    return outputs.ok() ? outputs.value()[0] : kNoValue;
  }
  std::string VerifyError() const {
    const Status status = Verify(graph);
    return status.ok() ? "" : status.error().what;
  }
  Graph graph;
  ValueId x, normed, y;
};

TEST(Graph, PrintsWeightsThenNodesInOrder) {
  Small s;
  EXPECT_EQ(s.VerifyError(), "");
  EXPECT_EQ(Print(s.graph),
            "input %x: f32[T,64]\n"
            "weight @norm.weight: f32[64]\n"
            "weight @up.weight: f32[32,64] role=ffn_up\n"
            "%0: f32[T,64] = rms_norm(%x, @norm.weight) {eps=1e-05}\n"
            "%1: f32[T,32] = linear(%0, @up.weight)\n"
            "output %1\n");
}

TEST(Graph, PrintsSmallConstantsFormsAndEveryKindOfAttribute) {
  Graph graph;
  const ValueId positions = graph.AddInput("positions", {Elem::kI32, {kDimTokens}});
  const ValueId f = graph.AddWeight("inv_freq", {&F32(), {2}, kPair.data()});
  graph.value(f).activation = Elem::kQ8;
  const Attrs attrs{{"factor", 1.0}, {"whole", int64_t{3}}, {"text", "a \"b\" \\"}};
  graph.AddOutput(graph.Add(*FindOp("rope_table"), {positions, f}, attrs).value()[0]);
  EXPECT_EQ(
      Print(graph),
      "input %positions: i32[T]\n"
      "weight @inv_freq: f32[2] as=q8 = [1, 0.25]\n"
      "%0: f32[T,4] = rope_table(%positions, @inv_freq) {factor=1.0, text=\"a \\\"b\\\" \\\\\", whole=3}\n"
      "output %0\n");
}

TEST(Graph, AddNamesTheOpItsInputsAndWhatIsWrong) {
  Small s;
  const auto bad = s.graph.Add(*FindOp("add"), {s.x, s.y});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().what, "add(x, linear.4): y: f32[T,32], expected f32[T,64]");
  EXPECT_EQ(s.graph.Add(*FindOp("add"), {s.x, 99}).error().what, "add: input 1: no value has the id 99");
  EXPECT_EQ(s.graph.nodes().size(), 2u) << "a node that was refused left something behind";
}

TEST(Graph, TheSameWeightTwiceIsOneValue) {
  Small s;
  const size_t values = s.graph.value_count();
  EXPECT_EQ(s.graph.AddWeight("up.weight", Weight({32, 64}), "ffn_up"), 2);
  EXPECT_EQ(s.graph.value_count(), values);
  EXPECT_NE(s.graph.AddWeight("up.weight", Weight({32, 64}), "head"), 2);
}

TEST(Graph, ReplaceUsesReachesNodesAndOutputs) {
  Small s;
  s.graph.AddOutput(s.normed);
  EXPECT_EQ(s.graph.UseCounts()[static_cast<size_t>(s.normed)], 2);
  EXPECT_EQ(s.graph.Producers()[static_cast<size_t>(s.y)], 1);
  s.graph.ReplaceUses(s.normed, s.x);
  EXPECT_EQ(s.graph.nodes()[1].inputs[0], s.x);
  EXPECT_EQ(s.graph.outputs()[1], s.x);
  EXPECT_EQ(s.VerifyError(), "");
}

TEST(Verify, ReadBeforeProduced) {
  Small s;
  std::swap(s.graph.nodes()[0], s.graph.nodes()[1]);
  EXPECT_EQ(s.VerifyError(), "node 0 (linear): rms_norm.3: is read before it is produced");
}

TEST(Verify, OutputOfNobody) {
  Small s;
  s.graph.nodes().pop_back();
  EXPECT_EQ(s.VerifyError(), "graph output 0: linear.4: is read before it is produced");
}

TEST(Verify, TwoProducers) {
  Small s;
  s.graph.nodes().push_back(s.graph.nodes()[1]);
  EXPECT_EQ(s.VerifyError(), "node 2 (linear): linear.4: has two producers");
}

TEST(Verify, IdsOutOfRange) {
  Small s;
  s.graph.nodes()[1].inputs[0] = 77;
  EXPECT_EQ(s.VerifyError(), "node 1 (linear): no value has the id 77");
  s.graph.nodes()[1].inputs[0] = kNoValue;
  EXPECT_EQ(s.VerifyError(), "node 1 (linear): no value has the id -1");
}

TEST(Verify, TypesThatTheOpDoesNotMake) {
  Small s;
  s.graph.value(s.y).type = Rows(16);
  EXPECT_EQ(s.VerifyError(), "node 1 (linear): linear.4: type f32[T,16], the op makes f32[T,32]");
}

TEST(Verify, WrongNumberOfOutputs) {
  Small s;
  s.graph.nodes()[1].outputs.clear();
  EXPECT_EQ(s.VerifyError(), "node 1 (linear): 0 outputs, the op makes 1");
}

TEST(Verify, InputsThatTheOpRefuses) {
  Small s;
  s.graph.nodes()[1].inputs.push_back(s.x);
  EXPECT_EQ(s.VerifyError(), "node 1 (linear): 3 inputs, expected 2");
}

TEST(Verify, TwoValuesOfOneName) {
  Small s;
  s.graph.value(s.y).name = "norm.weight";
  EXPECT_EQ(s.VerifyError(), "node 1 (linear): norm.weight: two values have this name");
}

TEST(Verify, OneKvLayerWrittenTwice) {
  Graph graph;
  const ValueId k = graph.AddInput("k", Rows(8));
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(graph.Add(*FindOp("kv_append"), {k, k}, {{"layer", int64_t{4}}}).ok());
  EXPECT_EQ(Verify(graph).error().what, "node 1 (kv_append): layer 4 is written twice");
}

}  // namespace
}  // namespace tern
