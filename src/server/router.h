#pragma once
// Routes: an endpoint is one descriptor, which says its path, who may ask, and what the request looks like;
// Router finds it, checks both, and calls it.
//
// A path that no descriptor names is not found, and a descriptor that says nothing of access wants a key.

#include <atomic>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "server/api_keys.h"
#include "server/errors.h"
#include "server/http/exchange.h"
#include "server/schema.h"
#include "server/workers.h"

namespace tern {

struct ServerContext;  // what routes work with
struct TakenModel;

// kAdmin: changes what is served. It takes one of the keys for that; where there are none, the usual access,
// to a server that only this machine can reach.
enum class Access : uint8_t { kKey, kOpen, kAdmin };

struct RouteDesc;

// Which of several models a request got, for whoever counts it at its end, on another thread maybe.
struct ChosenModel {
  std::atomic<const std::string*> name = nullptr;  // outlives the server's requests
  std::atomic<int64_t> alias = -1;   // and by which alias: its number << 32, and that of the target
  std::atomic<double> waited_s = 0;  // until it was loaded, which says nothing of how fast it is
};

struct RouteRequest {
  void Refuse(const ApiError& error) const;

  const RouteDesc* route;
  std::shared_ptr<HttpExchange> exchange;
  boost::json::object body;  // checked against the schema
  std::string name;          // what the path's {name} stands for
  size_t key = 0;            // which key asks
  std::string key_name;      // the same in every process: ApiKeys::NameOf
  // What the route works with stays as long as somebody has it: who answers later keeps it.
  std::shared_ptr<ServerContext> lease = {};
  std::shared_ptr<ChosenModel> chosen = {};
};

struct RouteDesc {
  std::string_view method;  // "GET" (then HEAD, too), "POST"
  std::string_view path;    // "/v1/models/{name}": that part may be any, with slashes in it
  std::string_view summary;
  Access access = Access::kKey;
  // Asked by machines, all the time: answered at once, on the sockets' thread, and while draining, too.
  bool is_probe = false;
  ErrorShape errors = ErrorShape::kOpenAi;
  std::span<const std::string_view> aliases = {};
  // None: the body is not looked at. Else it names the model that the route works with.
  const SchemaDesc* body = nullptr;
  // Works with a model that is loaded: one that the query names (?model=a), or else the first.
  bool shows_model = false;
  Required<void (*)(ServerContext&, RouteRequest)> handle;  // on a worker's thread
};

struct RouterOptions {
  ApiKeys keys = {};
  ApiKeys admin_keys = {};
  // Pages of other origins that may ask, as "https://example.org"; "*": all. Empty: only the server's own.
  std::vector<std::string> origins = {};
  bool loopback = true;  // the address: then the Host must be one of this machine's names, too
};

// Whether it is "*" or an origin as browsers send it: "https://host" or "http://host:8080", in lower case and
// with nothing behind it.
Status CheckOrigin(std::string_view origin);

class Router {
 public:
  Router(std::span<const RouteDesc* const> routes, RouterOptions options, ServerContext* context,
         Workers* workers);

  // Whether a request will not be refused whatever its body says.
  bool WantsBody(const HttpRequest& head) const { return !Refusal(head, Find(head.method, head.path)); }
  // To a request whose body is too large, in its protocol's shape.
  static HttpResponse TooLarge(const HttpRequest& head, const std::string& message);
  // Takes a request from the sockets' thread; the answer comes later.
  void Handle(std::shared_ptr<HttpExchange> exchange) const;

 private:
  struct Match {
    const RouteDesc* route = nullptr;
    std::string name;
    std::string methods;  // that the path takes
  };
  Match Find(std::string_view method, std::string_view path) const;
  std::optional<HttpResponse> Refusal(const HttpRequest& request, const Match& match) const;
  bool IsAllowedOrigin(const HttpRequest& request) const;
  bool IsAllowedHost(const HttpRequest& request) const;
  bool IsAllowedAdmin(const HttpRequest& request) const;
  void Preflight(HttpExchange& exchange, const Match& match) const;
  void Call(RouteRequest routed) const;
  void CallWithModel(RouteRequest routed, size_t bytes) const;
  void CallWith(RouteRequest routed, TakenModel taken) const;
  void ShowModel(RouteRequest routed) const;
  void Post(Workers& workers, RouteRequest routed, std::function<void(RouteRequest)> call) const;

  std::span<const RouteDesc* const> routes_;
  RouterOptions options_;
  ServerContext* context_;
  std::shared_ptr<ServerContext> self_;  // the same, as a lease of what is always there
  Workers* workers_;
  std::unique_ptr<Workers> large_;  // the thread that reads large bodies
};

}  // namespace tern
