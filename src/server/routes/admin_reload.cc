#include <boost/json/serialize.hpp>

#include "server/model_host.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

ApiError NoHost() {
  return {.status = 404, .message = "no model can be loaded anew here", .code = "not_supported"};
}

void Handle(ServerContext& context, RouteRequest r) {
  if (context.models == nullptr) return r.Refuse(NoHost());
  const std::string name = context.models->NameOf(r.name);
  context.models->Reload(r.name, [r, name](const Status& status) {
    if (status.ok()) return r.exchange->Reply({.body = json::serialize(json::object{{"reloaded", name}})});
    if (status.error().code == Code::kNotFound) {
      return r.Refuse(
          {.status = 404, .message = status.error().what, .param = "model", .code = "model_not_found"});
    }
    // The old one is there still, or there is none: whose key it takes may know why.
    r.Refuse({.status = 500, .message = status.error().what, .code = "model_not_loaded"});
  });
}

}  // namespace

extern const RouteDesc k_route_admin_reload;
const RouteDesc k_route_admin_reload = {
    .method = "POST",
    .path = "/admin/models/{name}/reload",
    .summary =
        "loads a model anew from its file; no request is dropped, and one that cannot be read changes "
        "nothing",
    .access = Access::kAdmin,
    .handle = Handle,
};

}  // namespace tern
