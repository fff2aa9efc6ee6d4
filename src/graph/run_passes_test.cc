// The pass runner: order, checks after each pass, leaving passes out, reports.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "graph/pass.h"
#include "graph/random_graph.h"
#include "graph/run_reference.h"
#include "graph/text.h"

namespace tern {
namespace {

class EverythingTarget : public Target {
 public:
  bool Supports(const OpKey&) const override { return true; }
};
const EverythingTarget kTarget;
const PassContext kContext{.target = kTarget, .precision = Precision::kDefault};

Graph Parse(std::string_view text) {
  auto graph = ParseGraph(text);
  EXPECT_TRUE(graph.ok()) << graph.error().what;
  return graph.ok() ? std::move(graph).value() : Graph();
}

constexpr std::string_view kChain =
    "input %x: f32[T,8]\n"
    "%y = silu(%x)\n"
    "%dead = silu(%y)\n"
    "%state = kv_append(%y, %x) {layer=0}\n"
    "output %y\n";

TEST(RunPasses, ReportsEveryPassInOrder) {
  Graph graph = Parse(kChain);
  const StepLimits limits{.tokens = 4, .outputs = 4};
  const auto reports = RunPasses(graph, kContext, {}, &limits);
  ASSERT_TRUE(reports.ok()) << reports.error().what;
  ASSERT_EQ(reports.value().size(), AllPasses().size());
  size_t nodes = 3, arena = 256;
  for (size_t i = 0; i < AllPasses().size(); ++i) {
    const PassReport& report = reports.value()[i];
    EXPECT_EQ(report.name, AllPasses()[i]->name);
    EXPECT_FALSE(report.disabled);
    EXPECT_EQ(report.nodes_before, nodes);
    EXPECT_EQ(report.arena_before, arena);
    EXPECT_EQ(report.changes, report.name == "drop_dead_nodes" ? 1 : 0) << report.name;
    nodes = report.nodes_after;
    arena = report.arena_after;
  }
  EXPECT_EQ(nodes, 2u);
  EXPECT_EQ(arena, 128u);
}

// lower_precision offers what saves; a large head would be slower for it, as then it is not screened.
TEST(RunPasses, OfAHeadThatIsScreenedNoLowerPrecisionIsOffered) {
  const auto is_lower = [](const PassDesc* pass) { return pass->name == "lower_precision"; };
  const PassDesc* pass = *std::find_if(AllPasses().begin(), AllPasses().end(), is_lower);
  for (const bool large : {false, true}) {
    const std::string rows = large ? "100000" : "99999";
    const Graph graph =
        Parse("input %x: f32[R,32]\nweight @blk.0.w: q8_0[32,32] as=q16\nweight @output: q8_0[" + rows +
              ",32] role=head as=q16\n%h = linear(%x, @blk.0.w)\n%y = linear(%h, @output)\noutput %y\n");
    const std::vector<Offer> offers = pass->offers(graph, kContext);
    ASSERT_EQ(offers.size(), large ? 1u : 2u);
    EXPECT_EQ(offers[0].name, "lower_precision:blk.0");
  }
}

// A device that waits for nothing within a step: no value's memory is free before its end.
class OneStageTarget : public EverythingTarget {
 public:
  std::vector<int> Stages(const Graph& graph) const override {
    return std::vector<int>(graph.nodes().size(), 0);
  }
};

TEST(RunPasses, TheArenaIsThatOfTheTargetsStages) {
  constexpr std::string_view kText =
      "input %x: f32[T,8]\n"
      "weight @w: f32[8,8]\n"
      "%a = linear(%x, @w)\n"
      "%b = linear(%a, @w)\n"
      "%c = linear(%b, @w)\n"
      "output %c\n";
  const StepLimits limits{.tokens = 4, .outputs = 4};
  const OneStageTarget one_stage;
  Graph graph = Parse(kText);
  EXPECT_EQ(RunPasses(graph, kContext, {}, &limits).value().back().arena_after, 2u * 128);
  EXPECT_EQ(RunPasses(graph, {.target = one_stage}, {}, &limits).value().back().arena_after, 3u * 128);
}

TEST(RunPasses, LeavesOutWhatIsDisabled) {
  Graph graph = Parse(kChain);
  const auto reports = RunPasses(graph, kContext, {"drop_dead_nodes"});
  ASSERT_TRUE(reports.ok());
  EXPECT_EQ(graph.nodes().size(), 3u);
  for (const PassReport& report : reports.value())
    EXPECT_EQ(report.disabled, report.name == "drop_dead_nodes");
}

TEST(RunPasses, DisablingAPassThatIsNotThereIsAnError) {
  Graph graph = Parse(kChain);
  const auto reports = RunPasses(graph, kContext, {"drop_dead"});
  ASSERT_FALSE(reports.ok());
  EXPECT_TRUE(reports.error().what.starts_with("pass drop_dead: unknown, expected one of skip_layers, "))
      << reports.error().what;
}

// Every equivalent pass at once, on graphs that nobody thought of.
TEST(RunPasses, RandomGraphsComputeTheSameAfterwards) {
  std::vector<float> x(5 * 64);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i * i));
  const std::vector<int32_t> tokens(5, 0), output_rows{1, 4};
  const ReferenceInputs inputs{.batch = {tokens, tokens, output_rows, {}}, .kv = nullptr, .rows = {{"x", x}}};
  int changes = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    const RandomGraph random(seed);
    Graph graph = random.graph();
    const auto reports = RunPasses(graph, {.target = kTarget, .precision = Precision::kExact});
    ASSERT_TRUE(reports.ok()) << "seed " << seed << ": " << reports.error().what;
    for (const PassReport& report : reports.value())
      changes += report.name == "drop_dead_nodes" ? 0 : report.changes;
    const auto before = RunReference(random.graph(), inputs), after = RunReference(graph, inputs);
    ASSERT_TRUE(before.ok() && after.ok());
    for (size_t i = 0; i < before.value().size(); ++i) {
      const std::vector<float>&a = before.value()[i], &b = after.value()[i];
      ASSERT_EQ(a.size(), b.size());
      double largest = 1e-30, difference = 0;
      for (size_t j = 0; j < a.size(); ++j) {
        largest = std::max(largest, std::abs(static_cast<double>(a[j])));
        difference = std::max(difference, std::abs(static_cast<double>(a[j]) - b[j]));
      }
      ASSERT_LE(difference, 1e-4 * largest) << "seed " << seed << " output " << i << "\n"
                                            << Print(random.graph());
    }
  }
  EXPECT_GT(changes, 1000);
}

TEST(RunPass, NamesThePassThatBrokeTheGraph) {
  Graph graph = Parse(kChain);
  const PassDesc breaks{
      .name = "breaks", .summary = "", .run = +[](Graph& g, const PassContext&) -> Result<int> {
        g.nodes().erase(g.nodes().begin());
        return 1;
      }};
  const auto report = RunPass(breaks, graph, kContext);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().what, "pass breaks: node 0 (silu): silu.1: is read before it is produced");
}

TEST(RunPass, AnEffectMustNotVanish) {
  Graph graph = Parse(kChain);
  const PassDesc forgets{
      .name = "forgets", .summary = "", .run = +[](Graph& g, const PassContext&) -> Result<int> {
        g.nodes().pop_back();
        return 1;
      }};
  const auto report = RunPass(forgets, graph, kContext);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().what, "pass forgets: a node that writes the KV cache came or went");
}

TEST(RunPass, PassesOnThePassesOwnError) {
  Graph graph = Parse(kChain);
  const PassDesc fails{.name = "fails", .summary = "", .run = +[](Graph&, const PassContext&) -> Result<int> {
                         return Unsupported("no luck");
                       }};
  EXPECT_EQ(RunPass(fails, graph, kContext).error().what, "pass fails: no luck");
}

TEST(PassTable, ForPeopleAndForPrograms) {
  const std::vector<PassReport> reports{
      {.name = "first",
       .changes = 2,
       .micros = 1.25,
       .nodes_before = 10,
       .nodes_after = 8,
       .arena_before = 4096,
       .arena_after = 2048},
      {.name = "second", .disabled = true, .nodes_before = 8, .nodes_after = 8}};
  EXPECT_EQ(PassTable(reports),
            "pass                    changes           nodes         us            arena KiB\n"
            "first                         2         10 -> 8        1.2               4 -> 2\n"
            "second                      off          8 -> 8        0.0                    -\n");
  EXPECT_EQ(
      PassTableJson(reports),
      "[{\"pass\": \"first\", \"disabled\": false, \"changes\": 2, \"nodes_before\": 10, \"nodes_after\": 8, "
      "\"micros\": 1.2, \"arena_bytes_before\": 4096, \"arena_bytes_after\": 2048}, "
      "{\"pass\": \"second\", \"disabled\": true, \"changes\": 0, \"nodes_before\": 8, \"nodes_after\": 8, "
      "\"micros\": 0.0, \"arena_bytes_before\": 0, \"arena_bytes_after\": 0}]");
}

TEST(Precision, NamesReadBack) {
  for (const Precision p : {Precision::kFast, Precision::kDefault, Precision::kPrecise, Precision::kExact}) {
    EXPECT_EQ(ParsePrecision(PrecisionName(p)).value(), p);
  }
  EXPECT_EQ(ParsePrecision("turbo").error().what,
            "precision \"turbo\": unknown, expected fast, default, precise or exact");
}

}  // namespace
}  // namespace tern
