// Lists of the models of a server.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/model_host.h"
#include "server/model_json.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr int64_t kNever = 4102444800;  // 2100-01-01

int64_t UnixSeconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

json::array Strings(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

// As llama-server's router calls them.
std::string_view StatusOf(ModelState state) {
  return state == ModelState::kReady || state == ModelState::kDraining ? "loaded" : ModelStateName(state);
}

json::object OpenAiOf(const ModelView& view, bool has_one) {
  json::object model;
  if (view.openai != nullptr) {
    model = *view.openai;
  } else {
    model = {{"id", view.name},
             {"object", "model"},
             {"created", view.modified},
             {"owned_by", "tern"},
             {"root", view.name},
             {"parent", nullptr},
             {"type", "model"},
             {"display_name", view.name},
             {"created_at", Rfc3339(std::max<int64_t>(view.modified, 1))}};
    if (view.file_bytes > 0) model["meta"] = json::object{{"size", view.file_bytes}};
  }
  if (has_one) return model;
  model["status"] = json::object{{"value", StatusOf(view.state)}};
  if (!view.aliases.empty()) model["aliases"] = Strings(view.aliases);
  return model;
}

// A name that stands for several models.
json::object OpenAiOf(const Canary& alias) {
  json::array split;
  for (const Canary::Target& target : alias.targets()) {
    split.push_back({{"model", target.model}, {"percent", target.share}});
  }
  return {{"id", alias.name()},
          {"object", "model"},
          {"created", 0},
          {"owned_by", "tern"},
          {"root", alias.targets()[0].model},
          {"parent", nullptr},
          {"type", "model"},
          {"display_name", alias.name()},
          {"created_at", Rfc3339(1)},
          {"split", std::move(split)}};
}

json::object OllamaOf(const ModelView& view) {
  if (view.ollama != nullptr) return *view.ollama;
  return {{"name", view.name},
          {"model", view.name},
          {"modified_at", Rfc3339(std::max<int64_t>(view.modified, 1))},
          {"size", view.file_bytes},
          {"digest", ModelDigest(view.name, view.file_bytes)},
          {"details",
           {{"parent_model", ""},
            {"format", "gguf"},
            {"family", ""},
            {"families", json::array()},
            {"parameter_size", ""},
            {"quantization_level", ""}}}};
}

json::object LoadedOf(json::object model, const ServerContext& context, size_t bytes,
                      std::optional<double> expires_in_s) {
  const int64_t expires = expires_in_s ? UnixSeconds() + std::lround(*expires_in_s) : kNever;
  model["expires_at"] = Rfc3339(std::min(expires, kNever));
  model["size_vram"] = 0;
  if (bytes > 0) model["size"] = bytes;
  model["context_length"] = context.longest_input();
  return model;
}

json::object StateOf(const ModelView& view) {
  json::object state{{"name", view.name},       {"state", ModelStateName(view.state)},
                     {"bytes", view.bytes},     {"requests", view.leases},
                     {"waiting", view.waiting}, {"pinned", view.pinned},
                     {"loads", view.loads},     {"evictions", view.evictions},
                     {"load_s", view.load_s}};
  state["expires_in_s"] = view.expires_in_s ? json::value(*view.expires_in_s) : json::value();
  if (!view.failure.empty()) state["failure"] = view.failure;
  return state;
}

json::object StateOf(const Canary& alias) {
  json::array targets;
  for (const Canary::Target& target : alias.targets()) {
    targets.push_back(
        json::object{{"model", target.model},
                     {"percent", target.percent},
                     {"share", target.share},
                     {"answers", target.answers},
                     {"failed", target.failed},
                     {"p95_s", target.p95_s},
                     {"rolled_back", target.lost.empty() ? json::value() : json::value(target.lost)}});
  }
  return {{"name", alias.name()}, {"to", std::move(targets)}};
}

}  // namespace

json::array ModelsJson(ServerContext& server) {
  if (server.models == nullptr) return {ModelJson(server)};
  json::array list;
  for (const ModelView& view : server.models->views()) {
    list.push_back(OpenAiOf(view, server.models->has_one()));
  }
  for (const Canary& alias : server.models->aliases()) list.push_back(OpenAiOf(alias));
  return list;
}

std::optional<json::object> FindModelJson(ServerContext& server, const std::string& name) {
  if (server.models == nullptr) {
    return server.model.IsNamed(name) ? std::optional(ModelJson(server)) : std::nullopt;
  }
  const json::value id(server.models->NameOf(name));
  for (const json::value& model : ModelsJson(server)) {
    if (model.at("id") == id) return model.get_object();
  }
  return std::nullopt;
}

json::array OllamaModelsJson(ServerContext& server) {
  if (server.models == nullptr) return {OllamaModelJson(server)};
  json::array list;
  for (const ModelView& view : server.models->views()) list.push_back(OllamaOf(view));
  for (const Canary& alias : server.models->aliases())
    list.push_back(OllamaOf(ModelView{.name = alias.name()}));
  return list;
}

json::array OllamaLoadedJson(ServerContext& server) {
  if (server.models == nullptr) return {LoadedOf(OllamaModelJson(server), server, 0, std::nullopt)};
  json::array list;
  for (const ModelView& view : server.models->views()) {
    if (view.context == nullptr) continue;
    const size_t bytes = server.models->has_one() ? 0 : view.bytes;
    list.push_back(LoadedOf(OllamaOf(view), *view.context, bytes, view.expires_in_s));
  }
  return list;
}

void AddModelStates(ServerContext& server, json::object* state) {
  json::array models, aliases;
  for (const ModelView& view : server.models->views()) models.push_back(StateOf(view));
  for (const Canary& alias : server.models->aliases()) aliases.push_back(StateOf(alias));
  (*state)["models"] = std::move(models);
  (*state)["aliases"] = std::move(aliases);
  (*state)["models_bytes"] =
      json::object{{"used", server.models->used_bytes()}, {"limit", server.models->memory_bytes()}};
}

}  // namespace tern
