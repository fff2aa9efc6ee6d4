#pragma once
// Grammars of answers that have to be a call of some function, or may be one beside what else they have to
// be.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>

#include "server/answer_format.h"
#include "text/chat_format.h"
#include "text/grammar/grammar.h"

namespace tern {

// One call of one of `tools` (as OpenAI describes them), written as `shape` says.
boost::json::object ForcedCallSchema(std::span<const boost::json::value* const> tools,
                                     const CallShape& shape);

// The form of an answer in its own format, or a call behind its marker.
const GrammarFormDesc& AnswerOrCall();
// Its source. `calls`: a JSON schema.
std::string AnswerOrCallSource(const AnswerFormat& answer, std::string_view open, std::string_view calls);
// Whether a model writes such a call in text alone: a grammar lets no control token come.
bool CanBeText(const std::optional<CallShape>& shape, std::span<const std::string> control_tokens);

}  // namespace tern
