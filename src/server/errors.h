#pragma once
// Errors as clients parse them: every answer that is not a success has the shape of its protocol, and that is
// OpenAI's where nothing else is said.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/exchange.h"
#include "server/schema.h"

namespace tern {

struct ApiError {
  int status = 500;
  std::string message = {};
  std::string param = {};  // "messages[0].role"; empty: null
  std::string code = {};   // "model_not_found"; empty: null
  int retry_after_s = 0;   // with 429 and 503; 0: not said
};
// Nothing: all is well.
using Problem = std::optional<ApiError>;

enum class ErrorShape : uint8_t {
  kOpenAi,     // {"error": {"message", "type", "param", "code"}}
  kAnthropic,  // the same, and "type": "error" and "request_id" beside it
  kOllama,     // {"error": "message"}
};

// `request_id`: empty: not said.
std::string ErrorBody(const ApiError& error, ErrorShape shape = ErrorShape::kOpenAi,
                      std::string_view request_id = {});
// The same as a whole answer.
HttpResponse ErrorResponse(const ApiError& error, ErrorShape shape = ErrorShape::kOpenAi,
                           std::string_view request_id = {});
// And as the answer of an exchange.
void RefuseExchange(HttpExchange& exchange, const ApiError& error, ErrorShape shape);

ApiError InvalidField(const FieldError& error);
// 400: "param: what".
ApiError Wrong(const std::string& param, std::string_view what);
// 400: an input that no context holds, `size` of `unit` long. `what` is its name for people. In words by
// which clients tell this error from others: to shorten the input, or to take another model.
ApiError TooLong(const std::string& param, std::string_view what, size_t size, std::string_view unit,
                 size_t context);
// 404: no model has that name. `there_are`: those that have one.
ApiError NoSuchModel(std::string_view name, std::string_view there_are);
// 503: the model is not there yet.
ApiError Loading();
// 503: the server ends, and takes no more requests.
ApiError Draining();
// Where an object lacks a member that others of its members call for. `at` is its own param.
Problem Need(const boost::json::object& object, std::string_view name, const std::string& at);
// What the engine refused, by its code: 400, 404, 429 or 500. The text of an internal error stays here.
ApiError FromEngine(const Error& error);

}  // namespace tern
