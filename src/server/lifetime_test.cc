// Clients that go or do not read, servers that end, and every route on every kind of model.

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "server/eventually.h"
#include "server/test_server.h"

namespace tern {
namespace {

using std::chrono::milliseconds;

constexpr const char* kLong = R"({"prompt": "a", "max_tokens": 1500, "ignore_eos": true, "stream": true})";

struct Asked {
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
  std::shared_ptr<HttpExchange> exchange;
};

Asked MakeCompletion(const std::string& body) {
  Asked asked;
  HttpRequest request{.id = "1", .method = "POST", .path = "/v1/completions", .query = "", .headers = {}};
  request.body = body;
  asked.exchange = std::make_shared<HttpExchange>(std::move(request), asked.sink);
  return asked;
}

// So many that handing them over takes a while.
std::string ManyAnswers() {
  std::string prompts;
  for (int i = 0; i < 4; ++i) prompts += (i > 0 ? ",\"" : "\"") + std::string(1900, 'a') + "\"";
  return "{\"prompt\": [" + prompts + "], \"n\": 16, \"max_tokens\": 20, \"ignore_eos\": true}";
}

TEST(Lifetime, NothingRunsForAClientThatHasGone) {
  TestServer server(TestServer::Kind::kDecoder);
  Asked asked = MakeCompletion(ManyAnswers());
  asked.exchange->ClientGone();
  server.Handle(std::exchange(asked.exchange, nullptr));
  EXPECT_EQ(asked.sink->Answer().status, 500);  // to nobody
  EXPECT_EQ(server.context().host->counts().completion_tokens, 0u);
  const std::string metrics = server.Ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find(R"(status="499")"), std::string::npos) << metrics;  // and counted
}

// Whenever it goes: before, while and after its request is handed to the engine.
TEST(Lifetime, NothingRunsOnForAClientThatGoes) {
  TestServer server(TestServer::Kind::kDecoder);
  const std::string body = ManyAnswers();
  for (int i = 0; i < 10; ++i) {
    Asked asked = MakeCompletion(body);
    server.Handle(asked.exchange);
    std::this_thread::sleep_for(std::chrono::microseconds(i * 300));
    asked.exchange->ClientGone();
    asked.exchange.reset();
    EXPECT_GE(asked.sink->Answer().status, 500);  // whole answers would be 200
  }
  EXPECT_TRUE(Eventually([&] {
    const HostCounts counts = server.context().host->counts();
    return counts.waiting == 0 && counts.running == 0;
  }));
}

// Of a client that reads slowly the answer waits, and others' do not.
TEST(Lifetime, AnAnswerThatIsNotReadPauses) {
  TestServer server(TestServer::Kind::kDecoder);
  const EngineHost& host = *server.context().host;
  Asked slow = MakeCompletion(kLong);
  server.Handle(slow.exchange);
  ASSERT_TRUE(Eventually([&] { return host.counts().completion_tokens == 0 && host.counts().running == 1; }));
  slow.exchange->SetUnsentBytes(129 << 10);
  ASSERT_TRUE(Eventually([&] { return host.counts().scheduler.paused == 1; }));
  const uint64_t steps = host.counts().scheduler.decode_tokens;
  EXPECT_EQ(server.Ask("POST", "/v1/completions", R"({"prompt": "b", "max_tokens": 3})").status, 200);
  EXPECT_LE(host.counts().scheduler.decode_tokens, steps + 3);
  EXPECT_EQ(host.counts().running, 1u);
  slow.exchange->SetUnsentBytes(65 << 10);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(host.counts().scheduler.paused, 1);
  slow.exchange->SetUnsentBytes(63 << 10);
  EXPECT_TRUE(slow.sink->Answer().body.ends_with("data: [DONE]\n\n"));
}

TEST(Lifetime, AnAnswerThatNobodyReadsEndsWithAnError) {
  for (const size_t unsent : {1 << 20, 1}) {
    TestServer server(TestServer::Kind::kDecoder);
    server.context().stall_s = 0.005;
    Asked asked = MakeCompletion(kLong);
    asked.exchange->SetUnsentBytes(unsent);
    server.Handle(asked.exchange);
    const HttpResponse answer = asked.sink->Answer();
    EXPECT_NE(answer.body.find(R"("code":"slow_client")"), std::string::npos) << answer.body;
    EXPECT_TRUE(answer.status == 408 || answer.body.ends_with("<cut>"));  // if it had begun
    EXPECT_TRUE(Eventually([&] { return server.context().host->counts().running == 0; }));
    const std::string metrics = server.Ask("GET", "/metrics").body;
    EXPECT_NE(metrics.find("tern:slow_clients_total{model_name=\"tiny\",engine=\"0\"} 1"), std::string::npos);
  }
}

TEST(Lifetime, AnEngineThatEndsSaysSo) {
  TestServer server(TestServer::Kind::kDecoder);
  Asked asked = MakeCompletion(kLong);
  server.Handle(asked.exchange);
  ASSERT_TRUE(Eventually([&] { return server.context().host->counts().running == 1; }));
  server.context().host->End();
  const HttpResponse answer = asked.sink->Answer();
  EXPECT_NE(answer.body.find("the server is shutting down"), std::string::npos) << answer.body;
  EXPECT_TRUE(answer.body.ends_with("<cut>"));
  const HttpResponse late = server.Ask("POST", "/v1/completions", R"({"prompt": "a"})");
  EXPECT_EQ(late.status, 503) << late.body;
}

TEST(Lifetime, WhileDrainingNothingBegins) {
  TestServer server(TestServer::Kind::kDecoder);
  server.context().draining = true;
  const HttpResponse answer = server.Ask("POST", "/v1/completions", R"({"prompt": "a"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find(R"("code":"draining")"), std::string::npos) << answer.body;
  EXPECT_EQ(answer.headers.at(0), std::pair(std::string("retry-after"), std::string("5")));
  EXPECT_EQ(server.Ask("GET", "/debug/state").status, 200);
}

TEST(Lifetime, LongPromptsAreNotReadToTheirEnd) {
  TestServer server(TestServer::Kind::kDecoder);
  const std::string text(4 << 20, 'a');
  for (const std::string& body : {R"({"prompt": [")" + text + R"("]})", R"({"prompt": ")" + text + R"("})"}) {
    const HttpResponse answer = server.Ask("POST", "/v1/completions", body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(
        answer.body.find("the prompt is too long: 4194304 bytes; this model's maximum context length is "
                         "2048 tokens"),
        std::string::npos)
        << answer.body.substr(0, 500);
  }
  const HttpResponse answer = server.Ask("POST", "/v1/chat/completions",
                                         R"({"messages": [{"role": "user", "content": ")" + text + R"("}]})");
  EXPECT_NE(answer.body.find("context_length_exceeded"), std::string::npos) << answer.body.substr(0, 500);
}

TEST(Lifetime, WorkersAreNotKeptBusyByOneText) {
  TestServer server(TestServer::Kind::kDecoder);
  const std::string text((1 << 20) + 1, 'a');
  for (const std::string& body : {R"({"content": ")" + text + R"("})", R"({"prompt": ")" + text + R"("})",
                                  R"({"messages": [{"role": "user", "content": ")" + text + R"("}]})"}) {
    const HttpResponse answer = server.Ask("POST", "/tokenize", body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find("expected at most 1048576"), std::string::npos) << answer.body.substr(0, 500);
  }
}

TEST(Lifetime, NorByOneWhoCounts) {
  TestServer server(TestServer::Kind::kDecoder);
  const std::string body = R"({"model": "tiny", "messages": [{"role": "user", "content": ")" +
                           std::string(1 << 20, 'a') + R"("}]})";
  for (const char* path : {"/v1/messages/count_tokens", "/v1/chat/completions/input_tokens"}) {
    const HttpResponse answer = server.Ask("POST", path, body);
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_NE(answer.body.find("expected at most 1048576"), std::string::npos) << answer.body.substr(0, 500);
  }
}

TEST(Lifetime, EveryRouteAnswersWhateverTheModelIs) {
  for (const auto kind : {TestServer::Kind::kDecoder, TestServer::Kind::kEmbedder}) {
    TestServer server(kind);
    for (const RouteDesc* route : AllRoutes()) {
      for (const char* method : {"GET", "HEAD", "OPTIONS", "POST", "DELETE"}) {
        const int status = server.Ask(method, std::string(route->path), "{}").status;
        EXPECT_TRUE((status >= 200 && status < 300) || (status >= 400 && status < 500))
            << method << " " << route->path << ": " << status;
      }
    }
  }
}

}  // namespace
}  // namespace tern
