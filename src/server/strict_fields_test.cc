// Every field of every request, with values of all kinds and at the ends of its range: each is either taken
// or refused with its name.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

struct Base {
  std::string_view path, body;
};
// Requests that are fine as they stand.
constexpr Base kDecoderBases[] = {
    {"/v1/chat/completions", R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 1})"},
    {"/v1/completions", R"({"prompt": "a", "max_tokens": 1})"},
    {"/v1/responses", R"({"input": "a", "max_output_tokens": 1})"},
    {"/v1/messages", R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 1})"},
    {"/v1/messages/count_tokens", R"({"messages": [{"role": "user", "content": "a"}]})"},
    {"/tokenize", R"({"content": "a"})"},
    {"/detokenize", R"({"tokens": [97]})"},
    {"/apply-template", R"({"messages": [{"role": "user", "content": "a"}]})"},
    {"/api/chat",
     R"({"model": "tiny", "messages": [{"role": "user", "content": "a"}], "options": {"num_predict": 1}})"},
    {"/api/generate", R"({"model": "tiny", "prompt": "a", "options": {"num_predict": 1}})"},
    {"/api/show", R"({"model": "tiny"})"},
};
constexpr Base kEmbedderBases[] = {
    {"/v1/embeddings", R"({"input": "a"})"},
    {"/v1/rerank", R"({"query": "a", "documents": ["b"]})"},
    {"/api/embed", R"({"model": "tiny", "input": "a"})"},
    {"/api/embeddings", R"({"model": "tiny", "prompt": "a"})"},
};

const RouteDesc* RouteOf(std::string_view path) {
  for (const RouteDesc* route : AllRoutes()) {
    if (route->path == path && route->method == "POST") return route;
  }
  return nullptr;
}

std::vector<json::value> ValuesFor(const FieldDesc& field) {
  std::vector<json::value> values = {nullptr,
                                     true,
                                     -1,
                                     0,
                                     1,
                                     int64_t{1} << 31,
                                     uint64_t{1} << 63,
                                     1.5,
                                     "x",
                                     json::string(),
                                     json::array{},
                                     {},
                                     json::array{nullptr}};
  for (const char* text : {"[1]", "[\"x\"]", "[[1]]", "[{}]", "{\"x\": 1}", "[-1]", "[1.5]", "1e300"}) {
    values.push_back(json::parse(text));
  }
  constexpr double kNone = std::numeric_limits<double>::max();
  if (field.min != -kNone) values.insert(values.end(), {field.min, field.min - 1});
  if (field.max != kNone) values.insert(values.end(), {field.max, field.max + 1});
  return values;
}

// What an error says it is about, in any protocol.
std::string ParamOf(const HttpResponse& answer) {
  const json::object body = json::parse(answer.body).get_object();
  const json::value& error = body.at("error");
  if (error.is_string()) return std::string(error.get_string());
  const json::value& param = error.at("param");
  return param.is_string() ? std::string(param.get_string()) : "";
}

class StrictFields : public testing::Test {
 protected:
  void Try(TestServer& server, const Base& base, const FieldDesc& field, const std::string& inside) {
    for (const json::value& value : ValuesFor(field)) {
      json::object body = json::parse(base.body).get_object();
      json::object* place = &body;
      if (!inside.empty()) {
        if (!body.contains(inside)) body[inside] = json::object();
        if (!body[inside].is_object()) return;
        place = &body[inside].get_object();
      }
      (*place)[field.name] = value;
      const HttpResponse answer = server.Ask("POST", std::string(base.path), json::serialize(body));
      ++tried_;
      if (answer.status == 200) continue;
      const std::string asked = inside.empty() ? std::string(field.name) : inside;
      const bool is_model = field.name == "model" || field.name == "name";
      EXPECT_TRUE(answer.status == 400 || (is_model && answer.status == 404))
          << base.path << " " << json::serialize(body) << ": " << answer.status << " " << answer.body;
      if (answer.status >= 400 && answer.status < 500) {
        // A field may also show that another is missing or does not go with it.
        const std::string param = ParamOf(answer);
        EXPECT_FALSE(param.empty()) << base.path << " " << json::serialize(body) << ": " << answer.body;
        named_ += param.starts_with(asked);
        ++refused_;
      }
    }
  }

  void TryAll(TestServer& server, std::span<const Base> bases) {
    for (const Base& base : bases) {
      const RouteDesc* route = RouteOf(base.path);
      ASSERT_NE(route, nullptr) << base.path;
      ASSERT_NE(route->body, nullptr) << base.path;
      for (const FieldDesc& field : route->body->fields) {
        Try(server, base, field, "");
        if ((field.kinds & kObject) == 0 || field.object == nullptr) continue;
        for (const FieldDesc& nested : field.object->fields)
          Try(server, base, nested, std::string(field.name));
      }
    }
    EXPECT_GT(refused_, tried_ / 3);
    EXPECT_GT(named_ * 100, refused_ * 97) << named_ << " of " << refused_;
  }

  size_t tried_ = 0, refused_ = 0, named_ = 0;
};

TEST_F(StrictFields, OfWhatGenerates) {
  TestServer server(TestServer::Kind::kDecoder);
  TryAll(server, kDecoderBases);
}

TEST_F(StrictFields, OfWhatEncodes) {
  TestServer server(TestServer::Kind::kEmbedder);
  TryAll(server, kEmbedderBases);
}

// So that a new route does not go untested.
TEST_F(StrictFields, CoverEveryRouteWithABody) {
  for (const RouteDesc* route : AllRoutes()) {
    if (route->body == nullptr) continue;
    const auto names = [&](std::span<const Base> bases) {
      return std::ranges::any_of(bases, [&](const Base& base) { return base.path == route->path; });
    };
    EXPECT_TRUE(names(kDecoderBases) || names(kEmbedderBases)) << route->path;
  }
}

TEST_F(StrictFields, EveryRouteButOpenOnesWantsAKey) {
  TestServer server(TestServer::Kind::kDecoder, ApiKeys::Make({"key"}, "").value());
  for (const RouteDesc* route : AllRoutes()) {
    std::vector<std::string_view> paths(route->aliases.begin(), route->aliases.end());
    paths.push_back(route->path);
    for (const std::string_view path : paths) {
      const HttpResponse answer = server.Ask(std::string(route->method), std::string(path), "{}");
      EXPECT_EQ(answer.status == 401, route->access == Access::kKey) << path << " " << answer.status;
    }
  }
}

}  // namespace
}  // namespace tern
