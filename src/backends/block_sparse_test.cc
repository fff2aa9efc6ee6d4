// Block-sparse attention (ops/block_choice.h) on every backend: long sequences, against the reference, and
// the same bits however a sequence is cut into steps.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "backends/backend.h"
#include "backends/conformance_case.h"
#include "backends/test_graph.h"
#include "graph/run_reference.h"
#include "ops/block_choice.h"

namespace tern {
namespace {

constexpr int kLength = 811;  // rows choose among up to nine blocks
constexpr int kStoreBlocks = 120;

struct Form {
  const char* name;
  AttentionShape shape;
  KvType type;
  ChoiceRule rule;
  Attrs extra = {};
  std::vector<AttentionExtra::Weight> weights = {};
};

std::vector<Form> Forms() {
  const Attrs rounded = {{"int16", int64_t{1}}};
  return {{"f32", {6, 2, 32, 0}, KvType::kF32, {.keep = 0.25}},
          {"f16, odd sizes", {3, 1, 17, 0, 5}, KvType::kF16, {.keep = 0.5, .leave = 0.1}},
          {"int8", {2, 2, 21, 0}, KvType::kInt8, {.leave = 0.3}},
          {"rounded, int16", {6, 2, 64, 0}, KvType::kInt16, {.keep = 0.25}, rounded},
          {"rounded, int8", {4, 1, 40, 0, 24}, KvType::kInt8, {.leave = 0.4}, rounded},
          {"rounded, f16, many heads", {13, 1, 8, 0}, KvType::kF16, {.keep = 0.125}, rounded},
          {"sinks and softcap",
           {4, 2, 16, 0},
           KvType::kF32,
           {.keep = 0.25, .leave = 0.2},
           {{"sinks", int64_t{1}}, {"softcap", 3.0}},
           {AttentionExtra::kPerHead}}};
}

Graph Build(const Form& form) {
  TestGraph g;
  const AttentionShape& s = form.shape;
  AttentionExtra extra{form.name, form.extra, form.weights};
  extra.attrs.Set("keep", form.rule.keep);
  extra.attrs.Set("leave", form.rule.leave);
  const ValueId k = g.Rows(s.kv_heads * s.head_dim), v = g.Rows(s.kv_heads * s.value_dim());
  const ValueId state = g.Op("kv_append", {k, v}, {{"layer", int64_t{0}}});
  g.Output(AddAttention(g, {g.Rows(s.heads * s.head_dim), state}, s, extra));
  return g.graph();
}

KvStore Store(const Form& form) {
  const AttentionShape& s = form.shape;
  return KvStore({{s.kv_heads, s.head_dim, s.v_dim, true}}, form.type, kStoreBlocks);
}

// Rows of a sequence whose KV blocks lie backwards from `last_block` on.
TestBatch::Sequence Piece(int begin, int rows, int last_block) {
  TestBatch::Sequence piece{.rows = rows, .first_position = begin};
  for (int i = 0; i <= kLength / kKvBlockTokens; ++i) piece.blocks.push_back(last_block - i);
  for (int i = begin; i < begin + rows; ++i) {
    piece.tokens.push_back((i * i / 7 + 3 * i) % TestGraph::kVocabulary);
  }
  return piece;
}

class BlockSparse : public testing::TestWithParam<const BackendDesc*> {
 protected:
  void SetUp() override {
    if (!GetParam()->present() || !GetParam()->computes) GTEST_SKIP() << "not on this machine";
  }
  std::unique_ptr<Backend> Open(int threads) {
    auto backend = GetParam()->open({.threads = threads});
    EXPECT_TRUE(backend.ok());
    return std::move(backend).value();
  }
};

std::vector<float> RunStep(Plan& plan, const std::vector<TestBatch::Sequence>& sequences, KvStore* kv) {
  const TestBatch batch(sequences);
  const Status status = plan.Run(batch.batch(), kv);
  EXPECT_TRUE(status.ok()) << status.error().what;
  return {plan.Output(0).begin(), plan.Output(0).end()};
}

constexpr StepLimits kLimits = {.tokens = kLength + 40, .outputs = kLength + 40, .context = kLength};

TEST_P(BlockSparse, IsWhatTheReferenceSays) {
  const auto backend = Open(2);
  for (const Form& form : Forms()) {
    const Graph graph = Build(form);
    const auto plan = backend->Prepare(graph, kLimits);
    ASSERT_TRUE(plan.ok()) << form.name << ": " << plan.error().what;
    KvStore kv = Store(form);
    RunStep(*plan.value(), {Piece(0, 301, 55), Piece(0, 7, 118)}, &kv);
    RunStep(*plan.value(), {Piece(7, 1, 118), Piece(301, 480, 55)}, &kv);
    const double tolerance = form.extra.Int("int16", 0) != 0 ? 2e-3 : 2e-5;
    for (const auto& step : {std::vector{Piece(8, 3, 118), Piece(781, 29, 55)}, {Piece(810, 1, 55)}}) {
      const std::vector<float> got = RunStep(*plan.value(), step, &kv);
      const TestBatch batch(step);
      const auto want = RunReference(graph, {batch.batch(), &kv, {}});  // writes the same rows again
      ASSERT_TRUE(want.ok()) << form.name << ": " << want.error().what;
      ASSERT_EQ(got.size(), want.value()[0].size());
      double largest = 0, furthest = 0;
      for (size_t i = 0; i < got.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(want.value()[0][i])));
        furthest = std::max(furthest, std::abs(static_cast<double>(want.value()[0][i]) - got[i]));
      }
      EXPECT_LE(furthest, tolerance * largest) << form.name << ", a step of " << batch.batch().rows();
    }
  }
}

TEST_P(BlockSparse, ASequenceGivesTheSameBitsHoweverItIsRun) {
  for (const Form& form : Forms()) {
    const Graph graph = Build(form);
    std::vector<float> want;
    for (const int threads : {1, 3}) {
      const auto backend = Open(threads);
      const auto plan = backend->Prepare(graph, kLimits);
      ASSERT_TRUE(plan.ok()) << plan.error().what;
      for (const int chunk : {kLength, 1, 77}) {
        KvStore kv = Store(form);
        std::vector<float> got;
        const auto columns = static_cast<size_t>(form.shape.heads * form.shape.value_dim());
        for (int begin = 0; begin < kLength; begin += chunk) {
          const int rows = std::min(chunk, kLength - begin), stranger = begin % 700;
          const auto out = RunStep(*plan.value(), {Piece(stranger, 2, 118), Piece(begin, rows, 55)}, &kv);
          got.insert(got.end(), out.begin() + static_cast<std::ptrdiff_t>(2 * columns), out.end());
        }
        if (want.empty()) want = got;
        ASSERT_EQ(want.size(), got.size());
        EXPECT_EQ(std::memcmp(want.data(), got.data(), want.size() * sizeof(float)), 0)
            << form.name << ", " << threads << " threads, chunks of " << chunk;
      }
    }
  }
}

// A sequence that is cut short and goes on otherwise chooses by its new keys.
TEST_P(BlockSparse, MeansOfBlocksThatAreWrittenAgainAreNew) {
  const Form form = Forms()[0];
  const Graph graph = Build(form);
  const auto backend = Open(2);
  const auto plan = backend->Prepare(graph, kLimits);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  KvStore fresh = Store(form), used = Store(form);
  const auto want = RunStep(*plan.value(), {Piece(0, 700, 55)}, &fresh);
  TestBatch::Sequence other = Piece(0, 800, 55);
  for (int32_t& token : other.tokens) token = (token * 5 + 1) % TestGraph::kVocabulary;
  RunStep(*plan.value(), {other}, &used);
  EXPECT_EQ(RunStep(*plan.value(), {Piece(0, 700, 55)}, &used), want);
}

TEST_P(BlockSparse, AStepAllocatesNothingAfterTheFirst) {
  const Form form = Forms()[3];
  const auto backend = Open(2);
  const Graph graph = Build(form);
  const auto plan = backend->Prepare(graph, kLimits);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  KvStore kv = Store(form);
  const TestBatch first({Piece(0, 400, 55)}), second({Piece(400, 1, 55)}), third({Piece(401, 200, 55)});
  ASSERT_TRUE(plan.value()->Run(first.batch(), &kv).ok());
  const size_t before = HeapAllocations();
  const bool ok = plan.value()->Run(second.batch(), &kv).ok() && plan.value()->Run(third.batch(), &kv).ok();
  EXPECT_EQ(HeapAllocations(), before);
  EXPECT_TRUE(ok);
}

TEST_P(BlockSparse, WhatIsMissingIsAnError) {
  const Form form = Forms()[0];
  const Graph graph = Build(form);
  const auto backend = Open(1);
  EXPECT_EQ(backend->Prepare(graph, {.tokens = 8, .outputs = 8}).error().what,
            "attention: block-sparse: step limits without a context, expected one");
  const auto plan = backend->Prepare(graph, {.tokens = 8, .outputs = 8, .context = 20});
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  const auto error = [&](const TestBatch::Sequence& piece, KvStore kv) {
    const TestBatch batch({piece});
    const Status status = plan.value()->Run(batch.batch(), &kv);
    return status.ok() ? "" : status.error().what;
  };
  EXPECT_EQ(error(Piece(12, 8, 55), Store(form)), "");
  EXPECT_EQ(error(Piece(13, 8, 55), Store(form)), "sequence 0: 21 positions, the plan takes at most 20");
  EXPECT_EQ(error(Piece(0, 8, 55), KvStore({{2, 32}}, KvType::kF32, kStoreBlocks)),
            "KV store: layer 0 has no means of blocks, block-sparse attention needs them");
}

INSTANTIATE_TEST_SUITE_P(Backends, BlockSparse, testing::ValuesIn(AllBackends().begin(), AllBackends().end()),
                         [](const auto& test) { return std::string(test.param->name); });

TEST(BlockChoice, TakesTheMostPromisingAndOfEqualsTheEarliest) {
  const auto taken = [](std::vector<float> promise, const ChoiceRule& rule) {
    std::vector<uint64_t> order(promise.size());
    TakeMostPromising(promise, rule, order);
    std::vector<int> blocks;
    for (size_t b = 0; b < promise.size(); ++b) {
      if (promise[b] >= 0) blocks.push_back(static_cast<int>(b));
    }
    return blocks;
  };
  const std::vector<float> tenths = {0.1f, 0.4f, 0.2f, 0.3f}, equal(4, 0.2f);
  EXPECT_EQ(taken(tenths, {.keep = 0.5}), (std::vector<int>{1, 3}));
  EXPECT_EQ(taken(tenths, {.keep = 0.51}), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(taken(tenths, {}), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(taken(tenths, {.leave = 0.35}), (std::vector<int>{1, 3}));
  EXPECT_EQ(taken(tenths, {.keep = 0.25, .leave = 0.35}), (std::vector<int>{1}));
  EXPECT_EQ(taken({0.1f, 0.1f}, {.leave = 0.5}), std::vector<int>{});
  EXPECT_EQ(taken(equal, {.keep = 0.25}), (std::vector<int>{0}));
  EXPECT_EQ(taken({std::nanf(""), 0.f, 1e-9f, std::nanf("")}, {.keep = 0.5}), (std::vector<int>{2}));
  EXPECT_EQ(taken({}, {.keep = 0.5}), std::vector<int>{});
}

TEST(BlockChoice, CountsWhatRowsSeeAtMost) {
  EXPECT_EQ(RangeOf(0).count(), 0);
  EXPECT_EQ(RangeOf(4 * 64 - 1).count(), 0);
  EXPECT_EQ(RangeOf(4 * 64).count(), 1);
  EXPECT_EQ(MostSeen(4 * 64, {.keep = 0.5}), 4 * 64 + 1);
  EXPECT_EQ(MostSeen(12 * 64 + 9, {.keep = 0.25}), 12 * 64 + 10 - 6 * 64);
  EXPECT_EQ(MostSeen(12 * 64 + 9, {.leave = 0.5}), 12 * 64 + 10);
}

}  // namespace
}  // namespace tern
