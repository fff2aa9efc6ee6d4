#include "server/router.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <new>

#include "server/fake_sink.h"
#include "server/server_context.h"

namespace tern {
namespace {

void Echo(ServerContext&, RouteRequest r) {
  const auto n = r.body.if_contains("n");
  r.exchange->Reply({.body = r.name + "|" + std::to_string(r.key) + "|" + (n ? "n" : "")});
}

constexpr std::string_view kAliases[] = {"/classic"};
constexpr FieldDesc kBodyFields[] = {{.name = "n", .kinds = kInteger, .min = 1}};
constexpr SchemaDesc kBody{"Request", kBodyFields};
const RouteDesc kHealth{
    .method = "GET", .path = "/health", .summary = "", .access = Access::kOpen, .handle = Echo};
const RouteDesc kModel{.method = "GET", .path = "/v1/models/{name}", .summary = "", .handle = Echo};
const RouteDesc kAsk{
    .method = "POST", .path = "/v1/ask", .summary = "", .aliases = kAliases, .body = &kBody, .handle = Echo};
const RouteDesc kProbe{.method = "GET", .path = "/probe", .summary = "", .is_probe = true, .handle = Echo};
void Throw(ServerContext&, RouteRequest) { throw std::bad_alloc(); }
const RouteDesc kThrows{.method = "POST", .path = "/throws", .summary = "", .handle = Throw};
const RouteDesc* const kRoutes[] = {&kHealth, &kModel, &kAsk, &kProbe, &kThrows};

struct RouterTest : testing::Test {
  HttpResponse Ask(const std::string& method, const std::string& path, HttpHeaders headers = {},
                   std::string body = "{}") {
    const Router router(kRoutes, options, &context, &workers);
    const auto sink = std::make_shared<FakeSink>();
    HttpRequest request{
        .id = "1", .method = method, .path = path, .query = "", .headers = std::move(headers)};
    request.body = std::move(body);
    router.Handle(std::make_shared<HttpExchange>(std::move(request), sink));
    return sink->Answer();
  }
  static std::string Header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }
  ServerContext context;  // these routes need none
  RouterOptions options;
  Workers workers{1, 8};
};

TEST_F(RouterTest, AnswersNothingBeforeTheModelIsThere) {
  options.keys = ApiKeys::Make({"right"}, "").value();
  context.loading = true;
  const HttpResponse health = Ask("GET", "/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(Header(health, "retry-after"), "1");
  EXPECT_EQ(Ask("GET", "/probe").status, 401);
  EXPECT_EQ(Ask("GET", "/probe", {{"x-api-key", "right"}}).status, 503);
  context.loading = false;
  EXPECT_EQ(Ask("GET", "/health").status, 200);
}

TEST(Origin, IsOneThatBrowsersSend) {
  for (const char* origin : {"*", "https://example.org", "http://localhost:3000"}) {
    EXPECT_TRUE(CheckOrigin(origin).ok()) << origin;
  }
  for (const char* origin :
       {"", "example.org", "https://", "https://a.example/", "https://OK.example", "ftp://a"}) {
    EXPECT_FALSE(CheckOrigin(origin).ok()) << origin;
  }
}

TEST_F(RouterTest, FindsPathsAsClientsWriteThem) {
  EXPECT_EQ(Ask("GET", "/v1/probe").status, 200);
  for (const char* path : {"/v1/ask", "/v1/ask/", "/ask", "/classic"})
    EXPECT_EQ(Ask("POST", path).body, "|0|") << path;
  EXPECT_EQ(Ask("GET", "/v1/models/hf:org/model").body, "hf:org/model|0|");
  EXPECT_EQ(Ask("GET", "/models/a").body, "a|0|");
  EXPECT_EQ(Ask("HEAD", "/health").status, 200);
  EXPECT_EQ(Ask("GET", "/v1/models/").status, 404);
  EXPECT_EQ(Ask("GET", "/").status, 404);
  const HttpResponse wrong = Ask("GET", "/v1/ask");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(Header(wrong, "allow"), "POST");
}

TEST_F(RouterTest, WantsAKeyWhereverARouteIsNotOpen) {
  options.keys = ApiKeys::Make({"one", "two"}, "").value();
  EXPECT_EQ(Ask("GET", "/health").status, 200);
  for (const HttpHeaders& headers : {HttpHeaders{}, HttpHeaders{{"authorization", "Bearer three"}},
                                     HttpHeaders{{"authorization", "one"}}, HttpHeaders{{"x-api-key", ""}}}) {
    for (const auto& [method, path] :
         {std::pair{"POST", "/v1/ask"}, {"GET", "/v1/ask"}, {"GET", "/nowhere"}, {"GET", "/v1/models/a"}}) {
      const HttpResponse refused = Ask(method, path, headers);
      EXPECT_EQ(refused.status, 401) << path;
      EXPECT_EQ(Header(refused, "www-authenticate"), "Bearer");
    }
  }
  EXPECT_EQ(Ask("POST", "/v1/ask", {{"authorization", "Bearer one"}}).body, "|0|");
  EXPECT_EQ(Ask("POST", "/v1/ask", {{"authorization", "bearer two"}}).body, "|1|");
  EXPECT_EQ(Ask("POST", "/v1/ask", {{"x-api-key", "two"}}).body, "|1|");
}

TEST_F(RouterTest, AnyKeyWillDoWhereNoneIsSet) {
  EXPECT_EQ(Ask("POST", "/v1/ask", {{"authorization", "Bearer whatever"}}).body, "|0|");
}

TEST_F(RouterTest, ChecksTheBody) {
  EXPECT_EQ(Ask("POST", "/v1/ask", {}, R"({"n": 1})").body, "|0|n");
  const HttpResponse no_json = Ask("POST", "/v1/ask", {}, "x");
  EXPECT_EQ(no_json.status, 400);
  EXPECT_NE(no_json.body.find(R"("code":"invalid_json")"), std::string::npos) << no_json.body;
  EXPECT_EQ(
      Ask("POST", "/v1/ask", {}, R"({"n": 0})").body,
      R"({"error":{"message":"n: 0, expected at least 1","type":"invalid_request_error","param":"n","code":"invalid_value"}})");
  EXPECT_EQ(Ask("GET", "/health", {}, "not looked at").status, 200);
}

TEST_F(RouterTest, PagesOfOtherOriginsMayNotAsk) {
  const HttpHeaders own = {{"host", "localhost:8080"}, {"origin", "http://localhost:8080"}};
  const HttpHeaders other = {{"host", "localhost:8080"}, {"origin", "https://example.org"}};
  EXPECT_EQ(Ask("GET", "/health", own).status, 200);
  EXPECT_EQ(Ask("GET", "/health", other).status, 403);
  EXPECT_EQ(Ask("OPTIONS", "/v1/ask", other).status, 403);
  options.origins = {"https://example.org"};
  const HttpResponse preflight = Ask("OPTIONS", "/v1/ask", other);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(Header(preflight, "access-control-allow-origin"), "https://example.org");
  EXPECT_EQ(Header(preflight, "access-control-allow-methods"), "POST, OPTIONS");
  const auto allowed = [&](const std::string& wanted) {
    HttpHeaders headers = other;
    headers.emplace_back("access-control-request-headers", wanted);
    return Header(Ask("OPTIONS", "/v1/ask", headers), "access-control-allow-headers");
  };
  EXPECT_EQ(allowed("authorization, x-stainless-os"), "authorization, x-stainless-os");
  EXPECT_EQ(allowed("a\r\nb: c"), "authorization, content-type, x-api-key, x-request-id");
  EXPECT_EQ(Header(Ask("GET", "/health", other), "access-control-allow-origin"), "https://example.org");
  options.origins = {"*"};
  EXPECT_EQ(Ask("GET", "/health", {{"host", "localhost"}, {"origin", "https://else.org"}}).status, 200);
}

TEST_F(RouterTest, NamesThatWereMadeToPointHereAreNotOurs) {
  for (const char* host :
       {"localhost", "LocalHost:80", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "app.localhost"}) {
    EXPECT_EQ(Ask("GET", "/health", {{"host", host}}).status, 200) << host;
  }
  for (const char* host :
       {"127.evil.com", "127.evil.com:80", "127.0.0.1.evil.com", "0127.0.0.1", "localhost.evil.com"}) {
    EXPECT_EQ(Ask("GET", "/health", {{"host", host}}).status, 403) << host;
  }
  const HttpHeaders rebound = {{"host", "evil.org:8080"}, {"origin", "http://evil.org:8080"}};
  EXPECT_EQ(Ask("GET", "/health", rebound).status, 403);
  options.loopback = false;
  EXPECT_EQ(Ask("GET", "/health", rebound).status, 200);
}

TEST_F(RouterTest, KnowsWhomItRefusesByTheHeadAlone) {
  options.keys = ApiKeys::Make({"one"}, "").value();
  const Router router(kRoutes, options, &context, &workers);
  const auto wants = [&](const std::string& method, const std::string& path, const std::string& key = "one") {
    return router.WantsBody(
        {.id = "1", .method = method, .path = path, .query = "", .headers = {{"x-api-key", key}}});
  };
  EXPECT_TRUE(wants("POST", "/v1/ask"));
  EXPECT_FALSE(wants("POST", "/v1/ask", "two"));
  EXPECT_FALSE(wants("PUT", "/v1/ask"));
  EXPECT_FALSE(wants("POST", "/nowhere"));
  context.draining = true;
  EXPECT_FALSE(wants("POST", "/v1/ask"));
}

TEST_F(RouterTest, ProbesAreAnsweredHoweverBusyTheWorkersAre) {
  std::promise<void> go;
  ASSERT_TRUE(workers.Post([&] { go.get_future().wait(); }));
  EXPECT_EQ(Ask("GET", "/probe").status, 200);
  go.set_value();
}

// What takes seconds to read keeps nobody waiting but its like.
TEST_F(RouterTest, LargeBodiesAndOthersDoNotWaitForEachOther) {
  std::promise<void> go;
  ASSERT_TRUE(workers.Post([&] { go.get_future().wait(); }));
  EXPECT_EQ(Ask("POST", "/v1/ask", {}, "{\"x\": \"" + std::string(1 << 20, 'a') + "\"}").status, 200);
  go.set_value();
}

TEST_F(RouterTest, ALargeBodyIsRefusedInTheShapeOfItsProtocol) {
  const auto refused = [](const std::string& path) {
    return Router::TooLarge({.id = "1", .method = "POST", .path = path, .query = "", .headers = {}},
                            "too large");
  };
  EXPECT_EQ(refused("/v1/messages").status, 413);
  EXPECT_EQ(refused("/v1/messages").body,
            R"({"type":"error","error":{"message":"too large","type":"request_too_large","param":null,)"
            R"("code":"request_too_large"},"request_id":"1"})");
  EXPECT_EQ(refused("/api/chat").body, R"({"error":"too large"})");
}

TEST_F(RouterTest, ARouteThatThrowsCostsOneRequest) {
  EXPECT_EQ(Ask("POST", "/throws").status, 500);
  EXPECT_EQ(Ask("POST", "/v1/ask").status, 200);
}

TEST(ApiKeys, ComeFromAListAndAFile) {
  const std::string path = testing::TempDir() + "/keys";
  std::ofstream(path) << "# those of today\nthree\r\n\n  four  \n";
  const auto keys = ApiKeys::Make({"one"}, path);
  ASSERT_TRUE(keys.ok()) << keys.error().what;
  HttpRequest request;
  request.headers = {{"x-api-key", "four"}};
  EXPECT_EQ(keys.value().Find(request), 2u);
  request.headers = {{"x-api-key", "two"}};
  EXPECT_EQ(ApiKeys::Make({"zero", "one,two"}, "").value().Find(request), 2u);
  const auto error = [](const std::vector<std::string>& list, const std::string& file = "") {
    return ApiKeys::Make(list, file).error().what;
  };
  EXPECT_EQ(error({"a", "a"}), "api key 2: given twice");
  EXPECT_EQ(error({"a", ""}), "api key 2: empty");
  EXPECT_EQ(error({"a,,b"}), "api key 2: empty");
  EXPECT_EQ(error({"a,"}), "api key 2: empty");
  EXPECT_EQ(error({"a b"}), "api key 1: has spaces, control characters or other than ASCII in it");
  std::ofstream(path) << "# none\n";
  EXPECT_EQ(error({}, path), path + ": no keys, expected one per line");
}

TEST(Workers, SayWhenTheyAreFull) {
  std::promise<void> started, go;
  Workers workers(1, 1);
  ASSERT_TRUE(workers.Post([&] {
    started.set_value();
    go.get_future().wait();
  }));
  started.get_future().wait();
  std::promise<void> second;
  EXPECT_TRUE(workers.Post([&] { second.set_value(); }));
  EXPECT_FALSE(workers.Post([] {}));
  go.set_value();
  second.get_future().wait();
}

}  // namespace
}  // namespace tern
