#include "server/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/process_usage.h"
#include "server/errors.h"
#include "server/http/wire.h"
#include "server/server_context.h"

namespace tern {
namespace {

constexpr std::string_view kName = "{name}";
// Bodies beyond this are read one at a time, while others' go on.
constexpr size_t kLargeBytes = size_t{1} << 20;
constexpr size_t kMostLargeWaiting = 64;
// Of an answer, that pages of other origins may read.
constexpr const char* kExposedHeaders =
    "x-request-id, retry-after, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, "
    "x-ratelimit-reset-tokens";

// "/v1/models/{name}" and "/v1/models/a/b": "a/b". Nothing: no match.
std::optional<std::string> MatchPath(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with(kName)) return pattern == path ? std::optional<std::string>("") : std::nullopt;
  const std::string_view stem = pattern.substr(0, pattern.size() - kName.size());
  if (path.size() <= stem.size() || !path.starts_with(stem)) return std::nullopt;
  return std::string(path.substr(stem.size()));
}

// "localhost:8080" and "[::1]:8080" without the port.
std::string_view HostName(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.rfind(':'));
}

// What a browser asks for: names of headers, and nothing that would end the one they are told in.
bool IsNameList(std::string_view list) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == ',' || c == ' ';
  };
  return !list.empty() && list.size() <= 4096 && std::ranges::all_of(list, fits);
}

// Checks the body, and calls the route.
void Call(ServerContext& context, RouteRequest routed) {
  const RouteDesc& route = *routed.route;
  if (route.body != nullptr) {
    auto body = ParseBody(routed.exchange->TakeBody());
    if (!body.ok()) {
      return routed.Refuse({.status = 400, .message = body.error().what, .code = "invalid_json"});
    }
    routed.body = std::move(body).value();
    if (const auto error = CheckFields(*route.body, routed.body)) return routed.Refuse(InvalidField(*error));
  }
  route.handle(context, std::move(routed));
}

// Counts and logs a request where it ends, and gives its place back.
void Watch(ServerContext* context, HttpExchange& exchange, const RouteDesc* route,
           std::shared_ptr<Quotas::Place> place) {
  exchange.OnEnd(
      [context, route, place = std::move(place)](const HttpExchange& ended, const ExchangeEnd& end) {
        place->reset();
        using std::chrono::milliseconds;
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        context->meters.http.Count(route, end.status);
        const RequestRecord record{.unix_ms = std::chrono::duration_cast<milliseconds>(now).count(),
                                   .id = ended.request().id,
                                   .method = route == nullptr ? "none" : route->method,
                                   .route = route == nullptr ? "none" : route->path,
                                   .end = end,
                                   .note = ended.note(),
                                   .is_probe = route != nullptr && route->is_probe};
        context->log.Write(record);
        if (context->traces != nullptr && !record.is_probe) {
          context->traces->Write(record, ended.request().Header("traceparent"), context->model.id);
        }
      });
}

// Of a path that is no endpoint, or takes another method: whose it would be.
ErrorShape ShapeOf(std::string_view path) {
  if (path.starts_with("/api/")) return ErrorShape::kOllama;
  const bool anthropic = path.starts_with("/v1/messages") || path.starts_with("/messages");
  return anthropic ? ErrorShape::kAnthropic : ErrorShape::kOpenAi;
}

}  // namespace

Status CheckOrigin(std::string_view origin) {
  if (origin == "*") return {};
  const size_t host = origin.starts_with("https://") ? 8 : origin.starts_with("http://") ? 7 : 0;
  const std::string_view rest = origin.substr(host);
  const bool plain = host > 0 && !rest.empty() && rest.find_first_of("/?#@ ") == std::string_view::npos;
  if (plain && LowerCase(origin) == origin) return {};
  return BadInput(
      fmt::format("origin {}: browsers send none like it, expected as in https://example.org", origin));
}

void RouteRequest::Refuse(const ApiError& error) const { RefuseExchange(*exchange, error, route->errors); }

Router::Router(std::span<const RouteDesc* const> routes, RouterOptions options, ServerContext* context,
               Workers* workers)
    : routes_(routes),
      options_(std::move(options)),
      context_(context),
      workers_(workers),
      large_(std::make_unique<Workers>(1, kMostLargeWaiting)) {
  context_->quotas = std::make_unique<Quotas>(options_.keys.limits());
}

// As it is, and for clients that were given a base URL without /v1 or with one too many, with it and without.
Router::Match Router::Find(std::string_view method, std::string_view path) const {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  Match match;
  constexpr std::string_view kVersion = "/v1";
  const bool has_version = path.starts_with("/v1/");
  const std::string other(has_version ? path.substr(kVersion.size()) : std::string(kVersion).append(path));
  for (const std::string& tried : {std::string(path), other}) {
    for (const RouteDesc* route : routes_) {
      auto name = MatchPath(route->path, tried);
      for (const std::string_view alias : route->aliases) {
        if (!name) name = MatchPath(alias, tried);
      }
      if (!name) continue;
      match.methods.append(match.methods.empty() ? "" : ", ").append(route->method);
      const bool same = route->method == method || (route->method == "GET" && method == "HEAD");
      if (same && match.route == nullptr) {
        match.route = route;
        match.name = std::move(*name);
      }
    }
    if (!match.methods.empty()) break;
  }
  return match;
}

// A page may ask its own server. Browsers say where a page comes from; other programs have no origin.
bool Router::IsAllowedOrigin(const HttpRequest& request) const {
  const std::string_view origin = request.Header("origin");
  if (origin.empty()) return true;
  const std::string_view host = request.Header("host");
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme) && LowerCase(origin.substr(scheme.size())) == LowerCase(host)) return true;
  }
  return std::ranges::any_of(options_.origins, [&](const auto& o) { return o == "*" || o == origin; });
}

// Or a page whose name was made to point here would pass for the server's own (DNS rebinding).
bool Router::IsAllowedHost(const HttpRequest& request) const {
  const std::string_view host = request.Header("host");
  return !options_.loopback || host.empty() || IsLoopbackName(HostName(host));
}

// The clients' own headers differ by their version; which of them a page sends is no danger to anybody.
void Router::Preflight(HttpExchange& exchange, const Match& match) const {
  const std::string_view wanted = exchange.request().Header("access-control-request-headers");
  const bool echoes = IsNameList(wanted);
  HttpResponse response{.status = 204, .content_type = ""};
  response.headers = {{"allow", match.methods + ", OPTIONS"},
                      {"access-control-allow-methods", match.methods + ", OPTIONS"},
                      {"access-control-allow-headers",
                       echoes ? std::string(wanted) : "authorization, content-type, x-api-key, x-request-id"},
                      {"vary", "access-control-request-headers"},
                      {"access-control-max-age", "600"}};
  exchange.Reply(std::move(response));
}

// What is said whatever the body is.
std::optional<HttpResponse> Router::Refusal(const HttpRequest& request, const Match& match) const {
  if (!IsAllowedHost(request)) {
    return ErrorResponse({.status = 403,
                          .message = "the Host header names another machine, which a server on loopback does "
                                     "not answer for",
                          .code = "host_not_allowed"});
  }
  if (!IsAllowedOrigin(request)) {
    return ErrorResponse(
        {.status = 403, .message = "requests from this page are not allowed", .code = "origin_not_allowed"});
  }
  if (request.method == "OPTIONS" && !match.methods.empty()) return std::nullopt;
  const bool open = match.route != nullptr && match.route->access == Access::kOpen;
  const ErrorShape shape = match.route != nullptr ? match.route->errors : ShapeOf(request.path);
  if (!open && !options_.keys.Find(request)) {
    return ErrorResponse({.status = 401, .message = "a valid API key is needed", .code = "invalid_api_key"},
                         shape, request.id);
  }
  if (match.methods.empty()) {
    return ErrorResponse({.status = 404, .message = "no such endpoint", .code = "unknown_endpoint"}, shape,
                         request.id);
  }
  if (match.route == nullptr) {
    HttpResponse response =
        ErrorResponse({.status = 405,
                       .message = "the endpoint does not take this method, expected " + match.methods,
                       .code = "method_not_allowed"},
                      shape, request.id);
    response.headers.emplace_back("allow", match.methods);
    return response;
  }
  if (context_->loading) return ErrorResponse(Loading(), shape, request.id);
  if (context_->draining && !match.route->is_probe) return ErrorResponse(Draining(), shape, request.id);
  return std::nullopt;
}

HttpResponse Router::TooLarge(const HttpRequest& head, const std::string& message) {
  return ErrorResponse({.status = 413, .message = message, .code = "request_too_large"}, ShapeOf(head.path),
                       head.id);
}

void Router::Handle(std::shared_ptr<HttpExchange> exchange) const {
  const HttpRequest& request = exchange->request();
  Match match = Find(request.method, request.path);
  const auto place = std::make_shared<Quotas::Place>();
  Watch(context_, *exchange, match.route, place);
  const std::string_view origin = request.Header("origin");
  if (!origin.empty() && IsAllowedHost(request) && IsAllowedOrigin(request)) {
    exchange->AddHeaders({{"access-control-allow-origin", std::string(origin)},
                          {"access-control-expose-headers", kExposedHeaders},
                          {"vary", "origin"}});
  }
  if (auto refusal = Refusal(request, match)) return exchange->Reply(std::move(*refusal));
  if (request.method == "OPTIONS") return Preflight(*exchange, match);
  RouteRequest routed{.route = match.route,
                      .exchange = exchange,
                      .body = {},
                      .name = std::move(match.name),
                      .key = options_.keys.Find(request).value_or(0),
                      .key_name = {}};
  if (match.route->is_probe) return Call(*context_, std::move(routed));
  routed.key_name = options_.keys.NameOf(routed.key);
  if (match.route->body != nullptr) {
    const auto now = std::chrono::steady_clock::now();
    const Problem problem = context_->quotas->TakeRequest(routed.key, now, place.get());
    exchange->AddHeaders(context_->quotas->RequestHeaders(routed.key, now));
    if (problem) return routed.Refuse(*problem);
  }
  const bool large = request.body.size() > kLargeBytes;
  const bool posted = (large ? *large_ : *workers_).Post([this, large, routed = std::move(routed)]() mutable {
    if (!routed.exchange->gone()) Call(*context_, std::move(routed));
    if (large) GiveMemoryBack();
  });
  if (posted) return;
  RefuseExchange(*exchange,
                 {.status = 429,
                  .message = "too many requests wait to be read",
                  .code = "overloaded",
                  .retry_after_s = 1},
                 match.route->errors);
}

}  // namespace tern
