#pragma once
// Errors as clients of OpenAI's API parse them: every answer that is not a success has this shape.

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

// {"error": {"message", "type", "param", "code"}}
std::string ErrorBody(const ApiError& error);
// The same as a whole answer; tells clients not to try again where that cannot help.
HttpResponse ErrorResponse(const ApiError& error);

ApiError InvalidField(const FieldError& error);
// What the engine refused, by its code: 400, 404, 429 or 500. The text of an internal error stays here.
ApiError FromEngine(const Error& error);

}  // namespace tern
