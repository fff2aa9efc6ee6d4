#include "cli/explain_schedule.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "io/http.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMostBytes = size_t{16} << 20;

std::string Time(const json::value& ms) {
  if (ms.is_null()) return "nothing";
  const double value = ms.to_number<double>();
  return value < 1000 ? fmt::format("{:.0f} ms", value) : fmt::format("{:.3g} s", value / 1000);
}

std::string Text(const json::value& v) { return std::string(v.as_string()); }

std::string ByClass(const json::value& times) {
  return fmt::format("high {}, mid {}, low {}", Time(times.at("high")), Time(times.at("mid")),
                     Time(times.at("low")));
}

std::string RequestLine(const json::value& r) {
  return fmt::format("  request {}, class {}, key {}, {} tokens of prompt, came {} ago",
                     r.at("id").to_number<int>(), Text(r.at("class")), r.at("key").to_number<int>(),
                     r.at("prompt_tokens").to_number<int>(), Time(r.at("age_ms")));
}

std::string Lines(const json::value& told) {
  std::string text = fmt::format("policy {}\n", Text(told.at("policy")));
  text += fmt::format("promised until the first token: {}\n", ByClass(told.at("slo").at("ttft_ms")));
  text += fmt::format("promised between two tokens: {}\n", ByClass(told.at("slo").at("itl_ms")));
  const json::value& places = told.at("places");
  text += fmt::format("places: {} taken, of {} by what is promised and {} at most\n",
                      places.at("taken").to_number<int>(), places.at("by_promise").to_number<int>(),
                      places.at("most").to_number<int>());
  text += fmt::format("step: {}\n", Text(told.at("step").at("words")));
  const json::value& first = told.at("first_token");
  if (!first.at("mid_ms").is_null()) {
    text += fmt::format(
        "a prompt of {} tokens that came now would have its first token after: high {}, mid {}, low {}\n",
        first.at("prompt_tokens").to_number<int>(), Time(first.at("high_ms")), Time(first.at("mid_ms")),
        Time(first.at("low_ms")));
  }
  for (const json::value& key : told.at("keys").as_array()) {
    text += fmt::format("key {}: {} run, {} wait, {:.0f} tokens served over its weight of {}\n",
                        key.at("key").to_number<int>(), key.at("running").to_number<int>(),
                        key.at("waiting").to_number<int>(), key.at("served").to_number<double>(),
                        key.at("weight").to_number<double>());
  }
  const json::array& running = told.at("running").as_array();
  text += fmt::format("{} run\n", running.size());
  for (const json::value& r : running) {
    text += fmt::format("{}: {} tokens of answer\n", RequestLine(r), r.at("answer_tokens").to_number<int>());
  }
  const json::array& waiting = told.at("waiting").as_array();
  text += fmt::format("{} wait\n", waiting.size());
  for (const json::value& r : waiting) text += fmt::format("{}: {}\n", RequestLine(r), Text(r.at("why")));
  return text;
}

}  // namespace

Result<std::string> FetchDebug(const std::string& url, const std::string& path, const std::string& key) {
  std::string body;
  const GetSink sink{.begin = [](const GetReply&) -> Status { return {}; },
                     .body = [&body](std::string_view bytes) -> Status {
                       body += bytes;
                       if (body.size() <= kMostBytes) return {};
                       return BadInput("the server's answer: more than 16 MiB");
                     }};
  const std::string base = url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
  TERN_TRY(const GetReply reply, HttpGet({.url = base + path, .bearer = key}, sink, {}, nullptr));
  if (reply.status == 200) return body;
  return BadInput(fmt::format("{}: status {}, expected tern serve with a model that generates text{}",
                              UrlForMessage(base), reply.status,
                              reply.status == 401 ? ", and --api-key" : ""));
}

Result<std::string> ScheduleText(const std::string& schedule) try {
  return Lines(json::parse(schedule));
} catch (const std::exception&) {
  return BadInput("the server's answer: expected what /debug/schedule says");
}

}  // namespace tern
