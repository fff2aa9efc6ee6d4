#pragma once
// Routes: an endpoint is one descriptor, which says its path, who may ask, and what the request looks like;
// Router finds it, checks both, and calls it.
//
// A path that no descriptor names is not found, and a descriptor that says nothing of access wants a key.

#include <boost/json/object.hpp>
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

enum class Access : uint8_t { kKey, kOpen };

struct RouteDesc;

struct RouteRequest {
  void Refuse(const ApiError& error) const;

  const RouteDesc* route;
  std::shared_ptr<HttpExchange> exchange;
  boost::json::object body;  // checked against the schema
  std::string name;          // what the path's {name} stands for
  size_t key = 0;            // which key asks
  std::string key_name;      // the same in every process: ApiKeys::NameOf
};

struct RouteDesc {
  std::string_view method;  // "GET" (then HEAD, too), "POST"
  std::string_view path;    // "/v1/models/{name}": the last part may be any, with slashes in it
  std::string_view summary;
  Access access = Access::kKey;
  // Asked by machines, all the time: answered at once, on the sockets' thread, and while draining, too.
  bool is_probe = false;
  ErrorShape errors = ErrorShape::kOpenAi;
  std::span<const std::string_view> aliases = {};
  const SchemaDesc* body = nullptr;                         // none: the body is not looked at
  Required<void (*)(ServerContext&, RouteRequest)> handle;  // on a worker's thread
};

struct RouterOptions {
  ApiKeys keys = {};
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
  void Preflight(HttpExchange& exchange, const Match& match) const;

  std::span<const RouteDesc* const> routes_;
  RouterOptions options_;
  ServerContext* context_;
  Workers* workers_;
  std::unique_ptr<Workers> large_;  // the thread that reads large bodies
};

}  // namespace tern
