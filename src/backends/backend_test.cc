// The conformance suite: every backend, every op, at odd sizes, against the ops' references.

#include "backends/backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <set>

#include "backends/conformance_case.h"
#include "backends/test_graph.h"
#include "graph/run_reference.h"

namespace tern {
namespace {

constexpr int64_t kOddSizes[] = {1, 3, 15, 17, 33, 1000};

std::vector<int32_t> Blocks(int first, int count) {
  std::vector<int32_t> blocks(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) blocks[static_cast<size_t>(i)] = first + i;
  return blocks;
}

// Steps of a small life: a prompt, a second one beside the first's next token, both go on, nothing, one more.
std::vector<std::vector<TestBatch::Sequence>> Steps() {
  const std::vector<int32_t> a = {5, 3, 9, 30, 1, 2}, b = Blocks(10, 19);
  return {{{.rows = 37, .first_position = 0, .blocks = a}},
          {{.rows = 1, .first_position = 37, .blocks = a}, {.rows = 40, .first_position = 0, .blocks = b}},
          {{.rows = 3, .first_position = 38, .blocks = a}, {.rows = 1, .first_position = 40, .blocks = b}},
          {},
          {{.rows = 60, .first_position = 41, .blocks = b}},
          {{.rows = 1, .first_position = 41, .blocks = a}, {.rows = 64, .first_position = 101, .blocks = b}}};
}
constexpr StepLimits kLimits = {.tokens = 70, .outputs = 40};

void ExpectNear(const std::vector<float>& want, std::span<const float> got, double tolerance,
                const std::string& where) {
  ASSERT_EQ(want.size(), got.size()) << where;
  double largest = 0;
  for (const float x : want) largest = std::max(largest, std::abs(static_cast<double>(x)));
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_LE(std::abs(static_cast<double>(want[i]) - got[i]), tolerance * largest)
        << where << ", element " << i << ": " << got[i] << ", expected " << want[i];
  }
}

void Compare(Backend& backend, const Case& c) {
  TestGraph graph;
  c.build(graph);
  auto plan = backend.Prepare(graph.graph(), kLimits);
  ASSERT_TRUE(plan.ok()) << c.name << ": " << plan.error().what;
  KvStore want_kv(c.kv, c.kv_type, 32), got_kv(c.kv, c.kv_type, 32);
  int step = 0;
  for (const auto& sequences : Steps()) {
    const TestBatch batch(sequences);
    const auto reference = RunReference(graph.graph(), {batch.batch(), &want_kv, {}});
    ASSERT_TRUE(reference.ok()) << c.name << ": " << reference.error().what;
    const auto& want = reference.value();
    const Status status = plan.value()->Run(batch.batch(), &got_kv);
    ASSERT_TRUE(status.ok()) << c.name << ": " << status.error().what;
    for (size_t i = 0; i < want.size(); ++i) {
      ExpectNear(want[i], plan.value()->Output(i), c.tolerance,
                 c.name + ", step " + std::to_string(step) + ", output " + std::to_string(i));
    }
    ++step;
  }
}

void AddSimpleOps(std::vector<Case>& cases) {
  for (const int64_t n : kOddSizes) {
    const std::string size = " " + std::to_string(n);
    for (const char* op : {"silu", "gelu", "gelu_tanh", "relu", "relu2", "sigmoid"}) {
      cases.push_back({op + size, [=](TestGraph& g) { g.Output(g.Op(op, {g.Rows(n)})); }});
    }
    for (const char* op : {"add", "mul"}) {
      cases.push_back({op + size, [=](TestGraph& g) { g.Output(g.Op(op, {g.Rows(n), g.Rows(n)})); }});
    }
    cases.push_back({"scale" + size, [=](TestGraph& g) {
                       g.Output(g.Op("scale", {g.Rows(n)}, {{"by", 1.7}}));
                     }});
    cases.push_back({"softcap" + size, [=](TestGraph& g) {
                       g.Output(g.Op("softcap", {g.Rows(n)}, {{"cap", 5.0}}));
                     }});
    cases.push_back({"clamp" + size, [=](TestGraph& g) {
                       g.Output(g.Op("clamp", {g.Rows(n)}, {{"limit", 0.5}}));
                     }});
    if (n % 8 == 0) {
      cases.push_back({"hadamard" + size, [=](TestGraph& g) {
                         g.Output(g.Op("hadamard", {g.Rows(n)}, {{"group", int64_t{8}}}));
                       }});
    }
    cases.push_back({"scale_rows" + size, [=](TestGraph& g) {
                       g.Output(g.Op("scale_rows", {g.Rows(n), g.Rows(1)}));
                     }});
    cases.push_back({"take_rows" + size, [=](TestGraph& g) { g.Output(g.OutputRows(n)); }});
    cases.push_back({"rms_norm" + size, [=](TestGraph& g) {
                       g.Output(g.Op("rms_norm", {g.Rows(n), g.Weight({n})}, {{"eps", 1e-5}}));
                     }});
    cases.push_back({"rms_norm per head" + size, [=](TestGraph& g) {
                       g.Output(g.Op("rms_norm", {g.Rows(3 * n), g.Weight({n}, "f16")}, {{"eps", 1e-6}}));
                     }});
  }
}

void AddLayerNorms(std::vector<Case>& cases) {
  for (const int64_t n : kOddSizes) {
    if (n == 1) continue;  // one number less its mean is 0: nothing to compare
    const std::string size = " " + std::to_string(n);
    cases.push_back({"layer_norm" + size, [=](TestGraph& g) {
                       g.Output(g.Op("layer_norm", {g.Rows(n), g.Weight({n}), g.Weight({n}, "f16")},
                                     {{"eps", 1e-5}, {"biases", int64_t{1}}}));
                     }});
    cases.push_back({"layer_norm per head" + size, [=](TestGraph& g) {
                       g.Output(g.Op("layer_norm", {g.Rows(3 * n), g.Weight({n})}, {{"eps", 1e-6}}));
                     }});
    cases.push_back(
        {"layer_norm with a weight per head" + size, [=](TestGraph& g) {
           g.Output(g.Op("layer_norm", {g.Rows(3 * n), g.Weight({3 * n})}, {{"eps", 1e-6}, {"group", n}}));
         }});
  }
}

void AddMoes(std::vector<Case>& cases) {
  struct Routing {
    const char* score;
    int64_t experts, top_k, groups;
  };
  for (const Routing& r : {Routing{"softmax", 8, 2, 0},
                           {"sigmoid", 60, 6, 4},
                           {"softmax_after_top_k", 5, 5, 0},
                           {"softmax", 1, 1, 0}}) {
    cases.push_back({std::string("moe_route ") + r.score, [=](TestGraph& g) {
                       g.Output(g.Ops("moe_route", {g.Rows(r.experts), g.Weight({r.experts})},
                                      {{"top_k", r.top_k},
                                       {"score", r.score},
                                       {"normalize", int64_t{1}},
                                       {"biases", int64_t{1}},
                                       {"groups", r.groups},
                                       {"top_groups", r.groups / 2},
                                       {"group_score", "top2"}})[1]);
                     }});
  }
  for (const char* act : {"silu", "gelu", "gelu_tanh", "swiglu_oai"}) {
    for (const int64_t variant : {0, 1}) {
      cases.push_back(
          {std::string("moe_mlp ") + act, [=](TestGraph& g) {
             const auto route = g.Ops("moe_route", {g.Rows(7)}, {{"top_k", int64_t{3}}});
             std::vector<ValueId> inputs = {
                 g.Rows(33),           route[0], route[1], g.Weight({7, 45, 33}), g.Weight({7, 45, 33}),
                 g.Weight({7, 33, 45})};
             if (variant == 1) {
               for (const int64_t n : {45, 45, 33}) inputs.push_back(g.Weight({7, n}));
             }
             g.Output(
                 g.Op("moe_mlp", inputs, {{"act", act}, {"biases", variant}, {"input_scaled", variant}}));
           }});
    }
  }
}

// Experts of every format and form of their input, through ids that differ from row to row.
void AddMoeFormats(std::vector<Case>& cases) {
  for (const Format* format : AllFormats()) {
    for (const char* form : {"f32", "q8", "q16"}) {
      const bool quantized = std::string_view(form) != "f32";
      if (quantized && format->int_form.bits == 0) continue;
      const auto build = [=](TestGraph& g) {
        const auto route = g.Ops("moe_route", {g.Rows(3)}, {{"top_k", int64_t{2}}});
        ValueId x = g.Rows(256);
        Attrs attrs = {{"act", "silu"}, {"biases", int64_t{1}}};
        if (quantized) {
          x = g.Op("quantize", {x}, {{"precise", int64_t{1}}});
          attrs.Set("forms", std::string(form) + ",q16");
          attrs.Set("hidden", form);
        }
        g.Output(g.Op("moe_mlp",
                      {x, route[0], route[1], g.Weight({3, 32, 256}, format->name),
                       g.Weight({3, 32, 256}, format->name), g.Weight({3, 256, 32}, "q8_0"),
                       g.Weight({3, 32}), g.Weight({3, 32}), g.Weight({3, 256})},
                      attrs));
      };
      cases.push_back({"moe_mlp " + std::string(format->name) + " " + form, build,
                       quantized ? kQuantizedTolerance : 1e-5});
    }
  }
}

void AddEmbeds(std::vector<Case>& cases) {
  for (const Format* format : AllFormats()) {
    cases.push_back({"embed " + std::string(format->name), [=](TestGraph& g) {
                       const ValueId table = g.Weight({TestGraph::kVocabulary, 512}, format->name);
                       g.Output(g.Op("embed", {g.tokens(), table}, {{"scale", 2.5}}));
                     }});
  }
}

void AddRopes(std::vector<Case>& cases) {
  struct Size {
    int64_t head_dim, rotated, offset;
  };
  for (const auto [head_dim, rotated, offset] :
       {Size{2, 2, 0}, {64, 64, 0}, {80, 20, 0}, {34, 34, 0}, {256, 128, 0}, {48, 16, 32}, {27, 18, 5}}) {
    for (const char* style : {"half", "pair"}) {
      const std::string at = std::to_string(head_dim) + " from " + std::to_string(offset);
      cases.push_back({"rope " + at + " " + style, [=](TestGraph& g) {
                         const ValueId table =
                             g.Op("rope_table", {g.positions(), g.Weight({rotated / 2})}, {{"factor", 1.25}});
                         g.Output(g.Op("rope", {g.Rows(3 * head_dim), table},
                                       {{"head_dim", head_dim}, {"style", style}, {"offset", offset}}));
                       }});
    }
  }
}

void AddQuantized(std::vector<Case>& cases) {
  for (const int64_t precise : {0, 1}) {
    for (const int64_t n : {32, 96, 1024}) {
      const std::string size = " " + std::to_string(n) + (precise != 0 ? " q16" : " q8");
      const auto use = [=](TestGraph& g, ValueId rows) {
        g.Output(g.Op("linear", {rows, g.Weight({35, n}, "q8_0")}));
      };
      cases.push_back({"quantize" + size,
                       [=](TestGraph& g) {
                         use(g, g.Op("quantize", {g.Rows(n)}, {{"precise", precise}}));
                       },
                       kQuantizedTolerance});
      cases.push_back({"rms_norm_quantize" + size,
                       [=](TestGraph& g) {
                         use(g, g.Op("rms_norm_quantize", {g.Rows(n), g.Weight({n})},
                                     {{"eps", 1e-5}, {"precise", precise}}));
                       },
                       kQuantizedTolerance});
      cases.push_back({"layer_norm_quantize" + size,
                       [=](TestGraph& g) {
                         use(g, g.Op("layer_norm_quantize", {g.Rows(n), g.Weight({n}), g.Weight({n})},
                                     {{"eps", 1e-5}, {"precise", precise}, {"biases", int64_t{1}}}));
                       },
                       kQuantizedTolerance});
    }
  }
}

void AddLinears(std::vector<Case>& cases) {
  for (const Format* format : AllFormats()) {
    for (const char* form : {"f32", "q8", "q16"}) {
      if (std::string_view(form) != "f32" && format->int_form.bits == 0) continue;
      cases.push_back({"linear " + std::string(format->name) + " " + form,
                       [=](TestGraph& g) {
                         ValueId x = g.Rows(256);
                         if (std::string_view(form) != "f32") {
                           x = g.Op("quantize", {x}, {{"precise", int64_t{std::string_view(form) == "q16"}}});
                         }
                         g.Output(g.Op("linear",
                                       {x, g.Weight({45, 256}, format->name), g.Weight({45}), g.Rows(45)},
                                       {{"biases", int64_t{1}}, {"residual", int64_t{1}}}));
                       },
                       1e-5});
    }
  }
  cases.push_back({"linear of three weights in mixed forms",
                   [](TestGraph& g) {
                     const ValueId x = g.Op("quantize", {g.Rows(64)}, {{"precise", int64_t{1}}});
                     const auto y = g.Ops("linear",
                                          {x, g.Weight({70, 64}, "q4_0"), g.Weight({33, 64}, "q8_0"),
                                           g.Weight({1, 64}, "q4_1")},
                                          {{"weights", int64_t{3}}, {"forms", "q8,q16,q8"}});
                     for (const ValueId output : y) g.Output(output);
                   },
                   1e-5});
  cases.push_back({"linear of output rows", [](TestGraph& g) {
                     g.Output(g.Op("linear", {g.OutputRows(64), g.Weight({100, 64}, "q8_0")}));
                   }});
  for (const char* glu : {"silu", "gelu_tanh", "gelu", "relu"}) {
    for (const char* output : {"f32", "q8", "q16"}) {
      cases.push_back({std::string("linear ") + glu + " " + output,
                       [=](TestGraph& g) {
                         const ValueId x = g.Op("quantize", {g.Rows(64)}, {{"precise", int64_t{1}}});
                         const ValueId y =
                             g.Op("linear", {x, g.Weight({96, 64}, "q8_0"), g.Weight({96, 64}, "q8_0")},
                                  {{"weights", int64_t{2}}, {"glu", glu}, {"output", output}});
                         if (std::string_view(output) == "f32") return g.Output(y);
                         g.Output(g.Op("linear", {y, g.Weight({40, 96}, "q8_0")}));
                       },
                       std::string_view(output) == "f32" ? 1e-5 : kQuantizedTolerance});
    }
  }
}

// What a backend may round, it may leave as it is.
void AddRounded(std::vector<Case>& cases) {
  for (const char* format : {"bf16", "f16", "f32"}) {
    for (const char* round : {"bf16", "int16"}) {
      const std::string name = std::string(" ") + format + " rounded to " + round;
      const double tolerance = std::string_view(round) == "bf16" ? 4e-3 : 1e-3;
      cases.push_back({"linear" + name,
                       [=](TestGraph& g) {
                         g.Output(g.Op("linear",
                                       {g.Rows(65), g.Weight({45, 65}, format), g.Weight({45}), g.Rows(45)},
                                       {{"biases", int64_t{1}}, {"residual", int64_t{1}}, {"round", round}}));
                       },
                       tolerance});
      cases.push_back(
          {"head_linear" + name,
           [=](TestGraph& g) {
             g.Output(g.Op("head_linear", {g.Rows(99), g.Weight({3, 20, 33}, format)}, {{"round", round}}));
           },
           tolerance});
      cases.push_back({"moe_mlp" + name,
                       [=](TestGraph& g) {
                         const auto route = g.Ops("moe_route", {g.Rows(7)}, {{"top_k", int64_t{3}}});
                         g.Output(g.Op("moe_mlp",
                                       {g.Rows(33), route[0], route[1], g.Weight({7, 45, 33}, format),
                                        g.Weight({7, 45, 33}, format), g.Weight({7, 33, 45}, format)},
                                       {{"act", "silu"}, {"round", round}}));
                       },
                       tolerance});
    }
  }
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  AddSimpleOps(cases);
  AddLayerNorms(cases);
  AddMoes(cases);
  AddMoeFormats(cases);
  AddEmbeds(cases);
  AddRopes(cases);
  AddQuantized(cases);
  AddLinears(cases);
  AddRounded(cases);
  AddAttentions(cases);
  AddColumnOps(cases);
  return cases;
}

class Conformance : public testing::TestWithParam<const BackendDesc*> {
 protected:
  void SetUp() override {
    if (!GetParam()->present()) GTEST_SKIP() << "not on this machine";
    auto opened = GetParam()->open({.threads = 2});
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    backend_ = std::move(opened).value();
  }
  std::unique_ptr<Backend> backend_;
};

TEST_P(Conformance, EveryOpAgreesWithItsReference) {
  if (!GetParam()->computes) GTEST_SKIP() << "computes nothing";
  for (const Case& c : AllCases()) {
    Compare(*backend_, c);
    if (HasFatalFailure()) return;
  }
}

TEST(ConformanceCases, CoverEveryOp) {
  std::set<const OpDesc*> covered;
  for (const Case& c : AllCases()) {
    TestGraph graph;
    c.build(graph);
    for (const Node& node : graph.graph().nodes()) covered.insert(node.op);
  }
  for (const OpDesc* op : AllOps()) EXPECT_TRUE(covered.contains(op)) << op->name << ": add it to AllCases()";
}

TestBatch One(TestBatch::Sequence sequence, int every = 2) {
  return TestBatch(std::vector<TestBatch::Sequence>{std::move(sequence)}, every);
}

TEST_P(Conformance, ABatchBeyondTheLimitsIsAnErrorWithTheNumbers) {
  TestGraph graph;
  graph.Output(graph.OutputRows(8));
  auto plan = backend_->Prepare(graph.graph(), {.tokens = 4, .outputs = 2});
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  KvStore kv({}, KvType::kF32, 4);
  const auto error = [&](const TestBatch& batch) {
    const Status status = plan.value()->Run(batch.batch(), &kv);
    return status.ok() ? "" : status.error().what;
  };
  EXPECT_EQ(error(One({.rows = 4}, 4)), "");
  EXPECT_EQ(error(One({.rows = 5}, 5)), "step: 5 rows and 2 outputs, the plan takes at most 4 and 2");
  EXPECT_EQ(error(One({.rows = 4}, 1)), "step: 4 rows and 4 outputs, the plan takes at most 4 and 2");
  EXPECT_EQ(error(One({.rows = 1, .tokens = {TestGraph::kVocabulary}})),
            "step: token id 61, expected 0 to 60");
  EXPECT_EQ(error(One({.rows = 1, .tokens = {-1}})), "step: token id -1, expected 0 to 60");
}

TEST_P(Conformance, ABlockTableThatLiesIsAnError) {
  TestGraph graph;
  const ValueId kv_state = graph.Op("kv_append", {graph.Rows(8), graph.Rows(8)}, {{"layer", int64_t{0}}});
  graph.Output(graph.Op("attention", {graph.Rows(8), kv_state}, AttentionAttrs({1, 1, 8, 0}, 0)));
  auto plan = backend_->Prepare(graph.graph(), kLimits);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  const auto error = [&](const TestBatch& batch, std::vector<KvLayer> layers) {
    KvStore kv(std::move(layers), KvType::kF16, 4);
    const Status status = plan.value()->Run(batch.batch(), &kv);
    return status.ok() ? "" : status.error().what;
  };
  EXPECT_EQ(error(One({.rows = 17, .blocks = {0, 3}}), {{1, 8}}), "");
  EXPECT_EQ(error(One({.rows = 17, .blocks = {0}}), {{1, 8}}),
            "sequence 0: 1 KV blocks for 17 positions, expected 2");
  EXPECT_EQ(error(One({.rows = 1, .blocks = {4}}), {{1, 8}}), "sequence 0: KV block 4, expected 0 to 3");
  EXPECT_EQ(error(One({.rows = 1, .blocks = {0}}), {{2, 8}}),
            "KV store: layer 0 has 2 heads of 8, expected 1 of 8");
  EXPECT_EQ(error(One({.rows = 1, .blocks = {0}}), {{1, 8, 6}}),
            "KV store: layer 0 has values of 6 channels, expected 8");
  EXPECT_EQ(error(One({.rows = 1, .blocks = {0}}), {}), "KV store: 0 layers, the graph uses layer 0");
  EXPECT_EQ(error(One({.rows = 1, .blocks = {0}}), {{.kv_heads = 1, .head_dim = 8, .windowed = true}}),
            "KV store: layer 0 is windowed, attention sees all of it");
}

TEST_P(Conformance, WhatAWindowShowsHasBlocks) {
  TestGraph graph;
  const ValueId kv_state = graph.Op("kv_append", {graph.Rows(8), graph.Rows(8)}, {{"layer", int64_t{0}}});
  graph.Output(graph.Op("attention", {graph.Rows(8), kv_state}, AttentionAttrs({1, 1, 8, 16}, 0)));
  auto plan = backend_->Prepare(graph.graph(), kLimits);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  const TestBatch one = One({.rows = 2, .first_position = 32, .blocks = {0, 1, 2}});
  const auto error = [&](const std::vector<int32_t>& window_blocks) {
    KvStore kv({{.kv_heads = 1, .head_dim = 8, .windowed = true}}, KvType::kF16, 4, 2);
    SequenceSpan span = one.batch().sequences[0];
    span.window_blocks = window_blocks;
    Batch batch = one.batch();
    batch.sequences = {&span, 1};
    const Status status = plan.value()->Run(batch, &kv);
    return status.ok() ? "" : status.error().what;
  };
  EXPECT_EQ(error({-1, 1, 0}), "");
  EXPECT_EQ(error({-1, 1}), "sequence 0: 2 KV blocks of windows for 34 positions, expected 3");
  EXPECT_EQ(error({-1, -1, 0}), "sequence 0: KV block -1, expected 0 to 1");
  EXPECT_EQ(error({0, 1, 2}), "sequence 0: KV block 2, expected 0 to 1");
}

TEST_P(Conformance, ASourceIsThereAndHasItsBlocks) {
  TestGraph graph;
  const ValueId kv_state = graph.Op("kv_append", {graph.Rows(8), graph.Rows(8)}, {{"layer", int64_t{0}}});
  graph.Output(AddAttention(graph, {graph.Rows(8), kv_state}, {1, 1, 8, 0},
                            {"", {{"source", int64_t{1}}, {"causal", int64_t{0}}}}));
  auto plan = backend_->Prepare(graph.graph(), kLimits);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  const auto error = [&](int source_tokens) {
    const TestBatch one = One({.rows = 3, .blocks = {0, 1}});
    SequenceSpan span = one.batch().sequences[0];
    span.source_tokens = source_tokens;
    Batch batch = one.batch();
    batch.sequences = {&span, 1};
    KvStore kv({{1, 8}}, KvType::kF16, 4);
    const Status status = plan.value()->Run(batch, &kv);
    return status.ok() ? "" : status.error().what;
  };
  EXPECT_EQ(error(32), "");
  EXPECT_EQ(error(33), "sequence 0: 2 KV blocks for 33 positions, expected 3");
  EXPECT_EQ(error(0), "sequence 0: a source of 0 tokens, expected at least one");
  EXPECT_EQ(error(-1), "sequence 0: a source of -1 tokens, expected at least one");
}

// Five of eight experts per row, the heaviest rows first in some and last in others.
ValueId Experts(TestGraph& g, ValueId y, int64_t width) {
  const ValueId x = g.Op("layer_norm", {y, g.Weight({width}, "f32", 1)}, {{"eps", 1e-5}});
  const auto route = g.Ops("moe_route", {g.Op("linear", {x, g.Weight({8, width})})},
                           {{"top_k", int64_t{5}}, {"normalize", int64_t{1}}});
  return g.Op("moe_mlp",
              {g.Op("quantize", {x}), route[0], route[1], g.Weight({8, 96, width}, "q4_0"),
               g.Weight({8, 96, width}, "q8_0"), g.Weight({8, width, 96}, "q4_1")},
              {{"act", "silu"}, {"forms", "q8,q8"}, {"hidden", "q16"}});
}

// A decoder layer in small: everything that a real one does, with a long enough past to be split.
void BuildLayer(TestGraph& g, const AttentionShape& s, const AttentionExtra& extra = {}) {
  const int64_t width = 96, q_width = s.heads * s.head_dim, k_width = s.kv_heads * s.head_dim;
  const int64_t v_width = s.kv_heads * s.value_dim(), out_width = s.heads * s.value_dim();
  const Attrs precise = {{"precise", int64_t{1}}};
  const ValueId x = g.Rows(width);
  ValueId rows =
      g.Op("rms_norm_quantize", {x, g.Weight({width}, "f32", 1)}, {{"eps", 1e-5}, {"precise", int64_t{1}}});
  const auto qkv = g.Ops("linear",
                         {rows, g.Weight({q_width, width}, "q4_1"), g.Weight({k_width, width}, "q8_0"),
                          g.Weight({v_width, width}, "q8_0")},
                         {{"weights", int64_t{3}}, {"forms", "q8,q16,q16"}});
  const ValueId table = g.Op("rope_table", {g.positions(), g.Weight({s.head_dim / 2})});
  const Attrs rope = {{"head_dim", int64_t{s.head_dim}}, {"style", "half"}};
  const ValueId state =
      g.Op("kv_append", {g.Op("rope", {qkv[1], table}, rope), qkv[2]}, {{"layer", int64_t{0}}});
  const ValueId out = AddAttention(g, {g.Op("rope", {qkv[0], table}, rope), state}, s, extra);
  rows = g.Op("quantize", {out}, precise);
  ValueId y = g.Op("linear", {rows, g.Weight({width, out_width}, "q8_0"), x}, {{"residual", int64_t{1}}});
  rows = g.Op("rms_norm_quantize", {y, g.Weight({width}, "f32", 1)}, {{"eps", 1e-5}});
  rows =
      g.Op("quantize", {g.Op("linear", {rows, g.Weight({160, width}, "q4_0"), g.Weight({160, width}, "q4_0")},
                             {{"weights", int64_t{2}}, {"glu", "silu"}})});
  y = g.Op("add", {g.Op("linear", {rows, g.Weight({width, 160}, "q4_0")}), y});
  y = g.Op("add", {Experts(g, y, width), y});
  y = g.Op("rms_norm", {g.Op("take_rows", {y, g.output_rows()}), g.Weight({width}, "f32", 1)},
           {{"eps", 1e-5}});
  g.Output(g.Op("linear", {y, g.Weight({101, width}, "f16")}));
}
constexpr int kLayerColumns = 101;
constexpr int kLength = 600;  // three segments of the CPU's attention

int32_t TokenAt(int position) {
  return static_cast<int32_t>((position * position + 3 * position) % TestGraph::kVocabulary);
}

TestBatch::Sequence Piece(int begin, int rows, int first_block) {
  TestBatch::Sequence piece{
      .rows = rows, .first_position = begin, .blocks = Blocks(first_block, kLength / 16 + 1)};
  for (int i = 0; i < rows; ++i) piece.tokens.push_back(TokenAt(begin + i));
  return piece;
}

struct StoreForm {
  KvType type;
  KvLayer layer;
  int window = 0;
};

// A batch whose layers with a window have blocks of their own, and only those that they see.
class WindowedBatch {
 public:
  WindowedBatch(const Batch& batch, const StoreForm& store, int blocks)
      : batch_(batch),
        spans_(batch.sequences.begin(), batch.sequences.end()),
        tables_(batch.sequences.size()) {
    batch_.sequences = spans_;
    if (!store.layer.windowed) return;
    for (size_t i = 0; i < spans_.size(); ++i) {
      const int first = std::max(0, spans_[i].first_position - store.window + 1) / kKvBlockTokens;
      for (const int32_t id : spans_[i].blocks) tables_[i].push_back(blocks - 1 - id);
      std::fill_n(tables_[i].begin(), first, -1);
      spans_[i].window_blocks = tables_[i];
    }
  }
  const Batch& batch() const { return batch_; }

 private:
  Batch batch_;
  std::vector<SequenceSpan> spans_;
  std::vector<std::vector<int32_t>> tables_;
};

// All logits of one sequence, its tokens cut into chunks, `strangers` other sequences in every batch.
std::vector<float> RunInChunks(Backend& backend, const Graph& graph, int chunk, int strangers,
                               const StoreForm& store) {
  auto plan = backend.Prepare(graph, {.tokens = kLength + 3 * strangers, .outputs = kLength + 3 * strangers});
  EXPECT_TRUE(plan.ok()) << plan.error().what;
  const int blocks = 40 * (strangers + 1);
  KvStore kv({store.layer}, store.type, blocks, store.layer.windowed ? blocks : 0);
  std::vector<float> logits;
  int stranger_position = 0;
  for (int begin = 0; begin < kLength; begin += chunk) {
    const int rows = std::min(chunk, kLength - begin);
    std::vector<TestBatch::Sequence> sequences;
    for (int i = 0; i < strangers; ++i) sequences.push_back(Piece(stranger_position, 1 + i % 3, 40 * i));
    sequences.insert(sequences.begin() + strangers / 2, Piece(begin, rows, 40 * strangers));
    size_t before = 0;
    for (int i = 0; i < strangers / 2; ++i) before += static_cast<size_t>(1 + i % 3);
    if (stranger_position + 3 < kLength) ++stranger_position;
    const TestBatch whole(sequences, 1);
    const WindowedBatch batch(whole.batch(), store, blocks);
    const Status status = plan.value()->Run(batch.batch(), &kv);
    EXPECT_TRUE(status.ok()) << status.error().what;
    const auto out =
        plan.value()->Output(0).subspan(before * kLayerColumns, static_cast<size_t>(rows) * kLayerColumns);
    logits.insert(logits.end(), out.begin(), out.end());
  }
  return logits;
}

struct SameBitsForm {
  const char* name;
  AttentionShape shape;
  KvType type;
  std::vector<int> chunks = {1, 7, 64, kLength};
  AttentionExtra extra = {};
};

std::vector<SameBitsForm> SameBitsForms() {
  AttentionExtra both_ways = EveryExtra();
  both_ways.attrs.Set("causal", int64_t{0});
  const AttentionExtra rounded{"rounded", {{"int16", int64_t{1}}}};
  AttentionExtra every_rounded = EveryExtra();
  every_rounded.attrs.Set("int16", int64_t{1});
  return {{"plain", {6, 2, 32, 0}, KvType::kF16},
          {"window", {6, 2, 32, 70}, KvType::kInt8},
          // Heads of one KV head that threads share.
          {"every extra", {14, 1, 32, 0, 16}, KvType::kF16, {1, 64}, EveryExtra()},
          {"rounded", {6, 2, 32, 70}, KvType::kF16, {1, 7, kLength}, rounded},
          {"rounded, int16", {6, 2, 32, 70}, KvType::kInt16, {1, 7, kLength}, rounded},
          {"rounded, int16, all seen", {6, 2, 32, 0, 16}, KvType::kInt16, {1, 64}, rounded},
          {"rounded, int8, all seen", {6, 2, 32, 0, 16}, KvType::kInt8, {1, 7}, rounded},
          {"every extra, rounded", {14, 1, 32, 0, 16}, KvType::kInt8, {1, 64}, every_rounded},
          {"both ways", {6, 2, 32, 0, 16}, KvType::kF32, {kLength}, both_ways}};
}

TEST_P(Conformance, ASequenceGivesTheSameBitsHoweverItIsRun) {
  for (const SameBitsForm& form : SameBitsForms()) {
    TestGraph graph;
    BuildLayer(graph, form.shape, form.extra);
    const AttentionShape& s = form.shape;
    StoreForm store{form.type, {s.kv_heads, s.head_dim, s.v_dim}, s.window};
    const std::vector<float> want = RunInChunks(*backend_, graph.graph(), kLength, 0, store);
    store.layer.windowed = s.window > 0;
    for (const int threads : {1, 2, 3}) {
      auto backend = GetParam()->open({.threads = threads});
      ASSERT_TRUE(backend.ok()) << backend.error().what;
      for (const int chunk : form.chunks) {
        for (const int strangers : {0, 8}) {
          const auto got = RunInChunks(*backend.value(), graph.graph(), chunk, strangers, store);
          ASSERT_EQ(want.size(), got.size());
          const bool same = std::memcmp(want.data(), got.data(), want.size() * sizeof(float)) == 0;
          EXPECT_TRUE(same) << form.name << ", " << threads << " threads, chunks of " << chunk << ", "
                            << strangers << " strangers";
        }
      }
    }
  }
}

// What a row must not see enters attention as 0 times a value: that must be 0, though values outgrow f16.
void CheckLargeValues(Backend& backend, bool rounded) {
  TestGraph graph;
  const ValueId v = graph.Op("scale", {graph.Rows(kLayerColumns)}, {{"by", 4e4}});
  const ValueId state = graph.Op("kv_append", {graph.Rows(32), v}, {{"layer", int64_t{0}}});
  Attrs attrs = AttentionAttrs({1, 1, 32, 0, kLayerColumns}, 0);
  attrs.Set("int16", int64_t{rounded});
  graph.Output(graph.Op("attention", {graph.Rows(32), state}, attrs));
  const StoreForm store{KvType::kF16, {1, 32, kLayerColumns}};
  const auto alone = RunInChunks(backend, graph.graph(), 1, 0, store);
  const auto together = RunInChunks(backend, graph.graph(), kLength, 0, store);
  ASSERT_EQ(alone.size(), together.size());
  EXPECT_EQ(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(float)), 0);
  for (const float x : together) ASSERT_TRUE(std::isfinite(x));
}

TEST_P(Conformance, LargeValuesOfLaterRowsStayOutOfEarlierOnes) {
  CheckLargeValues(*backend_, false);
  CheckLargeValues(*backend_, true);
}

TEST_P(Conformance, AStepAllocatesNothingAfterTheFirst) {
  TestGraph graph;
  BuildLayer(graph, {6, 2, 32, 0, 16}, EveryExtra());
  auto plan = backend_->Prepare(graph.graph(), {.tokens = 16, .outputs = 16});
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  KvStore kv({{2, 32, 16}}, KvType::kF16, 40);
  const TestBatch first = One(Piece(0, 5, 0)), second = One(Piece(5, 1, 0)), third = One(Piece(6, 9, 0)),
                  late = One(Piece(590, 1, 0));
  ASSERT_TRUE(plan.value()->Run(first.batch(), &kv).ok());
  const size_t before = HeapAllocations();
  bool ok = true;
  for (const TestBatch* batch : {&second, &third, &late, &first})
    ok = ok && plan.value()->Run(batch->batch(), &kv).ok();
  EXPECT_EQ(HeapAllocations(), before);
  EXPECT_TRUE(ok);
}

TEST_P(Conformance, BytesAndOperationsAreCounted) {
  TestGraph graph;
  const ValueId rows = graph.Op("quantize", {graph.Rows(64)}, {{"precise", int64_t{1}}});
  const ValueId y = graph.Op("linear", {rows, graph.Weight({96, 64}, "q8_0")});
  graph.Output(
      graph.Op("linear", {graph.Op("take_rows", {y, graph.output_rows()}), graph.Weight({32, 96}, "f32")}));
  auto plan = backend_->Prepare(graph.graph(), kLimits);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  EXPECT_GT(plan.value()->bytes().arena, 0u);
  if (!GetParam()->computes) return;
  EXPECT_DOUBLE_EQ(plan.value()->ops().int8_per_token, 2 * 2 * 96 * 64);
  EXPECT_DOUBLE_EQ(plan.value()->ops().f32_per_output, 2 * 32 * 96);
  EXPECT_GE(plan.value()->bytes().step_weights, 96u * 64 + 32 * 96 * 4);
}

TEST_P(Conformance, ExpertsAreCounted) {
  if (!GetParam()->computes) GTEST_SKIP() << "computes nothing";
  TestGraph graph;
  const auto route = graph.Ops("moe_route", {graph.Rows(4)}, {{"top_k", int64_t{3}}});
  graph.Output(graph.Op("moe_mlp",
                        {graph.Rows(32), route[0], route[1], graph.Weight({4, 8, 32}),
                         graph.Weight({4, 8, 32}), graph.Weight({4, 32, 8})},
                        {{"act", "silu"}}));
  auto plan = backend_->Prepare(graph.graph(), kLimits);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  const auto counts = plan.value()->expert_counts();
  ASSERT_EQ(counts.size(), 1u);
  ASSERT_EQ(counts[0].tokens.size(), 4u);
  EXPECT_FALSE(counts[0].weight.empty());
  uint64_t rows = 0;
  for (const int step : {7, 1, 20}) {
    ASSERT_TRUE(plan.value()->Run(One({.rows = step}).batch(), nullptr).ok());
    rows += static_cast<uint64_t>(step);
    uint64_t total = 0;
    for (const uint64_t n : counts[0].tokens) {
      EXPECT_LE(n, rows);
      total += n;
    }
    EXPECT_EQ(total, 3 * rows);
  }
  EXPECT_DOUBLE_EQ(plan.value()->ops().f32_per_token, 3 * 3 * 2 * 8 * 32);
  // What a step of one token reads: three experts of four.
  EXPECT_GE(plan.value()->bytes().step_weights, 3u * 3 * 8 * 32 * 4);
}

TEST(Backends, AnUnknownNameListsThoseThereAre) {
  const auto backend = OpenBackend("abacus", {});
  ASSERT_FALSE(backend.ok());
  EXPECT_EQ(backend.error().what, "device \"abacus\": no such backend, expected one of cpu, null");
}

std::string ParamName(const testing::TestParamInfo<const BackendDesc*>& info) {
  return std::string(info.param->name);
}
INSTANTIATE_TEST_SUITE_P(All, Conformance, testing::ValuesIn(AllBackends().begin(), AllBackends().end()),
                         ParamName);

}  // namespace
}  // namespace tern
