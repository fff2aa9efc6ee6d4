#include <boost/json/serialize.hpp>

#include "server/model_host.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

void Handle(ServerContext& context, RouteRequest r) {
  if (context.models == nullptr || !context.models->RestoreAlias(r.name)) {
    return r.Refuse({.status = 404,
                     .message = "alias " + r.name + ": there is none of that name with several models",
                     .code = "alias_not_found"});
  }
  r.exchange->Reply({.body = json::serialize(json::object{{"restored", r.name}})});
}

}  // namespace

extern const RouteDesc k_route_admin_restore;
const RouteDesc k_route_admin_restore = {
    .method = "POST",
    .path = "/admin/aliases/{name}/restore",
    .summary = "gives models the shares of an alias back that they lost",
    .access = Access::kAdmin,
    .handle = Handle,
};

}  // namespace tern
