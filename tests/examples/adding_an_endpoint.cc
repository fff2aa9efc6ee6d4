// What docs/adding-an-endpoint.md shows.

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "server/fake_sink.h"
#include "server/generation.h"
#include "server/test_server.h"

namespace tern {
namespace {

constexpr FieldDesc kFields[] = {
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "text",
     .kinds = kString,
     .help = "whose tokens to count",
     .max_bytes = 1 << 20,
     .required = true},
    {.name = "times", .kinds = kInteger, .min = 1, .max = 100, .fallback = "1"},
};
constexpr SchemaDesc kSchema{"CountRequest", kFields};

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckModel(context, r.body)) return r.Refuse(*problem);
  std::vector<int32_t> ids;
  context.model.model->tokenizer->Encode(r.body.at("text").get_string(), false, &ids);
  const boost::json::value* times = r.body.if_contains("times");
  const size_t count = ids.size() * (times != nullptr ? times->to_number<size_t>() : 1);
  r.exchange->Reply({.body = boost::json::serialize(boost::json::object{{"count", count}})});
}

}  // namespace

extern const RouteDesc k_route_count;
const RouteDesc k_route_count = {
    .method = "POST",
    .path = "/count",
    .summary = "how many tokens a text has",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern

namespace tern {
namespace {

TEST(AddingAnEndpoint, IsAnsweredAndChecked) {
  TestServer server(TestServer::Kind::kDecoder);
  Workers workers(1, 8);
  const RouteDesc* const routes[] = {&k_route_count};
  const Router router(routes, {}, &server.context(), &workers);
  const auto ask = [&](std::string body) {
    const auto sink = std::make_shared<FakeSink>();
    HttpRequest request{.id = "1", .method = "POST", .path = "/count", .query = "", .headers = {}};
    request.body = std::move(body);
    router.Handle(std::make_shared<HttpExchange>(std::move(request), sink));
    return sink->Answer();
  };
  EXPECT_EQ(ask(R"({"text": "abc", "times": 2})").body, R"({"count":6})");
  EXPECT_EQ(ask(R"({"text": "abc", "model": "tiny"})").body, R"({"count":3})");
  EXPECT_EQ(ask(R"({"text": "abc", "times": 0})").status, 400);
  EXPECT_EQ(ask(R"({"text": "abc", "model": "zzz"})").status, 404);
  EXPECT_EQ(ask(R"({"text": "abc", "model": 1})").status, 400);
}

}  // namespace
}  // namespace tern
