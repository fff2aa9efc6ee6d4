#include "server/quotas.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <map>

#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds, std::chrono::seconds;

const Quotas::Time kBegin{seconds(1000)};

std::map<std::string, std::string> Named(const HttpHeaders& headers) {
  return {headers.begin(), headers.end()};
}

TEST(Quotas, RequestsOfAMinuteComeBackEvenly) {
  Quotas quotas(std::vector{KeyLimits{.requests_per_minute = 3}});
  Quotas::Place place;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(quotas.TakeRequest(0, kBegin, &place));
  const auto headers = Named(quotas.RequestHeaders(0, kBegin));
  EXPECT_EQ(headers.at("x-ratelimit-limit-requests"), "3");
  EXPECT_EQ(headers.at("x-ratelimit-remaining-requests"), "0");
  EXPECT_EQ(headers.at("x-ratelimit-reset-requests"), "1m0s");
  const Problem problem = quotas.TakeRequest(0, kBegin + seconds(5), &place);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->status, 429);
  EXPECT_EQ(problem->code, "rate_limit_exceeded");
  EXPECT_EQ(problem->retry_after_s, 15);
  EXPECT_EQ(problem->message,
            "Rate limit reached on requests per min (RPM): limit 3; please try again in 15s");
  EXPECT_FALSE(quotas.TakeRequest(0, kBegin + seconds(20), &place));
  EXPECT_TRUE(quotas.TakeRequest(0, kBegin + seconds(21), &place));
  // What is not used is no more than a minute's.
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(quotas.TakeRequest(0, kBegin + seconds(9000), &place));
  EXPECT_TRUE(quotas.TakeRequest(0, kBegin + seconds(9000), &place));
  // Others have theirs.
  EXPECT_FALSE(quotas.TakeRequest(1, kBegin, &place));
  EXPECT_TRUE(quotas.RequestHeaders(1, kBegin).empty());
}

TEST(Quotas, TokensMayBeTakenInAdvanceAndAreSettled) {
  Quotas quotas(std::vector{KeyLimits{.tokens_per_minute = 600}});
  EXPECT_FALSE(quotas.TakeTokens(0, 500, kBegin));
  EXPECT_EQ(Named(quotas.TokenHeaders(0, kBegin)).at("x-ratelimit-remaining-tokens"), "100");
  const Problem problem = quotas.TakeTokens(0, 300, kBegin);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->retry_after_s, 20);
  quotas.AddTokens(0, -400);  // it said little
  EXPECT_FALSE(quotas.TakeTokens(0, 300, kBegin));
  EXPECT_EQ(Named(quotas.TokenHeaders(0, kBegin)).at("x-ratelimit-reset-tokens"), "40s");
  // One that asks for more than a minute gives has to find all of it, and pays for it.
  EXPECT_TRUE(quotas.TakeTokens(0, 6000, kBegin));
  EXPECT_FALSE(quotas.TakeTokens(0, 6000, kBegin + seconds(40)));
  EXPECT_EQ(quotas.TakeTokens(0, 1, kBegin + seconds(40))->retry_after_s, 541);
}

TEST(Quotas, APlaceIsHeldUntilItIsLetGo) {
  Quotas quotas(std::vector{KeyLimits{.concurrent = 2}});
  Quotas::Place a, b, c;
  EXPECT_FALSE(quotas.TakeRequest(0, kBegin, &a));
  EXPECT_FALSE(quotas.TakeRequest(0, kBegin, &b));
  EXPECT_TRUE(quotas.TakeRequest(0, kBegin, &c));
  EXPECT_FALSE(quotas.TakeRequest(0, kBegin, &b));  // its own is let go first
  EXPECT_TRUE(quotas.TakeRequest(0, kBegin, &c));
  a.reset();
  EXPECT_FALSE(quotas.TakeRequest(0, kBegin, &c));
}

TEST(KeyLimits, AreReadAndWhatTheyAreNotIsSaidWithoutTheKey) {
  const KeyLimits limits =
      ParseKeyLimits("requests-per-minute=60,weight=2.5  concurrent=4", {.tokens_per_minute = 9}).value();
  EXPECT_EQ(limits.requests_per_minute, 60);
  EXPECT_EQ(limits.tokens_per_minute, 9);
  EXPECT_EQ(limits.concurrent, 4);
  EXPECT_EQ(limits.weight, 2.5);
  EXPECT_EQ(ParseKeyLimits("concurrent=none").error().what, "concurrent: expected a number above 0");
  EXPECT_EQ(ParseKeyLimits("weight=0").error().what, "weight: expected a number above 0, at most 1000");
  const std::string path = testing::TempDir() + "/limited_keys";
  std::ofstream(path) << "one\ntwo requests-per-minute=5\n";
  const ApiKeys keys = ApiKeys::Make({}, path, {.requests_per_minute = 7}).value();
  EXPECT_EQ(keys.limits().at(0).requests_per_minute, 7);
  EXPECT_EQ(keys.limits().at(1).requests_per_minute, 5);
  std::ofstream(path) << "my secret\n";
  EXPECT_EQ(
      ApiKeys::Make({}, path).error().what,
      "api key 1: a limit has another name, expected requests-per-minute, tokens-per-minute, concurrent or "
      "weight, each with = and a number");
}

std::string Completion(int max_tokens) {
  return json::serialize(
      json::object{{"prompt", "abcdefgh"}, {"max_tokens", max_tokens}, {"ignore_eos", true}});
}

TEST(Quotas, AnAnswerSaysWhatIsLeftAndARefusalWhenToComeBack) {
  const std::string path = testing::TempDir() + "/server_keys";
  std::ofstream(path) << "a requests-per-minute=3 tokens-per-minute=100\nb\n";
  TestServer server(TestServer::Kind::kDecoder, ApiKeys::Make({}, path).value());
  const auto ask = [&](const std::string& key, int max_tokens) {
    return server.Ask("POST", "/v1/completions", Completion(max_tokens), {{"x-api-key", key}});
  };
  const HttpResponse first = ask("a", 10);
  ASSERT_EQ(first.status, 200) << first.body;
  auto headers = Named(first.headers);
  EXPECT_EQ(headers.at("x-ratelimit-remaining-requests"), "2");
  const int64_t prompt = json::parse(first.body).at("usage").at("prompt_tokens").as_int64();
  EXPECT_EQ(headers.at("x-ratelimit-remaining-tokens"), std::to_string(100 - 10 - prompt));
  const HttpResponse refused = ask("a", 90);
  EXPECT_EQ(refused.status, 429);
  headers = Named(refused.headers);
  EXPECT_GE(std::stoi(headers.at("retry-after")), 1);
  EXPECT_EQ(headers.at("x-ratelimit-limit-tokens"), "100");
  const json::value error = json::parse(refused.body).at("error");
  EXPECT_EQ(error.at("code"), "rate_limit_exceeded");
  EXPECT_EQ(error.at("type"), "rate_limit_error");
  EXPECT_EQ(ask("a", 1).status, 200);
  EXPECT_EQ(ask("a", 1).status, 429);
  EXPECT_EQ(server.Ask("GET", "/v1/models", "", {{"x-api-key", "a"}}).status,
            200);  // asks nothing of the model
  const HttpResponse other = ask("b", 90);
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(Named(other.headers).count("x-ratelimit-limit-requests"), 0u);
}

TEST(Quotas, OfRequestsAtOnceHoldsUntilAnAnswerHasEnded) {
  TestServer server(TestServer::Kind::kDecoder, ApiKeys::Make({"a"}, "", {.concurrent = 1}).value());
  const HttpHeaders key{{"x-api-key", "a"}};
  auto held = server.Send("POST", "/v1/completions",
                          R"({"prompt": "a", "max_tokens": 1900, "ignore_eos": true, "stream": true})",
                          std::make_shared<FakeSink>(), key);
  EXPECT_EQ(server.Ask("POST", "/v1/completions", Completion(1), key).status, 429);
  held->ClientGone();
  held.reset();  // as a connection does; what has not begun by now never does
  for (int i = 0; i < 500 && server.Ask("POST", "/v1/completions", Completion(1), key).status != 200; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(server.Ask("POST", "/v1/completions", Completion(1), key).status, 200);
}

}  // namespace
}  // namespace tern
