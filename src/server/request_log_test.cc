#include "server/request_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <thread>

#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

struct Pipe {
  Pipe() { EXPECT_EQ(pipe(ends), 0); }
  ~Pipe() {
    close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
  }
  // Up to a line break.
  std::string Line() {
    std::string line;
    char c = 0;
    while (read(ends[0], &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  int ends[2] = {-1, -1};
};

const RequestRecord kRecord{.unix_ms = 1769860800123,
                            .id = "req_1",
                            .method = "POST",
                            .route = "/v1/completions",
                            .end = {.status = 200, .seconds = 0.41234},
                            .note = {.prompt_tokens = 12,
                                     .cached_tokens = 8,
                                     .completion_tokens = 34,
                                     .first_token_s = 0.0812,
                                     .finish = "stop"}};

TEST(RequestLog, IsJsonForMachines) {
  EXPECT_EQ(
      JsonLine(kRecord),
      R"({"time":"2026-01-31T12:00:00.123Z","request_id":"req_1","method":"POST","route":"/v1/completions",)"
      R"("status":200,"outcome":"ok","finish_reason":"stop","tokens_in":12,"tokens_out":34,"tokens_cached":8,)"
      R"("ttft_ms":81.2,"total_ms":412.3})");
}

TEST(RequestLog, IsALineForPeople) {
  EXPECT_EQ(TextLine(kRecord),
            "2026-01-31T12:00:00.123Z POST /v1/completions 200 stop, 12 in (8 cached), 34 out, first 81 ms, "
            "412 ms, "
            "req_1");
  EXPECT_EQ(TextLine({.id = "a", .method = "GET", .route = "none", .end = {.status = 404}}),
            "1970-01-01T00:00:00.000Z GET none 404 refused, 0 ms, a");
}

TEST(RequestLog, OutcomesAreTyped) {
  EXPECT_EQ(OutcomeName({.status = 200}), "ok");
  EXPECT_EQ(OutcomeName({.status = 429}), "refused");
  EXPECT_EQ(OutcomeName({.status = 503}), "failed");
  EXPECT_EQ(OutcomeName({.status = 200, .cut = true}), "failed");
  EXPECT_EQ(OutcomeName({.status = 200, .cut = true}, "slow_client"), "slow");
  EXPECT_EQ(OutcomeName({.status = 200, .cut = true, .gone = true}), "cancelled");
}

TEST(RequestLog, FormatsHaveNames) {
  EXPECT_EQ(ParseLogFormat("json").value(), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat("xml").error().what, "log format xml: expected text, json or none");
}

// Prompts, answers, keys, paths and headers stay out of it, on every path.
TEST(RequestLog, SaysNothingOfWhatWasSaid) {
  Pipe pipe;
  {
    TestServer server(TestServer::Kind::kDecoder, ApiKeys::Make({"canary-key"}, "").value());
    server.context().log = RequestLog(LogFormat::kJson, pipe.ends[1]);
    const HttpHeaders key = {{"authorization", "Bearer canary-key"}, {"x-note", "canary-header"}};
    server.Ask("POST", "/v1/completions",
               R"({"prompt": "canary-prompt", "max_tokens": 4, "stop": "canary-stop"})", key);
    server.Ask("POST", "/v1/completions", R"({"prompt": "canary-prompt", "max_tokens": 0.5})", key);
    server.Ask("POST", "/v1/completions", R"({"prompt": "canary-prompt", "max_tokens": 4, "stream": true})",
               key);
    server.Ask("POST", "/v1/completions", "canary-body", key);
    server.Ask("GET", "/canary-path", "", key);
    server.Ask("GET", "/v1/models/canary-model", "", key);
    server.Ask("GET", "/v1/models", "", {{"authorization", "Bearer canary-wrong-key"}});
  }
  const char* const outcomes[] = {"ok", "refused", "ok", "refused", "refused", "refused", "refused"};
  for (const char* outcome : outcomes) {
    const std::string line = pipe.Line();
    EXPECT_EQ(line.find("canary"), std::string::npos) << line;
    const json::object record = json::parse(line).as_object();
    EXPECT_EQ(record.at("outcome").as_string(), outcome) << line;
    EXPECT_EQ(record.at("request_id").as_string(), "1");
    EXPECT_EQ(record.contains("ttft_ms"), std::string_view(outcome) == "ok") << line;
    EXPECT_EQ(record.contains("tokens_in"), std::string_view(outcome) == "ok") << line;
  }
}

TEST(RequestLog, ProbesAreForMachines) {
  Pipe pipe;
  {
    RequestLog log(LogFormat::kText, pipe.ends[1]);
    log.Write({.id = "1", .method = "GET", .route = "/ready", .end = {.status = 200}, .is_probe = true});
    log.Write({.id = "2", .method = "GET", .route = "/ready", .end = {.status = 503}, .is_probe = true});
  }
  EXPECT_EQ(pipe.Line(), "1970-01-01T00:00:00.000Z GET /ready 503 failed, 0 ms, 2");
}

// Nobody reads: who writes goes on, what does not fit is counted, and the end comes.
TEST(LineWriter, NeverWaitsForItsReader) {
  Pipe pipe;
  const std::string line(1000, 'x');
  const auto begun = std::chrono::steady_clock::now();
  {
    LineWriter writer(pipe.ends[1], 100'000);
    for (int i = 0; i < 1000; ++i) writer.Write(line);
    EXPECT_GT(writer.dropped(), 700u);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(1));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST(LineWriter, OutlivesItsReader) {
  Pipe pipe;
  close(std::exchange(pipe.ends[0], -1));
  LineWriter writer(pipe.ends[1]);
  writer.Write("to nobody");
  while (writer.dropped() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace tern
