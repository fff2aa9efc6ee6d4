#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "server/metrics/all_metrics.h"
#include "server/test_server.h"

namespace tern {
namespace {

// The sample's value; NaN: there is no such line.
double Sample(const std::string& text, const std::string& name) {
  const size_t at = ("\n" + text).find("\n" + name + " ");
  return at == std::string::npos ? NAN : std::stod(text.substr(at + name.size()));
}

TEST(Exposition, WritesWhatPrometheusReads) {
  static constexpr double kEnds[] = {0.001, 0.0025, 0.005};
  Histogram seconds(kEnds);
  for (const double s : {0.001, 0.002, 0.5, double{NAN}}) seconds.Observe(s);
  Exposition out;
  out.Begin("a_total", MetricKind::kCounter, "how many", {{"model", "a\"b\\c\nd"}});
  out.Sample(3, {{"x", "y"}});
  out.Begin("b", MetricKind::kHistogram, "how long", {});
  out.Sample(seconds);
  out.Begin("c", MetricKind::kGauge, "odd", {});
  out.Sample(0.25);
  EXPECT_EQ(out.Take(),
            "# HELP a_total how many\n# TYPE a_total counter\n"
            "a_total{model=\"a\\\"b\\\\c\\nd\",x=\"y\"} 3\n"
            "# HELP b how long\n# TYPE b histogram\n"
            "b_bucket{le=\"0.001\"} 1\nb_bucket{le=\"0.0025\"} 2\nb_bucket{le=\"0.005\"} 2\n"
            "b_bucket{le=\"+Inf\"} 3\nb_sum 0.503\nb_count 3\n"
            "# HELP c odd\n# TYPE c gauge\nc 0.25\n");
}

TEST(Meters, CountWhileOthersRead) {
  Counter counter;
  Histogram histogram(kTokenBuckets);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        counter.Add();
        histogram.Observe(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4000u);
  EXPECT_EQ(histogram.counts()[0], 4000u);
  EXPECT_EQ(histogram.sum(), 4000);
}

TEST(Metrics, AreNamedAsPrometheusWantsThem) {
  std::set<std::string_view> names;
  for (const MetricDesc& metric : AllMetrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    if (metric.name != "vllm:iteration_tokens_total") {  // vLLM's own name
      EXPECT_EQ(metric.kind == MetricKind::kCounter, metric.name.ends_with("_total")) << metric.name;
    }
    EXPECT_FALSE(metric.help.empty()) << metric.name;
    EXPECT_EQ(metric.help.find('\n'), std::string_view::npos) << metric.name;
  }
}

TEST(Metrics, CountWhatHappens) {
  TestServer server(TestServer::Kind::kDecoder, ApiKeys::Make({"k"}, "").value());
  const HttpHeaders key = {{"x-api-key", "k"}};
  EXPECT_EQ(server.Ask("GET", "/metrics").status, 401);
  const std::string body = R"({"prompt": [1, 2, 3, 4, 5], "max_tokens": 4, "ignore_eos": true, "n": 2})";
  ASSERT_EQ(server.Ask("POST", "/v1/completions", body, key).status, 200);
  EXPECT_EQ(server.Ask("POST", "/v1/completions", "{}", key).status, 400);
  EXPECT_EQ(server.Ask("GET", "/" + std::string(50, 'x'), "", key).status, 404);
  const HttpResponse answer = server.Ask("GET", "/metrics", "", key);
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const std::string& text = answer.body;
  const std::string model = R"({model_name="tiny",engine="0")";
  EXPECT_EQ(Sample(text, "vllm:num_requests_running" + model + "}"), 0);
  EXPECT_EQ(Sample(text, "vllm:num_requests_waiting" + model + "}"), 0);
  EXPECT_EQ(Sample(text, "vllm:kv_cache_usage_perc" + model + "}"), 0);
  EXPECT_EQ(Sample(text, "vllm:prompt_tokens_total" + model + "}"), 10);
  EXPECT_EQ(Sample(text, "vllm:generation_tokens_total" + model + "}"), 8);
  EXPECT_EQ(Sample(text, "vllm:prefix_cache_queries_total" + model + "}"), 10);
  EXPECT_EQ(Sample(text, "vllm:request_success_total" + model + R"(,finished_reason="length"})"), 2);
  EXPECT_EQ(Sample(text, "vllm:request_success_total" + model + R"(,finished_reason="stop"})"), 0);
  for (const char* name :
       {"time_to_first_token_seconds", "e2e_request_latency_seconds", "request_queue_time_seconds",
        "request_time_per_output_token_seconds", "request_decode_time_seconds"}) {
    EXPECT_EQ(Sample(text, "vllm:" + std::string(name) + "_count" + model + "}"), 2) << name;
  }
  EXPECT_EQ(Sample(text, "vllm:inter_token_latency_seconds_count" + model + "}"), 6);
  EXPECT_EQ(Sample(text, "vllm:inter_token_latency_seconds_bucket" + model + R"(,le="+Inf"})"), 6);
  EXPECT_EQ(Sample(text, "vllm:request_generation_tokens_sum" + model + "}"), 8);
  EXPECT_EQ(Sample(text, "vllm:request_params_max_tokens_sum" + model + "}"), 8);
  EXPECT_EQ(Sample(text, "vllm:request_params_n_sum" + model + "}"), 2);
  EXPECT_EQ(Sample(text, "vllm:request_params_n_count" + model + "}"), 1);
  EXPECT_EQ(Sample(text, "vllm:request_max_num_generation_tokens_sum" + model + "}"), 4);
  EXPECT_GE(Sample(text, "vllm:iteration_tokens_total_sum" + model + "}"), 5 + 2 * 3);
  EXPECT_EQ(Sample(text, "tern:max_requests_running" + model + "}"), 8);
  EXPECT_GT(Sample(text, "tern:ledger_bytes" + model + R"(,pool="kv"})"), 0);
  EXPECT_EQ(Sample(text, R"(http_requests_total{method="POST",handler="/v1/completions",status="200"})"), 1);
  EXPECT_EQ(Sample(text, R"(http_requests_total{method="POST",handler="/v1/completions",status="400"})"), 1);
  EXPECT_EQ(Sample(text, R"(http_requests_total{method="GET",handler="/metrics",status="401"})"), 1);
  EXPECT_EQ(Sample(text, R"(http_requests_total{method="none",handler="none",status="404"})"), 1);
  EXPECT_EQ(Sample(text, R"(tern:build_info{version="1.2.3"})"), 1);
  EXPECT_GT(Sample(text, "process_resident_memory_bytes"), 0);
  EXPECT_EQ(text.find("xxx"), std::string::npos);  // nothing that a client sends is a label
}

TEST(Metrics, OfAnEncoder) {
  TestServer server(TestServer::Kind::kEmbedder);
  ASSERT_EQ(server.Ask("POST", "/v1/embeddings", R"({"input": "abc"})").status, 200);
  const std::string text = server.Ask("GET", "/metrics").body;
  EXPECT_GT(Sample(text, R"(vllm:prompt_tokens_total{model_name="tiny",engine="0"})"), 0);
  EXPECT_GT(Sample(text, R"(tern:ledger_bytes{model_name="tiny",engine="0",pool="activations"})"), 0);
  EXPECT_EQ(text.find(R"(pool="")"), std::string::npos);
  EXPECT_EQ(server.Ask("GET", "/debug/state").status, 200);
  EXPECT_EQ(server.Ask("GET", "/ready").status, 200);
}

// Whatever clients do, the number of series stays what the tables allow.
TEST(Metrics, AreBounded) {
  HttpMeters meters(AllRoutes());
  for (int status = 0; status < 1000; ++status) {
    for (const RouteDesc* route : AllRoutes()) meters.Count(route, status);
    meters.Count(nullptr, status);
  }
  constexpr size_t kEach = 20;  // statuses that are told apart
  EXPECT_LE(meters.rows().size(), kEach * (AllRoutes().size() + 1));
}

TEST(Probes, TellWhetherToSendRequests) {
  TestServer server(TestServer::Kind::kDecoder);
  EXPECT_EQ(server.Ask("GET", "/ready").status, 200);
  server.context().draining = true;
  EXPECT_EQ(server.Ask("GET", "/health").status, 200);
  EXPECT_EQ(server.Ask("GET", "/metrics").status, 200);
  for (const char* path : {"/ready", "/v1/models"}) {
    const HttpResponse refused = server.Ask("GET", path);
    EXPECT_EQ(refused.status, 503) << path;
    EXPECT_NE(refused.body.find(R"("code":"draining")"), std::string::npos) << refused.body;
    const auto is_retry = [](const auto& header) { return header.first == "retry-after"; };
    EXPECT_TRUE(std::ranges::any_of(refused.headers, is_retry)) << path;
  }
}

TEST(EngineFigures, SayWhenTheEngineHangs) {
  EXPECT_FALSE(EngineFigures{}.hangs());
  EXPECT_FALSE(EngineFigures{.stuck_s = 9}.hangs());
  EXPECT_TRUE(EngineFigures{.stuck_s = 11}.hangs());
}

}  // namespace
}  // namespace tern
