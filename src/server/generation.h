#pragma once
// Generation: what a request asks to be generated, whatever its protocol: prompts, sampling, how many
// answers, and how they are read. Routes fill it in from a checked body; Respond (answer.h) does the rest.

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/errors.h"
#include "server/server_context.h"

namespace tern {

struct Generation {
  Request request{};                            // of every answer, but for its prompt
  std::vector<std::vector<int32_t>> prompts{};  // one or more
  int choices = 1;                              // answers per prompt
  bool stream = false;
  std::string cache_salt{};
  int priority = 0;                  // below 0: before others
  std::optional<size_t> logprobs{};  // wanted, and so many of the likeliest beside each token
  bool prompt_logprobs = false;      // of the prompts' tokens, too
  // How an answer is read. No format: text as it comes.
  const ChatFormatDesc* format = nullptr;
  ChatFormatOptions reading{};
  std::string opener{};        // of the answer, which the prompt has already
  bool forced_call = false;    // it has to be a call
  bool parallel_calls = true;  // false: the first call ends an answer

  size_t answers() const { return prompts.size() * static_cast<size_t>(choices); }
};

// Sampling, limits, stop strings and the like, and n and stream, of a body that was checked against a schema
// with those of them that the protocol has (sampling_fields.h).
Problem ReadGeneration(const ServerContext& context, const boost::json::object& body, Generation* generation);

// Whether a flag is there and set.
bool IsSet(const boost::json::object& body, std::string_view name);
// Gives a member another name, unless there is one of that name.
void Rename(boost::json::object& body, std::string_view from, std::string_view to);

// The error where `body` names a model that is not served, or one that generates nothing.
Problem CheckModel(const ServerContext& context, const boost::json::object& body);
Problem CheckGenerates(const ServerContext& context, const boost::json::object& body);
// The error where a prompt leaves no room for an answer, or there is none; by its bytes before time is spent
// on tokenizing it.
Problem CheckBytes(const ServerContext& context, size_t bytes, const std::string& param);
Problem CheckLength(const ServerContext& context, size_t tokens, const std::string& param);

}  // namespace tern
