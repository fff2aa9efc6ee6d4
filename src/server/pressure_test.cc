// What clients are told when there is too much to do.

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <new>
#include <utility>

#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

std::string Header(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

constexpr const char* kThreeAnswers =
    R"({"model": "tiny", "prompt": ["a", "b", "c"], "max_tokens": 1500, "ignore_eos": true})";

TEST(Pressure, AFullQueueSaysWhenToComeBack) {
  EngineOptions options;
  options.queue = {.requests = 3, .tokens = 2};
  TestServer server(TestServer::Kind::kDecoder, {}, std::move(options));
  const HttpResponse response = server.Ask("POST", "/v1/completions", kThreeAnswers);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(Header(response, "retry-after"), "1");
  const json::value error = json::parse(response.body).at("error");
  EXPECT_EQ(error.at("type"), "rate_limit_error");
  EXPECT_EQ(error.at("code"), "overloaded");
  EXPECT_EQ(server.context().host->counts().refused, 3u);
}

TEST(Pressure, WhatNoQueueCouldHoldIsTheClientsMistake) {
  EngineOptions options;
  options.queue.requests = 2;
  TestServer server(TestServer::Kind::kDecoder, {}, std::move(options));
  const HttpResponse response = server.Ask("POST", "/v1/completions", kThreeAnswers);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(Header(response, "retry-after"), "");
  EXPECT_EQ(json::parse(response.body).at("error").at("param"), "prompt");
  const HttpResponse many = server.Ask("POST", "/v1/completions", R"({"prompt": "a", "n": 3})");
  EXPECT_EQ(many.status, 400);
  EXPECT_EQ(json::parse(many.body).at("error").at("param"), "n");
}

TEST(Pressure, OneRequestMayNotFillTheQueue) {
  TestServer server(TestServer::Kind::kDecoder);
  std::string prompts = "\"a\"";
  for (int i = 1; i < 65; ++i) prompts += ", \"a\"";
  const HttpResponse response = server.Ask("POST", "/v1/completions", "{\"prompt\": [" + prompts + "]}");
  EXPECT_EQ(response.status, 400);
  const json::value error = json::parse(response.body).at("error");
  EXPECT_EQ(error.at("param"), "prompt");
  EXPECT_EQ(error.at("message"),
            "prompt: 65 of them, expected at most 64: one request may ask for 64 answers");
  const HttpResponse several = server.Ask("POST", "/v1/completions",
                                          R"({"prompt": ["a", "b", "c", "d", "e", "f", "g", "h"], "n": 9})");
  EXPECT_EQ(json::parse(several.body).at("error").at("message"),
            "prompt: 8 of them, expected at most 7: one request may ask for 64 answers");
}

// What nobody foresaw in a step costs those that were in it an answer, and nobody after them.
TEST(Pressure, AStepThatFailsEndsItsRequestsAlone) {
  EngineOptions options;
  const auto fails = std::make_shared<bool>(true);
  options.events.on_step = [fails](const StepSample&) {
    if (std::exchange(*fails, false)) throw std::bad_alloc();
  };
  TestServer server(TestServer::Kind::kDecoder, {}, std::move(options));
  const std::string body = R"({"prompt": ["a", "b"], "max_tokens": 3})";
  const HttpResponse failed = server.Ask("POST", "/v1/completions", body);
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(json::parse(failed.body).at("error").at("code"), "internal_error");
  EXPECT_EQ(server.Ask("POST", "/v1/completions", body).status, 200);
}

TEST(Pressure, ADeadlineIsAnErrorOfItsOwn) {
  TestServer server(TestServer::Kind::kDecoder);
  server.context().deadline_s = 0.01;
  const HttpResponse response = server.Ask("POST", "/v1/completions", kThreeAnswers);
  EXPECT_EQ(response.status, 504);
  EXPECT_EQ(json::parse(response.body).at("error").at("code"), "deadline_exceeded");
}

}  // namespace
}  // namespace tern
