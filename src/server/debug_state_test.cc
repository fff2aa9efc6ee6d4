// /debug/state: what web/README.md says of it, the server says. A member that is absent is an empty card on
// the page's dashboard.

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <thread>

#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kSecret = "a word that nobody else should read";

std::string Completion(const std::string& prompt) {
  return json::serialize(json::object{{"prompt", prompt}, {"max_tokens", 8}, {"ignore_eos", true}});
}

json::object State(TestServer& server) {
  const HttpResponse answer = server.Ask("GET", "/debug/state");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.find("nobody"), std::string::npos) << answer.body;
  return json::parse(answer.body).as_object();
}

TEST(DebugState, HasEverythingThatTheDashboardShows) {
  TestServer server(TestServer::Kind::kDecoder);
  const std::string text(kSecret);
  for (const std::string& prompt : {text + " one", text + " two", text + " three"}) {
    ASSERT_EQ(server.Ask("POST", "/v1/completions", Completion(prompt)).status, 200);
  }
  json::object state = State(server);
  for (int i = 0; i < 500 && state.at("prefixes").as_array().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    state = State(server);
  }
  EXPECT_EQ(state.at("requests").at("finished"), 3);
  EXPECT_EQ(state.at("requests").at("prefilling"), 0);
  for (const char* name : {"ttft_ms", "itl_ms"}) {
    EXPECT_GT(state.at(name).at("p50").as_double(), 0) << name;
    EXPECT_GE(state.at(name).at("p99").as_double(), state.at(name).at("p50").as_double()) << name;
  }
  const json::object batch{{"running", 0}, {"prefilling", 0}, {"capacity", 8}, {"tokens", 0}};
  EXPECT_EQ(state.at("batch"), batch);
  const json::object& kv = state.at("kv").as_object();
  const std::string_view states = kv.at("states").as_string();
  EXPECT_EQ(kv.at("blocks"), static_cast<int64_t>(states.size()));
  EXPECT_GT(kv.at("counts").at("c").as_int64(), 0);
  EXPECT_EQ(kv.at("counts").at("c"), std::ranges::count(states, 'c'));
  EXPECT_GT(state.at("ledger").at("limit_bytes").to_number<double>(), 0);
  const json::object& prefix = state.at("prefixes").as_array().at(0).as_object();
  EXPECT_EQ(prefix.at("id").as_string().size(), 16u);
  EXPECT_EQ(prefix.at("tokens"), 32);  // two blocks, where the model's tokens are bytes
  EXPECT_EQ(prefix.at("hits"), 2);
  EXPECT_GE(prefix.at("age_s").as_double(), 0);
}

TEST(DebugState, BeforeTheFirstRequestEverythingIsFree) {
  TestServer server(TestServer::Kind::kDecoder);
  const json::object state = State(server);
  const int64_t blocks = state.at("kv").at("blocks").as_int64();
  EXPECT_GT(blocks, 0);
  EXPECT_EQ(state.at("kv").at("counts").at("."), blocks);
  EXPECT_EQ(server.context().host->counts().scheduler.kv_blocks, blocks);
  EXPECT_TRUE(state.at("ttft_ms").is_null());
  EXPECT_TRUE(state.at("prefixes").as_array().empty());
}

TEST(DebugState, ShowsWhatRuns) {
  TestServer server(TestServer::Kind::kDecoder);
  const std::string body =
      R"({"prompt": "a", "n": 4, "max_tokens": 1900, "ignore_eos": true, "stream": true})";
  std::vector<std::shared_ptr<HttpExchange>> asked;
  const auto is_seen = [](const json::object& state) {
    return state.at("batch").at("running") != 0 && state.at("kv").at("counts").at("u") != 0;
  };
  json::object state = State(server);
  for (int i = 0; i < 2000 && !is_seen(state); ++i) {
    const json::object& requests = state.at("requests").as_object();
    if (requests.at("running") == 0 && requests.at("waiting") == 0) {
      asked.push_back(server.Send("POST", "/v1/completions", body, std::make_shared<FakeSink>()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    state = State(server);
  }
  EXPECT_TRUE(is_seen(state)) << json::serialize(state);
  EXPECT_GT(state.at("batch").at("tokens").as_int64(), 0);
  EXPECT_NE(state.at("kv").at("states").as_string().find('u'), json::string::npos);
}

TEST(DebugState, OfAnEncoderHasNoKv) {
  TestServer server(TestServer::Kind::kEmbedder);
  const json::object state = State(server);
  EXPECT_EQ(state.count("kv") + state.count("batch") + state.count("prefixes"), 0u);
  for (const json::value& pool : state.at("ledger").at("pools").as_array()) {
    EXPECT_FALSE(pool.at("name").as_string().empty());
  }
}

}  // namespace
}  // namespace tern
