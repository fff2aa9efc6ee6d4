#pragma once
// The served model as clients list it.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "server/server_context.h"

namespace tern {

// Of OpenAI's protocol, with what vLLM and llama-server say besides, and Anthropic's names for the same.
boost::json::object ModelJson(const ServerContext& context);
// Of Ollama's.
boost::json::object OllamaModelJson(const ServerContext& context);
boost::json::object OllamaDetails(const ServedModel& model);
// Tools tell models apart by it: 64 hex digits of a model's name and its file's size, not of its bytes.
std::string ModelDigest(std::string_view id, size_t file_bytes);

// All models of a server, loaded or not, and names that stand for several, each as above; and of Ollama's
// protocol those that are loaded, and until when.
boost::json::array ModelsJson(ServerContext& server);
boost::json::array OllamaModelsJson(ServerContext& server);
boost::json::array OllamaLoadedJson(ServerContext& server);
// One of them; nothing: there is none of that name.
std::optional<boost::json::object> FindModelJson(ServerContext& server, const std::string& name);
// What /debug/state says of them: states, bytes, who waits.
void AddModelStates(ServerContext& server, boost::json::object* state);

// "2026-01-31T12:00:00.123456Z"; now where `unix_seconds` is 0.
std::string Rfc3339(int64_t unix_seconds = 0);

}  // namespace tern
