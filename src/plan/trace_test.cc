#include "plan/trace.h"

#include <gtest/gtest.h>

#include "plan/load.h"

namespace tern {
namespace {

Trace Parsed(std::string_view text) {
  auto trace = ParseTrace(text, "t");
  EXPECT_TRUE(trace.ok()) << trace.error().what;
  return std::move(trace).value();
}

std::string Problem(std::string_view text) {
  const auto trace = ParseTrace(text, "t");
  return trace.ok() ? "" : trace.error().what;
}

TEST(Trace, ReadsAzure) {
  const Trace trace = Parsed(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n"
      "2023-11-16 18:15:50.9951690,396,109\r\n");
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.requests[0].arrival_ns, 0);
  EXPECT_NEAR(1e-9 * static_cast<double>(trace.requests[1].arrival_ns), 4.314579, 1e-6);
  EXPECT_EQ(trace.requests[1].input_tokens, 396);
  EXPECT_EQ(trace.requests[1].output_tokens, 109);
  const Trace later = Parsed(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n"
      "2024-05-12 00:00:01.009930+00:00,2399,6\n");
  EXPECT_NEAR(later.seconds(), 2 * 86400 + 1, 1e-6);
}

TEST(Trace, ReadsBurstGpt) {
  const Trace trace = Parsed(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "45,ChatGPT,100,0,100,Conversation log\n5,ChatGPT,472,18,490,Conversation log\n"
      "118,\"GPT-4, new\",1087,230,1317,API log\n");
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.skipped, 1);
  EXPECT_EQ(trace.requests[1].arrival_ns, 113'000'000'000);
  EXPECT_EQ(trace.requests[1].output_tokens, 230);
}

TEST(Trace, ReadsMooncake) {
  const Trace trace =
      Parsed(R"({"timestamp": 27482, "input_length": 1100, "output_length": 52, "hash_ids": [46, 47, 2353]})"
             "\n"
             R"({"timestamp": 30535, "input_length": 1100, "output_length": 26, "hash_ids": [46, 47, 2366]})"
             "\n");
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.requests[1].arrival_ns, 3'053'000'000);
  const auto a = PromptTokens(trace, 0), b = PromptTokens(trace, 1);
  ASSERT_EQ(a.size(), 1100u);
  EXPECT_TRUE(std::equal(a.begin(), a.begin() + 1024, b.begin()));
  EXPECT_NE(std::vector(a.begin() + 1024, a.end()), std::vector(b.begin() + 1024, b.end()));
}

TEST(Trace, ReadsItsOwn) {
  const Trace trace = Parsed(
      "arrival_s,input_tokens,output_tokens,priority,prefix\n"
      "0.5,600,7,high,12 13\n1.25,10,8,,\n");
  EXPECT_EQ(trace.requests[0].priority, Priority::kHigh);
  EXPECT_EQ(trace.requests[0].prefix, (std::vector<uint64_t>{12, 13}));
  EXPECT_EQ(trace.requests[1].arrival_ns, 750'000'000);
}

TEST(Trace, SaysWhereItIsBroken) {
  const std::string head = "arrival_s,input_tokens,output_tokens\n";
  EXPECT_EQ(Problem(head + "1,2,3\n1,two,3\n"),
            "t:3: input_tokens: \"two\", expected a whole number from 1 to 16777216");
  EXPECT_EQ(Problem(head + "1,2\n"), "t:2: 2 columns, expected 3");
  EXPECT_EQ(Problem(head + "soon,2,3\n"),
            "t:2: arrival_s: \"soon\", expected seconds, or a time as 2023-11-16 18:15:46.68");
  EXPECT_EQ(Problem(head + "nan,2,3\n").substr(0, 14), "t:2: arrival_s");
  EXPECT_EQ(Problem("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 18:15:46.68,1,1\n").substr(0, 14),
            "t:2: TIMESTAMP");
  EXPECT_EQ(Problem(head), "t: no requests, expected at least one");
  EXPECT_EQ(Problem("when,what\n1,2\n").substr(0, 26), "t:1: \"when,what\", expected");
  EXPECT_EQ(Problem("{\"timestamp\": 1, \"input_length\": 2}\n"),
            "t:1: output_length: \"\", expected a number from 0 to 16777216");
  EXPECT_EQ(Problem("{\"timestamp\": 1,\n"), "t:1: line: \"{\"timestamp\": 1,\", expected a JSON object");
  EXPECT_EQ(Problem(R"({"timestamp": 1, "input_length": 2, "output_length": 3, "hash_ids": [-1]})"),
            "t:1: hash_ids: \"-1\", expected whole numbers");
}

TEST(Trace, WritesWhatItReads) {
  for (const LoadDesc* load : AllLoads()) {
    const Trace made = MakeLoad(*load, {.requests = 50});
    const Trace read = Parsed(FormatTrace(made));
    ASSERT_EQ(read.requests.size(), made.requests.size());
    EXPECT_EQ(read.block_tokens, made.block_tokens);
    for (size_t i = 0; i < made.requests.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(read.requests[i].arrival_ns),
                  static_cast<double>(made.requests[i].arrival_ns), 2);
      EXPECT_EQ(read.requests[i].prefix, made.requests[i].prefix);
      EXPECT_EQ(PromptTokens(read, i), PromptTokens(made, i));
    }
  }
}

TEST(Trace, IsRescaledAndCapped) {
  Trace trace = Parsed("arrival_s,input_tokens,output_tokens\n0,600,7\n10,5,900\n");
  SpeedUp(&trace, 4);
  CapLengths(&trace, 100, 50);
  EXPECT_EQ(trace.requests[1].arrival_ns, 2'500'000'000);
  EXPECT_EQ(trace.requests[0].input_tokens, 100);
  EXPECT_EQ(trace.requests[1].output_tokens, 50);
}

TEST(Trace, TokensStayInTheirRange) {
  const Trace trace = MakeLoad(*FindLoad("agents").value(), {.requests = 20});
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    for (const int32_t token : PromptTokens(trace, i, {.first = 100, .count = 50})) {
      ASSERT_TRUE(token >= 100 && token < 150);
    }
  }
}

TEST(Load, HasItsRateAndLengths) {
  for (const LoadDesc* load : AllLoads()) {
    const LoadOptions options{.rate = 3, .requests = 20000, .input_tokens = 200, .output_tokens = 50};
    const Trace trace = MakeLoad(*load, options);
    ASSERT_EQ(trace.requests.size(), 20000u);
    EXPECT_NEAR(20000 / trace.seconds(), 3, 0.3) << load->name;
    double out = 0;
    for (const TraceRequest& r : trace.requests) out += r.output_tokens;
    EXPECT_NEAR(out / 20000, 50, 2.5) << load->name;
  }
}

}  // namespace
}  // namespace tern
