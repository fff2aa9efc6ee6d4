#include "server/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/process_usage.h"
#include "server/errors.h"
#include "server/http/wire.h"
#include "server/model_host.h"
#include "server/ollama_request.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

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
  const size_t at = pattern.find(kName);
  if (at == pattern.npos) return pattern == path ? std::optional<std::string>("") : std::nullopt;
  const std::string_view stem = pattern.substr(0, at), tail = pattern.substr(at + kName.size());
  const bool fits = path.size() > stem.size() + tail.size() && path.starts_with(stem) && path.ends_with(tail);
  if (!fits) return std::nullopt;
  return std::string(path.substr(at, path.size() - stem.size() - tail.size()));
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

// An answer by an alias has ended: of those that clients broke off or asked for wrongly, nothing follows.
void CountCanary(ServerContext& context, const ChosenModel& chosen, const ExchangeEnd& end) {
  const int64_t alias = chosen.alias;
  const bool refused = end.status >= 400 && end.status < 500;
  if (alias < 0 || end.gone || refused) return;
  context.models->CountAnswer(static_cast<int>(alias >> 32), static_cast<size_t>(alias & 0xFFFFFFFF),
                              end.cut || end.status >= 500, end.seconds - chosen.waited_s);
}

// Counts and logs a request where it ends, and gives its place back.
void Watch(ServerContext* context, HttpExchange& exchange, const RouteDesc* route,
           std::shared_ptr<Quotas::Place> place, std::shared_ptr<const ChosenModel> chosen) {
  exchange.OnEnd(
      [context, route, place = std::move(place), chosen](const HttpExchange& ended, const ExchangeEnd& end) {
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
        CountCanary(*context, *chosen, end);
        if (context->traces != nullptr && !record.is_probe) {
          const std::string* name = chosen->name;
          context->traces->Write(record, ended.request().Header("traceparent"),
                                 name != nullptr ? *name : context->model.id);
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
      self_(context, [](ServerContext*) {}),
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

bool Router::IsAllowedAdmin(const HttpRequest& request) const {
  if (!options_.admin_keys.empty()) return options_.admin_keys.Find(request).has_value();
  // A page, even one that may ask, has no business here.
  return options_.loopback && request.Header("origin").empty() && options_.keys.Find(request).has_value();
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
  const bool admin = match.route != nullptr && match.route->access == Access::kAdmin;
  if (admin && !IsAllowedAdmin(request)) {
    return ErrorResponse(
        {.status = 403,
         .message = "this takes a key of --admin-key, or without any, a server on loopback and its usual key",
         .code = "admin_not_allowed"},
        shape, request.id);
  }
  if (!open && !admin && !options_.keys.Find(request)) {
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
  const auto chosen = std::make_shared<ChosenModel>();
  Watch(context_, *exchange, match.route, place, chosen);
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
                      .key_name = {},
                      .lease = self_,
                      .chosen = chosen};
  if (match.route->is_probe) return Call(std::move(routed));
  routed.key_name = options_.keys.NameOf(routed.key);
  if (match.route->body != nullptr) {
    const auto now = std::chrono::steady_clock::now();
    const Problem problem = context_->quotas->TakeRequest(routed.key, now, place.get());
    exchange->AddHeaders(context_->quotas->RequestHeaders(routed.key, now));
    if (problem) return routed.Refuse(*problem);
  }
  Workers& workers = request.body.size() > kLargeBytes ? *large_ : *workers_;
  Post(workers, std::move(routed), [this](RouteRequest r) { Call(std::move(r)); });
}

void Router::Post(Workers& workers, RouteRequest routed, std::function<void(RouteRequest)> call) const {
  const RouteDesc* route = routed.route;
  const std::shared_ptr<HttpExchange> exchange = routed.exchange;
  const bool large = &workers == large_.get();
  const bool posted = workers.Post([call = std::move(call), large, routed = std::move(routed)]() mutable {
    if (!routed.exchange->gone()) call(std::move(routed));
    if (large) GiveMemoryBack();
  });
  if (posted) return;
  RefuseExchange(*exchange,
                 {.status = 429,
                  .message = "too many requests wait to be read",
                  .code = "overloaded",
                  .retry_after_s = 1},
                 route->errors);
}

// Checks the body, and calls the route.
void Router::Call(RouteRequest routed) const {
  const RouteDesc& route = *routed.route;
  if (route.shows_model) return ShowModel(std::move(routed));
  if (route.body == nullptr) return route.handle(*context_, std::move(routed));
  const size_t bytes = routed.exchange->request().body.size();
  auto body = ParseBody(routed.exchange->TakeBody());
  if (!body.ok()) {
    return routed.Refuse({.status = 400, .message = body.error().what, .code = "invalid_json"});
  }
  routed.body = std::move(body).value();
  if (const auto error = CheckFields(*route.body, routed.body)) return routed.Refuse(InvalidField(*error));
  if (context_->models == nullptr) return route.handle(*context_, std::move(routed));
  CallWithModel(std::move(routed), bytes);
}

// At once, or when it is loaded.
void Router::CallWithModel(RouteRequest routed, size_t bytes) const {
  const auto waiting = std::make_shared<RouteRequest>(std::move(routed));
  // Ollama's clients have two names for it.
  const json::value* name = waiting->body.if_contains("model");
  if (name == nullptr) name = waiting->body.if_contains("name");
  const bool is_named = name != nullptr && name->is_string();
  ModelWish wish{.name = is_named ? std::string_view(name->get_string()) : std::string_view(),
                 .request_id = waiting->exchange->request().id,
                 .deadline_s = context_->deadline_s,
                 .bytes = bytes,
                 .gone = [exchange = waiting->exchange] { return exchange->gone(); }};
  if (const auto problem = ReadKeepAlive(waiting->body, &wish.keep_s)) return waiting->Refuse(*problem);
  auto taken = context_->models->Take(wish, [this, waiting](const TakenModel& later) {
    Post(*workers_, std::move(*waiting), [this, later](RouteRequest r) { CallWith(std::move(r), later); });
  });
  if (taken) CallWith(std::move(*waiting), std::move(*taken));
}

void Router::CallWith(RouteRequest routed, TakenModel taken) const {
  // The context may have gone before the request has ended: its name is the host's.
  routed.chosen->name = taken.name;
  if (taken.alias >= 0) {
    routed.chosen->waited_s = routed.exchange->seconds();
    routed.chosen->alias = int64_t{taken.alias} << 32 | static_cast<int64_t>(taken.target);
  }
  if (taken.problem) return routed.Refuse(*taken.problem);
  const RouteDesc& route = *routed.route;
  // Whatever it was called by: from here on it is the model's own name.
  for (const char* name : {"model", "name"}) {
    json::value* v = routed.body.if_contains(name);
    if (v != nullptr && v->is_string()) *v = *taken.name;
  }
  ServerContext& context = *taken.context;
  routed.lease = std::move(taken.context);
  route.handle(context, std::move(routed));
}

void Router::ShowModel(RouteRequest routed) const {
  if (context_->models == nullptr) return routed.route->handle(*context_, std::move(routed));
  const std::string name = QueryMember(routed.exchange->request().query, "model");
  routed.lease = context_->models->Look(name);
  if (routed.lease == nullptr) {
    return routed.Refuse({.status = 503,
                          .message = name.empty() ? "no model is loaded" : name + ": no such model is loaded",
                          .param = "model",
                          .code = "model_not_loaded",
                          .retry_after_s = 1});
  }
  ServerContext& context = *routed.lease;
  routed.route->handle(context, std::move(routed));
}

}  // namespace tern
