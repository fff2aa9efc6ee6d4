#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

json::object Response(std::string_view text) { return {{"description", text}}; }

json::object Operation(const RouteDesc& route) {
  json::object operation{{"summary", route.summary},
                         {"responses", {{"200", Response("the answer")}, {"default", Response("an error")}}}};
  if (route.body != nullptr) {
    const std::string schema = "#/components/schemas/" + std::string(route.body->name);
    operation["requestBody"] = json::object{
        {"required", true}, {"content", {{"application/json", {{"schema", {{"$ref", schema}}}}}}}};
  }
  if (route.path.find("{name}") != route.path.npos) {
    operation["parameters"] = json::array{
        json::object{{"name", "name"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}};
  }
  if (route.access == Access::kOpen) operation["security"] = json::array();
  return operation;
}

std::string Method(std::string_view method) {
  std::string lower;
  for (const char c : method) lower += static_cast<char>(c - 'A' + 'a');
  return lower;
}

json::object Document(const ServerContext& context) {
  json::object paths, schemas;
  for (const RouteDesc* route : AllRoutes()) {
    if (route->body != nullptr) schemas[route->body->name] = SchemaJson(*route->body);
    std::vector<std::string_view> names(route->aliases.begin(), route->aliases.end());
    names.insert(names.begin(), route->path);
    for (const std::string_view path : names) {
      json::value& operations = paths[path];
      if (!operations.is_object()) operations = json::object();
      operations.get_object()[Method(route->method)] = Operation(*route);
    }
  }
  const json::object bearer{{"type", "http"}, {"scheme", "bearer"}};
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "tern"}, {"version", context.version}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas)}, {"securitySchemes", {{"key", bearer}}}}},
          {"security", json::array{json::object{{"key", json::array()}}}}};
}

void Handle(ServerContext& context, RouteRequest r) {
  r.exchange->Reply({.body = json::serialize(Document(context))});
}

}  // namespace

extern const RouteDesc k_route_openapi;
const RouteDesc k_route_openapi = {
    .method = "GET",
    .path = "/openapi.json",
    .summary = "this description",
    .handle = Handle,
};

}  // namespace tern
