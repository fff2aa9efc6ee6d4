#include "server/errors.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace tern {
namespace {

std::string_view TypeOf(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "unavailable_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

boost::json::value OrNull(const std::string& text) {
  return text.empty() ? boost::json::value() : boost::json::value(text);
}

}  // namespace

std::string ErrorBody(const ApiError& error) {
  const boost::json::object body{{"message", error.message},
                                 {"type", TypeOf(error.status)},
                                 {"param", OrNull(error.param)},
                                 {"code", OrNull(error.code)}};
  return boost::json::serialize(boost::json::object{{"error", body}});
}

HttpResponse ErrorResponse(const ApiError& error) {
  HttpResponse response{.status = error.status, .body = ErrorBody(error)};
  if (error.retry_after_s > 0)
    response.headers.emplace_back("retry-after", std::to_string(error.retry_after_s));
  if (error.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

ApiError InvalidField(const FieldError& error) {
  return {.status = 400, .message = error.message, .param = error.param, .code = "invalid_value"};
}

ApiError FromEngine(const Error& error) {
  switch (error.code) {
    case Code::kBadInput:
    case Code::kUnsupported:
      return {.status = 400, .message = error.what};
    case Code::kNotFound:
      return {.status = 404, .message = error.what};
    case Code::kExhausted:
      return {.status = 429, .message = error.what, .code = "overloaded", .retry_after_s = 1};
    case Code::kIo:
    case Code::kCancelled:
    case Code::kInternal:
      break;
  }
  return {.status = 500, .message = "internal error", .code = "internal_error"};
}

}  // namespace tern
