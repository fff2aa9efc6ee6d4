#pragma once
// The served model as clients list it.

#include <boost/json/object.hpp>

#include "server/server_context.h"

namespace tern {

// Of OpenAI's protocol, with what vLLM and llama-server say besides, and Anthropic's names for the same.
boost::json::object ModelJson(const ServerContext& context);
// Of Ollama's.
boost::json::object OllamaModelJson(const ServerContext& context);
boost::json::object OllamaDetails(const ServedModel& model);

// "2026-01-31T12:00:00.123456Z"; now where `unix_seconds` is 0.
std::string Rfc3339(int64_t unix_seconds = 0);

}  // namespace tern
