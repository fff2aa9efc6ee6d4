#include "server/traces.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <future>

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const RequestRecord kRecord{.unix_ms = 1769860800123,
                            .id = "req_1",
                            .method = "POST",
                            .route = "/v1/completions",
                            .end = {.status = 200, .seconds = 0.5},
                            .note = {.prompt_tokens = 12,
                                     .cached_tokens = 8,
                                     .completion_tokens = 34,
                                     .first_token_s = 0.25,
                                     .finish = "stop"}};

TEST(TraceParent, IsReadAsTheStandardHasIt) {
  const auto parent = ParseTraceParent(kParent);
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(parent->span_id, "b7ad6b7169203331");
  EXPECT_TRUE(parent->sampled);
  EXPECT_FALSE(ParseTraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe")->sampled);
  EXPECT_TRUE(ParseTraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later"));
}

TEST(TraceParent, IsNothingWhereItIsBroken) {
  for (const char* header : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                             "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                             "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                             "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                             "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                             "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(ParseTraceParent(header)) << header;
  }
}

TEST(Span, SaysWhatTheRequestWas) {
  json::object span = json::parse(SpanJson(kRecord, ParseTraceParent(kParent), "smollm2")).as_object();
  EXPECT_EQ(span["spanId"].as_string().size(), 16);
  span["spanId"] = "any";
  EXPECT_EQ(
      json::serialize(span),
      R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"any","parentSpanId":"b7ad6b7169203331",)"
      R"("name":"POST /v1/completions",)"
      R"("kind":2,"startTimeUnixNano":"1769860799623000000",)"
      R"("endTimeUnixNano":"1769860800123000000","attributes":[)"
      R"({"key":"http.request.method","value":{"stringValue":"POST"}},)"
      R"({"key":"http.route","value":{"stringValue":"/v1/completions"}},)"
      R"({"key":"http.response.status_code","value":{"intValue":"200"}},)"
      R"({"key":"tern.request_id","value":{"stringValue":"req_1"}},)"
      R"({"key":"tern.outcome","value":{"stringValue":"ok"}},)"
      R"({"key":"gen_ai.request.model","value":{"stringValue":"smollm2"}},)"
      R"({"key":"gen_ai.usage.input_tokens","value":{"intValue":"12"}},)"
      R"({"key":"gen_ai.usage.output_tokens","value":{"intValue":"34"}},)"
      R"({"key":"tern.cached_tokens","value":{"intValue":"8"}},)"
      R"({"key":"tern.finish_reason","value":{"stringValue":"stop"}}],)"
      R"("events":[{"name":"first token","timeUnixNano":"1769860799873000000"}]})");
}

TEST(Span, OfAFailureSaysSoAndBeginsItsOwnTrace) {
  RequestRecord record = kRecord;
  record.end.status = 500;
  const json::object span = json::parse(SpanJson(record, std::nullopt, "m")).as_object();
  EXPECT_EQ(span.at("traceId").as_string().size(), 32);
  EXPECT_FALSE(span.contains("parentSpanId"));
  EXPECT_EQ(json::serialize(span.at("status")), R"({"code":2})");
}

TEST(Traces, PostsWhatIsLeftAtTheEndButNotWhatIsNotSampled) {
  std::vector<std::string> posted;
  {
    Traces traces(
        "1.0",
        [&](const std::string& body) {
          posted.push_back(body);
          return Status();
        },
        [](const Error&) {});
    traces.Write(kRecord, "", "m");
    traces.Write(kRecord, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "m");
  }
  ASSERT_EQ(posted.size(), 1);
  const json::value resource = json::parse(posted[0]).at("resourceSpans").at(0);
  EXPECT_EQ(resource.at("scopeSpans").at(0).at("spans").as_array().size(), 1);
  EXPECT_EQ(json::serialize(resource.at("resource")),
            R"({"attributes":[{"key":"service.name","value":{"stringValue":"tern"}},)"
            R"({"key":"service.version","value":{"stringValue":"1.0"}}]})");
}

TEST(Traces, DropsAndCountsWhatNobodyTakesAndComplainsOnce) {
  std::promise<void> taken, go;
  int complaints = 0;
  bool first = true;
  Traces traces(
      "1.0",
      [&](const std::string&) -> Status {
        if (std::exchange(first, false)) {
          taken.set_value();
          go.get_future().wait();
        }
        return IoError("collector: gone");
      },
      [&](const Error&) { ++complaints; }, std::chrono::milliseconds(1));
  traces.Write(kRecord, "", "m");
  taken.get_future().wait();
  for (size_t i = 0; i < Traces::kMostSpans + 2; ++i) traces.Write(kRecord, "", "m");
  EXPECT_EQ(traces.dropped(), 2);
  go.set_value();
  while (traces.dropped() < Traces::kMostSpans + 3) std::this_thread::yield();
  EXPECT_EQ(complaints, 1);
}

}  // namespace
}  // namespace tern
