#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "server/server_context.h"

namespace tern {
namespace {

void Handle(ServerContext& context, RouteRequest r) {
  r.exchange->Reply({.body = boost::json::serialize(boost::json::object{{"version", context.version}})});
}

constexpr std::string_view kAliases[] = {"/api/version"};

}  // namespace

extern const RouteDesc k_route_version;
const RouteDesc k_route_version = {
    .method = "GET",
    .path = "/version",
    .summary = "the server's version",
    .is_probe = true,
    .aliases = kAliases,
    .handle = Handle,
};

}  // namespace tern
