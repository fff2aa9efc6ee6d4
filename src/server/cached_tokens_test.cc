// What clients are told of the prefix cache, and who shares it.

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <thread>

#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

// A long system prompt, and a question behind it.
json::object ChatOf(std::string_view question) {
  json::object body = json::parse(R"({"model": "tiny", "max_tokens": 6, "ignore_eos": true})").as_object();
  body["messages"] = {{{"role", "system"}, {"content", std::string(300, 's')}},
                      {{"role", "user"}, {"content", question}}};
  return body;
}

json::object Ask(TestServer& server, const json::object& body, std::string_view key = "") {
  HttpHeaders headers;
  if (!key.empty()) headers.emplace_back("authorization", "Bearer " + std::string(key));
  const HttpResponse response =
      server.Ask("POST", "/v1/chat/completions", json::serialize(body), std::move(headers));
  EXPECT_EQ(response.status, 200) << response.body;
  return json::parse(response.body).as_object();
}

int64_t CachedTokens(const json::object& answer) {
  return answer.at("usage").at_pointer("/prompt_tokens_details/cached_tokens").as_int64();
}

TEST(CachedTokens, AreThoseOfEarlierPromptsInWholeBlocks) {
  TestServer server(TestServer::Kind::kDecoder);
  const json::object first = Ask(server, ChatOf("one"));
  EXPECT_EQ(CachedTokens(first), 0);
  const int64_t prompt = first.at("usage").at("prompt_tokens").as_int64();
  const json::object again = Ask(server, ChatOf("one"));
  EXPECT_EQ(CachedTokens(again), (prompt - 1) / 16 * 16);
  EXPECT_EQ(again.at("choices").at(0).at("message"), first.at("choices").at(0).at("message"));
  // "[system] ", 300 characters, "\n[user] ": of these, whole blocks.
  EXPECT_EQ(CachedTokens(Ask(server, ChatOf("two"))), 317 / 16 * 16);
}

TEST(CachedTokens, AnotherSaltOrKeySharesNothing) {
  auto keys = ApiKeys::Make({"alice", "bob"}, "");
  ASSERT_TRUE(keys.ok());
  TestServer server(TestServer::Kind::kDecoder, std::move(keys).value());
  json::object salted = ChatOf("one");
  salted["cache_salt"] = "pepper";
  EXPECT_EQ(CachedTokens(Ask(server, ChatOf("one"), "alice")), 0);
  EXPECT_EQ(CachedTokens(Ask(server, ChatOf("one"), "bob")), 0);
  EXPECT_EQ(CachedTokens(Ask(server, salted, "alice")), 0);
  EXPECT_EQ(CachedTokens(Ask(server, salted, "bob")), 0);
  for (const char* key : {"alice", "bob"}) {
    EXPECT_GT(CachedTokens(Ask(server, ChatOf("one"), key)), 300) << key;
    EXPECT_GT(CachedTokens(Ask(server, salted, key)), 300) << key;
  }
}

// As one process after the other: a key is told by what it is, not by its place in the list.
TEST(CachedTokens, OnDiskAKeyAndASaltAreThemselvesInTheNextProcess) {
  const std::string folder = testing::TempDir() + "cached_tokens_test." + std::to_string(getpid());
  std::filesystem::remove_all(folder);
  const auto with_disk = [&folder](std::vector<std::string> list) {
    auto tier = DiskTier::Open({.folder = folder});
    auto keys = ApiKeys::Make(list, "");
    EXPECT_TRUE(tier.ok() && keys.ok());
    return std::make_unique<TestServer>(
        TestServer::Kind::kDecoder, std::move(keys).value(),
        EngineOptions{.disk = std::move(tier).value(), .kv_fingerprint = "f"});
  };
  json::object salted = ChatOf("one");
  salted["cache_salt"] = "pepper";
  auto server = with_disk({"alice", "bob"});
  const json::object first = Ask(*server, ChatOf("one"), "alice");
  EXPECT_EQ(CachedTokens(first), 0);
  server.reset();
  server = with_disk({"bob", "alice"});
  EXPECT_EQ(CachedTokens(Ask(*server, ChatOf("one"), "bob")), 0);
  EXPECT_EQ(CachedTokens(Ask(*server, salted, "alice")), 0);
  const json::object again = Ask(*server, ChatOf("one"), "alice");
  EXPECT_GT(CachedTokens(again), 300);
  EXPECT_EQ(again.at("choices").at(0).at("message"), first.at("choices").at(0).at("message"));
  server.reset();
  std::filesystem::remove_all(folder);
}

TEST(CachedTokens, AnswersToTheSamePromptDoNotCountEachOther) {
  TestServer server(TestServer::Kind::kDecoder);
  json::object body = ChatOf("one");
  body["n"] = 4;
  EXPECT_EQ(CachedTokens(Ask(server, body)), 0);
  EXPECT_GT(CachedTokens(Ask(server, body)), 300);
}

// The rule of determinism, as a client sees it.
TEST(CachedTokens, AnAnswerIsTheSameAloneAmongStrangersAndBehindAPrefix) {
  json::object body = ChatOf("how are you?");
  body["logprobs"] = true;
  body["top_logprobs"] = 5;
  TestServer alone(TestServer::Kind::kDecoder);
  const json::value want = Ask(alone, body).at("choices");
  EXPECT_EQ(Ask(alone, body).at("choices"), want);
  TestServer busy(TestServer::Kind::kDecoder);
  std::vector<std::thread> strangers;
  for (int i = 0; i < 8; ++i) {
    strangers.emplace_back([&busy, i] {
      json::object other = ChatOf("stranger " + std::string(static_cast<size_t>(40 * i), 'x'));
      other["max_tokens"] = 60;
      if (i % 2 == 0) other["messages"].at(0).at("content") = std::string(static_cast<size_t>(100 * i), 'y');
      Ask(busy, other);
    });
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(busy, body).at("choices"), want) << i;
  for (std::thread& stranger : strangers) stranger.join();
}

}  // namespace
}  // namespace tern
