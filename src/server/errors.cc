#include "server/errors.h"

#include <fmt/format.h>

#include <algorithm>
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
    case 413:
      return shape == ErrorShape::kAnthropic ? "request_too_large" : "invalid_request_error";
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

std::string ErrorBody(const ApiError& error, ErrorShape shape, std::string_view request_id) {
  if (shape == ErrorShape::kOllama) return json::serialize(json::object{{"error", error.message}});
  json::object body;
  if (shape == ErrorShape::kAnthropic) body["type"] = "error";
  body["error"] = json::object{{"message", error.message},
                               {"type", TypeOf(error.status, shape)},
                               {"param", OrNull(error.param)},
                               {"code", OrNull(error.code)}};
  if (shape == ErrorShape::kAnthropic && !request_id.empty()) body["request_id"] = request_id;
  return json::serialize(body);
}

HttpResponse ErrorResponse(const ApiError& error, ErrorShape shape, std::string_view request_id) {
  HttpResponse response{.status = error.status, .body = ErrorBody(error, shape, request_id)};
  if (error.retry_after_s > 0)
    response.headers.emplace_back("retry-after", std::to_string(error.retry_after_s));
  if (error.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

void RefuseExchange(HttpExchange& exchange, const ApiError& error, ErrorShape shape) {
  exchange.Reply(ErrorResponse(error, shape, exchange.request().id));
}

ApiError InvalidField(const FieldError& error) {
  return {.status = 400, .message = error.message, .param = error.param, .code = "invalid_value"};
}

ApiError Wrong(const std::string& param, std::string_view what) {
  return InvalidField({param, fmt::format("{}: {}", param, what)});
}

ApiError TooLong(const std::string& param, std::string_view what, size_t size, std::string_view unit,
                 size_t context) {
  return {.status = 400,
          .message = fmt::format("{} is too long: {} {}; this model's maximum context length is {} tokens",
                                 what, size, unit, context),
          .param = param,
          .code = "context_length_exceeded"};
}

ApiError NoSuchModel(std::string_view name, std::string_view there_are) {
  return {.status = 404,
          .message = fmt::format("The model '{}' does not exist; there is {}", name, there_are),
          .param = "model",
          .code = "model_not_found"};
}

ApiError Loading() {
  return {.status = 503, .message = "Loading model", .code = "loading", .retry_after_s = 1};
}

ApiError Draining() {
  return {.status = 503, .message = "the server is shutting down", .code = "draining", .retry_after_s = 5};
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
      return {.status = 429,
              .message = error.what,
              .code = "overloaded",
              .retry_after_s = std::max(1, error.retry_after_s)};
    case Code::kDeadline:
      return {.status = 504, .message = error.what, .code = "deadline_exceeded"};
    case Code::kCancelled:  // by the server's end
      return {
          .status = 503, .message = "the server is shutting down", .code = "cancelled", .retry_after_s = 1};
    case Code::kIo:
    case Code::kInternal:
      break;
  }
  return {.status = 500, .message = "internal error", .code = "internal_error"};
}

}  // namespace tern
