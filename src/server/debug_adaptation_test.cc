#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <thread>

#include "server/eventually.h"
#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

json::object Adaptation(TestServer& server) {
  const HttpResponse answer = server.Ask("GET", "/debug/adaptation");
  EXPECT_EQ(answer.status, 200) << answer.body;
  return json::parse(answer.body).as_object();
}

TEST(DebugAdaptation, TellsKnobsAndWhatWasTried) {
  EngineOptions options;
  options.adaptation.is_on = true;
  options.adaptation.fixed = {{"places", 6}};
  TestServer server(TestServer::Kind::kDecoder, {}, options);
  server.Ask("POST", "/v1/completions", R"({"prompt": "a b", "max_tokens": 200, "ignore_eos": true})");
  json::object told;
  EXPECT_TRUE(Eventually([&] {
    told = Adaptation(server);
    return told.at("steps_s").to_number<double>() > 0;
  }));
  EXPECT_FALSE(told.at("static").as_bool());
  ASSERT_EQ(told.at("knobs").as_array().size(), AllKnobs().size());
  for (const json::value& knob : told.at("knobs").as_array()) {
    EXPECT_GE(knob.at("values").as_array().size(), 1u);
    if (knob.at("name") != "places") continue;
    EXPECT_TRUE(knob.at("fixed").as_bool());
    EXPECT_EQ(knob.at("value"), 6);
  }
}

TEST(DebugAdaptation, SaysWhereNothingMoves) {
  TestServer server(TestServer::Kind::kDecoder);
  EXPECT_TRUE(Adaptation(server).at("static").as_bool());
  TestServer embedder(TestServer::Kind::kEmbedder);
  EXPECT_EQ(embedder.Ask("GET", "/debug/adaptation").status, 404);
}

}  // namespace
}  // namespace tern
