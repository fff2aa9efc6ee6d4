#include "server/errors.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace tern {
namespace {

namespace json = boost::json;

std::string_view TypeOf(int status, ErrorShape shape) {
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
      return shape == ErrorShape::kAnthropic ? "overloaded_error" : "unavailable_error";
    default:
      if (status < 500) return "invalid_request_error";
      return shape == ErrorShape::kAnthropic ? "api_error" : "server_error";
  }
}

json::value OrNull(const std::string& text) { return text.empty() ? json::value() : json::value(text); }

}  // namespace

std::string ErrorBody(const ApiError& error, ErrorShape shape) {
  if (shape == ErrorShape::kOllama) return json::serialize(json::object{{"error", error.message}});
  json::object body;
  if (shape == ErrorShape::kAnthropic) body["type"] = "error";
  body["error"] = json::object{{"message", error.message},
                               {"type", TypeOf(error.status, shape)},
                               {"param", OrNull(error.param)},
                               {"code", OrNull(error.code)}};
  return json::serialize(body);
}

HttpResponse ErrorResponse(const ApiError& error, ErrorShape shape) {
  HttpResponse response{.status = error.status, .body = ErrorBody(error, shape)};
  if (error.retry_after_s > 0)
    response.headers.emplace_back("retry-after", std::to_string(error.retry_after_s));
  if (error.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

ApiError InvalidField(const FieldError& error) {
  return {.status = 400, .message = error.message, .param = error.param, .code = "invalid_value"};
}

ApiError Wrong(const std::string& param, std::string_view what) {
  return InvalidField({param, fmt::format("{}: {}", param, what)});
}

Problem Need(const json::object& object, std::string_view name, const std::string& at) {
  if (object.contains(name)) return std::nullopt;
  return Wrong(fmt::format("{}.{}", at, name), "required");
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
