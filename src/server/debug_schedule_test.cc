#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <thread>

#include "server/eventually.h"
#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

json::object Schedule(TestServer& server) {
  const HttpResponse answer = server.Ask("GET", "/debug/schedule");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body.find("secret"), std::string::npos) << answer.body;
  return json::parse(answer.body).as_object();
}

TEST(DebugSchedule, SaysWhyRequestsWaitAndWhatAStepMayTake) {
  EngineOptions options;
  options.running = 1;
  options.slo.ttft_s = {0, 100, 0};
  options.slo.itl_s = {0, 0.5, 0};
  TestServer server(TestServer::Kind::kDecoder, {}, options);
  std::vector<std::shared_ptr<HttpExchange>> asked;
  for (int i = 0; i < 3; ++i) {
    asked.push_back(
        server.Send("POST", "/v1/completions",
                    R"({"prompt": "a secret", "max_tokens": 1900, "ignore_eos": true, "stream": true})",
                    std::make_shared<FakeSink>()));
  }
  json::object told;
  // A step behind that in which the last one came: until then it has just come.
  EXPECT_TRUE(Eventually([&] {
    told = Schedule(server);
    const json::array& waiting = told.at("waiting").as_array();
    return waiting.size() == 2 && waiting.at(1).at("why").as_string().find("before it") != std::string::npos;
  }));
  ASSERT_EQ(told.at("waiting").as_array().size(), 2u);
  EXPECT_EQ(told.at("waiting").at(0).at("why"), "it is next, and all 1 places are taken");
  EXPECT_EQ(told.at("waiting").at(1).at("why"), "1 request is before it");
  EXPECT_EQ(told.at("running").as_array().size(), 1u);
  EXPECT_EQ(told.at("policy"), "priority");
  EXPECT_EQ(told.at("slo").at("itl_ms").at("mid"), 500.0);
  EXPECT_TRUE(told.at("slo").at("itl_ms").at("low").is_null());
  EXPECT_EQ(told.at("keys").at(0).at("waiting"), 2);
  EXPECT_EQ(told.at("step").at("cost").as_object().size(), std::size(kStepCostFields));
  EXPECT_NE(std::string(told.at("step").at("words").as_string()).find("the last step had"),
            std::string::npos);
  for (const auto& exchange : asked) exchange->ClientGone();
}

TEST(DebugSchedule, ThereIsNoneWithoutText) {
  TestServer server(TestServer::Kind::kEmbedder);
  EXPECT_EQ(server.Ask("GET", "/debug/schedule").status, 404);
}

}  // namespace
}  // namespace tern
