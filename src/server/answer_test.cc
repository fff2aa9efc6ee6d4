#include "server/answer.h"

#include <gtest/gtest.h>

#include <future>

#include "server/test_server.h"

namespace tern {
namespace {

// Says when an answer begins.
class BeginSink : public FakeSink {
 public:
  void Begin(HttpResponse head) override {
    FakeSink::Begin(head);
    begun_.set_value(std::move(head));
  }
  std::future<HttpResponse> begun() { return begun_.get_future(); }

 private:
  std::promise<HttpResponse> begun_;
};

// Proxies and clients hang up on streams of which they hear nothing.
TEST(Answer, AStreamBeginsWhileItsRequestWaits) {
  TestServer server(TestServer::Kind::kDecoder);
  const auto busy = server.Send("POST", "/v1/completions",
                                R"({"prompt": "a", "n": 8, "max_tokens": 2000, "ignore_eos": true})",
                                std::make_shared<FakeSink>());
  const auto sink = std::make_shared<BeginSink>();
  std::future<HttpResponse> begun = sink->begun();
  const auto waiting =
      server.Send("POST", "/v1/chat/completions",
                  R"({"messages": [{"role": "user", "content": "a"}], "stream": true})", sink);
  ASSERT_EQ(begun.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_GE(server.context().host->counts().waiting, 1u);
  EXPECT_NE(begun.get().body.find(R"("delta":{"role":"assistant","content":""})"), std::string::npos);
  busy->ClientGone();
  EXPECT_NE(sink->Answer().body.find("data: [DONE]"), std::string::npos);
}

// What is refused for want of room was no stream yet.
TEST(Answer, ARequestThatIsNotQueuedIsNoStream) {
  TestServer server(TestServer::Kind::kDecoder);
  std::vector<std::shared_ptr<HttpExchange>> busy;
  const std::string many =
      R"({"prompt": ["a","a","a","a"], "n": 16, "max_tokens": 2000, "ignore_eos": true})";
  for (int i = 0; i < 4; ++i) {
    busy.push_back(server.Send("POST", "/v1/completions", many, std::make_shared<FakeSink>()));
  }
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto counts = [&] { return server.context().host->counts(); };
  while (counts().waiting + counts().running < 256 && std::chrono::steady_clock::now() < late) {
    std::this_thread::yield();
  }
  const std::string more = R"({"prompt": ["a","a"], "n": 16, "stream": true})";
  const HttpResponse answer = server.Ask("POST", "/v1/completions", more);
  EXPECT_EQ(answer.status, 429) << answer.body;
  EXPECT_EQ(answer.content_type, "application/json");
  for (const auto& exchange : busy) exchange->ClientGone();
}

}  // namespace
}  // namespace tern
