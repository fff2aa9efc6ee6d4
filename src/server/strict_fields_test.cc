// Every field of every request, with values of all kinds and at the ends of its range: each is either taken
// or refused with its name.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "server/test_server.h"

namespace tern {
namespace {

namespace json = boost::json;

struct Base {
  std::string_view path, body;
};
// Requests that are fine as they stand.
constexpr Base kDecoderBases[] = {
    {"/v1/chat/completions",
     R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 1, "tool_choice": "none",
         "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]})"},
    {"/v1/completions", R"({"prompt": "a", "max_tokens": 1})"},
    {"/v1/responses", R"({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}],
         "max_output_tokens": 1, "tool_choice": "none", "tools": [{"type": "function", "name": "f"}]})"},
    {"/v1/messages",
     R"({"model": "tiny", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}], "max_tokens": 1,
         "tool_choice": {"type": "none"}, "tools": [{"name": "f", "input_schema": {}}]})"},
    {"/v1/messages/count_tokens", R"({"model": "tiny", "messages": [{"role": "user", "content": "a"}]})"},
    {"/v1/chat/completions/input_tokens", R"({"messages": [{"role": "user", "content": "a"}]})"},
    {"/v1/responses/input_tokens", R"({"input": "a"})"},
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
    {"/v1/score", R"({"text_1": "a", "text_2": "b"})"},
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
  using Path = std::vector<std::string>;

  // The object at the end of a path of members, and of the first objects of lists. Null: there is none, and
  // none can be put there.
  static json::object* Place(json::object* place, const Path& path) {
    for (const std::string& name : path) {
      if (!place->contains(name)) (*place)[name] = json::object();
      json::value* v = &(*place)[name];
      if (v->is_array() && !v->get_array().empty()) v = &v->get_array()[0];
      if (!v->is_object()) return nullptr;
      place = &v->get_object();
    }
    return place;
  }

  void Try(TestServer& server, const Base& base, const FieldDesc& field, const Path& path) {
    for (const json::value& value : ValuesFor(field)) {
      json::object body = json::parse(base.body).get_object();
      json::object* place = Place(&body, path);
      if (place == nullptr) return;
      (*place)[field.name] = value;
      const HttpResponse answer = server.Ask("POST", std::string(base.path), json::serialize(body));
      ++tried_;
      if (answer.status == 200) continue;
      const std::string asked = path.empty() ? std::string(field.name) : path[0];
      const bool is_model = field.name == "model" || field.name == "name";
      EXPECT_TRUE(answer.status == 400 || (is_model && answer.status == 404))
          << base.path << " " << json::serialize(body) << ": " << answer.status << " " << answer.body;
      if (answer.status >= 400 && answer.status < 500) {
        // A field may also show that another is missing or does not go with it.
        const std::string param = ParamOf(answer);
        EXPECT_FALSE(param.empty()) << base.path << " " << json::serialize(body) << ": " << answer.body;
        // What is fine, and the model cannot do, is said of the model.
        named_ += param.starts_with(asked) || param == "model";
        ++refused_;
      }
    }
  }

  void TryFields(TestServer& server, const Base& base, const SchemaDesc& schema, const Path& path) {
    for (const FieldDesc& field : schema.fields) {
      Try(server, base, field, path);
      if (field.object == nullptr) continue;
      Path inside = path;
      inside.emplace_back(field.name);
      TryFields(server, base, *field.object, inside);
    }
  }

  // A request with all the fields that others have and this one has not, at every place that has fields: they
  // are not read.
  void TryForeign(TestServer& server, const Base& base, const SchemaDesc& schema, const Path& path) {
    const int as_ever = server.Ask("POST", std::string(base.path), std::string(base.body)).status;
    for (const char* value :
         {"5", "-1", "1e300", "\"x\"", "true", "{}", "[]", "[5]", "{\"x\": [5]}", "[{}]"}) {
      json::object body = json::parse(base.body).get_object();
      json::object* place = Place(&body, path);
      if (place == nullptr) return;
      for (const std::string& name : names_) {
        if (std::ranges::find(schema.fields, name, &FieldDesc::name) == schema.fields.end()) {
          (*place)[name] = json::parse(value);
        }
      }
      const HttpResponse answer = server.Ask("POST", std::string(base.path), json::serialize(body));
      // An object that is put into a request may lack a field that it needs.
      EXPECT_TRUE(answer.status == as_ever || (answer.status == 400 && !path.empty()))
          << base.path << " " << json::serialize(json::array(path.begin(), path.end())) << " " << value
          << ": " << answer.status << " " << answer.body;
    }
    for (const FieldDesc& field : schema.fields) {
      if (field.object == nullptr) continue;
      Path inside = path;
      inside.emplace_back(field.name);
      TryForeign(server, base, *field.object, inside);
    }
  }

  void AddNames(const SchemaDesc& schema) {
    for (const FieldDesc& field : schema.fields) {
      names_.insert(std::string(field.name));
      if (field.object != nullptr) AddNames(*field.object);
    }
  }

  void TryAllForeign(TestServer& server, std::span<const Base> bases) {
    for (const RouteDesc* route : AllRoutes()) {
      if (route->body != nullptr) AddNames(*route->body);
    }
    for (const Base& base : bases) TryForeign(server, base, *RouteOf(base.path)->body, {});
  }

  void TryAll(TestServer& server, std::span<const Base> bases) {
    for (const Base& base : bases) {
      const RouteDesc* route = RouteOf(base.path);
      ASSERT_NE(route, nullptr) << base.path;
      ASSERT_NE(route->body, nullptr) << base.path;
      TryFields(server, base, *route->body, {});
    }
    EXPECT_GT(refused_, tried_ / 3);
    EXPECT_GT(named_ * 100, refused_ * 96) << named_ << " of " << refused_;
  }

  size_t tried_ = 0, refused_ = 0, named_ = 0;
  std::set<std::string> names_;  // of all fields there are
};

TEST_F(StrictFields, OfWhatGenerates) {
  TestServer server(TestServer::Kind::kDecoder);
  TryAll(server, kDecoderBases);
}

TEST_F(StrictFields, OfWhatEncodes) {
  TestServer server(TestServer::Kind::kEmbedder);
  TryAll(server, kEmbedderBases);
}

TEST_F(StrictFields, OfOthersAreNotReadByWhatGenerates) {
  TestServer server(TestServer::Kind::kDecoder);
  TryAllForeign(server, kDecoderBases);
}

TEST_F(StrictFields, OfOthersAreNotReadByWhatEncodes) {
  TestServer server(TestServer::Kind::kEmbedder);
  TryAllForeign(server, kEmbedderBases);
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
