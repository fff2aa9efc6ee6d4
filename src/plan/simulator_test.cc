#include "plan/simulator.h"

#include <gtest/gtest.h>

#include "plan/load.h"

namespace tern {
namespace {

// A step takes 2 ms, and 0.5 ms per row.
constexpr StepCostCoefficients kStep{.step_s = 2e-3, .row_s = 5e-4, .more_row_s = 5e-4};

SimOptions Options() {
  return {.scheduler = {.kv_blocks = 1024, .context = 2048, .running = 16}, .step = kStep};
}

Trace Load(std::string_view name, double rate, int requests = 400) {
  return MakeLoad(*FindLoad(name).value(), {.rate = rate, .requests = requests, .output_tokens = 40});
}

TEST(Simulator, OneRequestTakesWhatItsStepsTake) {
  Trace trace{.name = "one", .requests = {{.input_tokens = 700, .output_tokens = 3}}};
  SimOptions options = Options();
  options.request_s = 0.001;
  options.token_s = 0.0001;
  const SimResult result = Simulate(trace, options);
  ASSERT_EQ(result.requests.size(), 1u);
  const SimRequest& r = result.requests[0];
  EXPECT_EQ(r.end, SimEnd::kWhole);
  // 512 rows, and 188 more.
  EXPECT_NEAR(r.first_token_s, 0.001 + 2 * 0.002 + 700 * 0.0005 + 0.0001, 1e-6);
  EXPECT_NEAR(r.gap_s(), 0.0025 + 0.0001, 1e-6);
  EXPECT_EQ(result.steps, 4);
  EXPECT_EQ(result.output_tokens, 3);
}

TEST(Simulator, EveryRequestEndsOnceAndAllBlocksComeBack) {
  for (const LoadDesc* load : AllLoads()) {
    for (const PolicyDesc* policy : AllPolicies()) {
      for (const int blocks : {130, 1024}) {
        SimOptions options = Options();
        options.scheduler.policy = policy;
        options.scheduler.kv_blocks = blocks;
        options.step.spread = 1.2;
        const Trace trace = Load(load->name, 4);
        const SimResult result = Simulate(trace, options);
        int64_t whole = 0, tokens = 0;
        for (size_t i = 0; i < trace.requests.size(); ++i) {
          const SimRequest& r = result.requests[i];
          const int room = std::min(2048, blocks * 16) - trace.requests[i].input_tokens;
          if (r.end == SimEnd::kWhole) {
            ++whole;
            EXPECT_EQ(r.output_tokens, std::min(trace.requests[i].output_tokens, room));
          } else {
            EXPECT_EQ(r.output_tokens, 0);
          }
          tokens += r.output_tokens;
        }
        EXPECT_EQ(whole + result.refused, static_cast<int64_t>(trace.requests.size()));
        EXPECT_EQ(tokens, result.output_tokens);
        EXPECT_EQ(result.counts.ended, static_cast<uint64_t>(whole));
        EXPECT_EQ(result.counts.kv_free + result.counts.kv_cached, blocks) << load->name;
        EXPECT_LE(result.most_kv_blocks, blocks);
      }
    }
  }
}

TEST(Simulator, TheSameSeedGivesTheSameSteps) {
  const Trace trace = Load("agents", 3);
  SimOptions options = Options();
  options.step.spread = 1.1;
  const SimResult first = Simulate(trace, options), second = Simulate(trace, options);
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_EQ(first.steps, second.steps);
  options.seed = 2;
  EXPECT_NE(Simulate(trace, options).digest, first.digest);
}

// Nearly more than can be borne: of one who asks alone, no request is passed by those that come later.
TEST(Simulator, WhoeverAsksAloneIsServedInTurn) {
  const Trace trace = MakeLoad(*FindLoad("poisson").value(),
                               {.rate = 1.9, .requests = 600, .input_tokens = 900, .output_tokens = 40});
  SimOptions options = Options();
  options.scheduler.running = 32;
  options.scheduler.policy = FindPolicy("fifo").value();
  const double fifo = Simulate(trace, options).first_token.At(0.99);
  options.scheduler.policy = FindPolicy("fair").value();
  EXPECT_LT(Simulate(trace, options).first_token.At(0.99), 1.2 * fifo);
}

// One request, whose tokens come one a step.
TEST(Simulator, StepsDifferAsMuchAsTheyAreSaidTo) {
  const Trace trace{.name = "one", .requests = {{.input_tokens = 16, .output_tokens = 2000}}};
  SimOptions options = Options();
  const double usual = Simulate(trace, options).gap.At(0.5);
  options.step.spread = 1.2;
  options.step.tail = 3;
  const SimResult result = Simulate(trace, options);
  EXPECT_NEAR(result.gap.At(0.4) / usual, 1, 0.05);
  EXPECT_NEAR(result.gap.At(0.9) / usual, 1.2, 0.08);
  EXPECT_NEAR(result.gap.At(0.99) / usual, 3, 0.5);
}

TEST(Simulator, PromptsThatBeginAlikeAreFound) {
  const Trace trace = Load("agents", 2);
  SimOptions options = Options();
  const SimResult shared = Simulate(trace, options);
  options.scheduler.prefix_cache = false;
  const SimResult alone = Simulate(trace, options);
  const auto& counts = shared.counts;
  EXPECT_GT(counts.prefix_hit_tokens, counts.prefix_queried_tokens / 2);
  EXPECT_EQ(alone.counts.prefix_hit_tokens, 0u);
  EXPECT_LT(shared.first_token.At(0.5), alone.first_token.At(0.5));
}

TEST(Simulator, FindsTheLoadThatStillHolds) {
  const Trace trace = Load("poisson", 1, 1000);
  SimOptions options = Options();
  const Slo slo{.ttft_s = {1, 1, 1}, .itl_s = {0.05, 0.05, 0.05}};
  const Capacity capacity = FindCapacity(trace, options, slo);
  EXPECT_GE(CountGood(trace, capacity.result, slo), 990);
  Trace beyond = trace;
  SpeedUp(&beyond, capacity.factor * 1.1);
  EXPECT_LT(CountGood(beyond, Simulate(beyond, options), slo), 990);
  // A step alone takes longer.
  EXPECT_EQ(FindCapacity(trace, options, {.itl_s = {0.001, 0.001, 0.001}}).factor, 0);
}

TEST(MachineCost, IsFittedToWhatBenchPrints) {
  const auto line = [](std::string_view test, int tokens, int batch, double seconds) {
    return "{\"test\": \"" + std::string(test) + "\", \"tokens\": " + std::to_string(tokens) +
           ", \"batch\": " + std::to_string(batch) + ", \"depth\": 0, \"tokens_per_s\": " +
           std::to_string((test == "decode" ? batch : tokens) / seconds) + "}";
  };
  std::string json = "{\"model\": \"m\", \"context\": 100, \"results\": [";
  for (const int n : {16, 64, 256, 512}) json += line("prefill", n, 1, 2e-3 + 5e-4 * n) + ",";
  for (const int n : {1, 2, 4, 8, 16}) json += line("decode", 8, n, 2e-3 + 5e-4 * n) + ",";
  // The last one counts, too.
  json += R"({"test": "decode", "tokens": 2, "batch": 1, "depth": 2000, "tokens_per_s": 250})";
  json += R"(], "spread": 1.2, "tail": 3)";
  const auto cost = ParseMachineCost(json + "}", "c");
  ASSERT_TRUE(cost.ok()) << cost.error().what;
  EXPECT_EQ(cost.value().context, 100);
  EXPECT_EQ(cost.value().step.spread, 1.2);
  EXPECT_EQ(cost.value().step.tail, 3);
  for (const int rows : {1, 8, 100, 512}) {
    EXPECT_NEAR(StepSeconds(cost.value().step, {.rows = rows, .outputs = 1}), 2e-3 + 5e-4 * rows,
                0.03 * (2e-3 + 5e-4 * rows));
  }
  EXPECT_NEAR(StepSeconds(cost.value().step, {.rows = 1, .outputs = 1, .kv_read = 2002, .kv_pairs = 2002}),
              4e-3, 4e-4);
  const auto again = ParseMachineCost(FormatMachineCost(cost.value()), "d");
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_EQ(again.value().step.more_row_s, cost.value().step.more_row_s);
}

TEST(MachineCost, SaysWhatIsMissing) {
  const auto problem = [](std::string_view json) { return ParseMachineCost(json, "c").error().what; };
  EXPECT_EQ(problem("[]"), "c: not a JSON object, expected one");
  EXPECT_EQ(problem("{}"),
            "c: neither step_cost nor results, expected what `tern bench --step-cost --json` prints");
  EXPECT_EQ(problem(R"({"step_cost": {"step_s": "1"}})"),
            "c: step_cost: step_s: \"1\", expected a number from 0 to 1000000");
  EXPECT_EQ(problem(R"({"step_cost": {}})"),
            "c: step_cost: a step takes no time, expected seconds as step_s and row_s");
  EXPECT_EQ(problem(R"({"results": [{"test": "other"}]})"),
            "c: results[0]: test: \"other\", expected \"prefill\" or \"decode\"");
}

TEST(Quantiles, AreWithinTheirResolution) {
  Quantiles q;
  EXPECT_EQ(q.At(0.5), 0);
  for (int i = 1; i <= 1000; ++i) q.Add(i * 1e-3);
  EXPECT_NEAR(q.At(0.5), 0.5, 0.5 / 256);
  EXPECT_NEAR(q.At(0.99), 0.99, 0.99 / 256);
  EXPECT_NEAR(q.At(1), 1, 1.0 / 256);
}

}  // namespace
}  // namespace tern
