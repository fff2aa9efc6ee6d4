#pragma once
// The JSON schema of an answer that has to be a call of some function.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <span>

#include "text/chat_format.h"

namespace tern {

// One call of one of `tools` (as OpenAI describes them), written as `shape` says.
boost::json::object ForcedCallSchema(std::span<const boost::json::value* const> tools,
                                     const CallShape& shape);

}  // namespace tern
