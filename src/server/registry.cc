#include "server/server_context.h"

namespace tern {

#define ROUTE(name) extern const RouteDesc k_route_##name;
#include "server/routes.list"
#undef ROUTE

std::span<const RouteDesc* const> AllRoutes() {
#define ROUTE(name) &k_route_##name,
  static constexpr const RouteDesc* kAll[] = {
#include "server/routes.list"
  };
#undef ROUTE
  return kAll;
}

}  // namespace tern
