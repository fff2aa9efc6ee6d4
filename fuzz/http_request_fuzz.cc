// Fuzzes what becomes of a request's body: the first byte picks a request, the rest is JSON. It must end in
// an error with a name, or in something to do.

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "server/test_server.h"

namespace {

#define REQUIRE(condition) \
  if (!(condition)) __builtin_trap()

std::vector<const tern::RouteDesc*> RoutesWithBodies() {
  std::vector<const tern::RouteDesc*> routes;
  for (const tern::RouteDesc* route : tern::AllRoutes()) {
    if (route->body != nullptr) routes.push_back(route);
  }
  return routes;
}

// No answer is longer than a token: what is fuzzed is how requests are read.
void KeepShort(const tern::SchemaDesc& schema, boost::json::object& body) {
  for (const tern::FieldDesc& field : schema.fields) {
    for (const char* name : {"max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict"}) {
      if (field.name == name) body[name] = 1;
    }
    if (field.name != "options" || field.object == nullptr) continue;  // of Ollama's protocol
    if (!body.contains("options")) body["options"] = boost::json::object();
    if (body["options"].is_object()) KeepShort(*field.object, body["options"].get_object());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static tern::TestServer server(tern::TestServer::Kind::kDecoder);
  static const std::vector<const tern::RouteDesc*> routes = RoutesWithBodies();
  if (size == 0) return 0;
  const tern::RouteDesc& route = *routes[bytes[0] % routes.size()];
  std::string body(reinterpret_cast<const char*>(bytes + 1), size - 1);
  if (auto parsed = tern::ParseBody(body); parsed.ok()) {
    KeepShort(*route.body, parsed.value());
    body = boost::json::serialize(parsed.value());
  }
  const tern::HttpResponse answer = server.Ask("POST", std::string(route.path), body);
  REQUIRE(answer.status == 200 || answer.status == 400 || answer.status == 404);
  if (answer.status == 200) return 0;
  const auto error = tern::ParseBody(answer.body);
  REQUIRE(error.ok() && error.value().contains("error"));
  return 0;
}
