#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/engine_figures.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

// No answer has a place of its own here: as many of the places as there are answers are taken.
void Handle(ServerContext& context, RouteRequest r) {
  const EngineFigures figures = FiguresOf(context);
  json::array slots;
  for (int i = 0; i < figures.most_running; ++i) {
    slots.push_back(
        json::object{{"id", i}, {"n_ctx", context.longest_input()}, {"is_processing", i < figures.running}});
  }
  r.exchange->Reply({.body = json::serialize(slots), .headers = {{"cache-control", "no-store"}}});
}

}  // namespace

extern const RouteDesc k_route_slots;
const RouteDesc k_route_slots = {
    .method = "GET",
    .path = "/slots",
    .summary = "how many answers there may be at once, and are, as llama-server says it",
    .is_probe = true,
    .shows_model = true,
    .handle = Handle,
};

}  // namespace tern
