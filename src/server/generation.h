#pragma once
// What all protocols that generate have in common: sampling fields, prompts as ids, usage.

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "server/errors.h"
#include "server/schema.h"
#include "server/server_context.h"

namespace tern {

// The sampling fields, for a request's schema.
std::span<const FieldDesc> SamplingFields();
// A schema's own fields and those.
std::vector<FieldDesc> WithSamplingFields(std::span<const FieldDesc> own);

// Sampling, limits and stop strings of a checked body; the prompt is not touched.
std::variant<Request, ApiError> ReadGeneration(const ServerContext& context, const boost::json::object& body);

// The error where `body` names a model that is not served.
std::optional<ApiError> CheckModel(const ServerContext& context, const boost::json::object& body);

boost::json::object UsageJson(int prompt_tokens, int cached_tokens, int completion_tokens);

}  // namespace tern
