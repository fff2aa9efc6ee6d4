#include "server/traces.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <random>
#include <utility>

namespace tern {
namespace {

namespace json = boost::json;

constexpr int kServerSpan = 2, kErrorStatus = 2;  // OTLP's numbers

std::string RandomHex(size_t digits) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string hex;
  while (hex.size() < digits) hex += fmt::format("{:016x}", random());
  hex.resize(digits);
  return hex;
}

bool IsHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// 64-bit numbers are strings in protocol buffers' JSON.
std::string Number(int64_t n) { return fmt::format("{}", n); }

class Attributes {
 public:
  void Text(std::string_view key, std::string_view value) { Add(key, {{"stringValue", value}}); }
  void Integer(std::string_view key, int64_t value) { Add(key, {{"intValue", Number(value)}}); }
  json::array Take() { return std::move(list_); }

 private:
  void Add(std::string_view key, json::object value) {
    list_.push_back(json::object{{"key", key}, {"value", std::move(value)}});
  }
  json::array list_;
};

json::array AttributesOf(const RequestRecord& r, std::string_view model) {
  Attributes attributes;
  attributes.Text("http.request.method", r.method);
  attributes.Text("http.route", r.route);
  attributes.Integer("http.response.status_code", r.end.status);
  attributes.Text("tern.request_id", r.id);
  attributes.Text("tern.outcome", OutcomeName(r.end, r.note.finish));
  if (r.note.prompt_tokens < 0) return attributes.Take();
  attributes.Text("gen_ai.request.model", model);
  attributes.Integer("gen_ai.usage.input_tokens", r.note.prompt_tokens);
  attributes.Integer("gen_ai.usage.output_tokens", r.note.completion_tokens);
  attributes.Integer("tern.cached_tokens", r.note.cached_tokens);
  if (!r.note.finish.empty()) attributes.Text("tern.finish_reason", r.note.finish);
  return attributes.Take();
}

}  // namespace

std::optional<TraceParent> ParseTraceParent(std::string_view header) {
  constexpr size_t kTrace = 3, kSpan = 36, kFlags = 53, kSize = 55;  // "00-<32 digits>-<16>-<2>"
  if (header.size() < kSize || header.starts_with("ff")) return std::nullopt;
  if (header.size() > kSize && (header.starts_with("00") || header[kSize] != '-')) return std::nullopt;
  const std::string_view trace = header.substr(kTrace, 32), span = header.substr(kSpan, 16);
  const std::string_view flags = header.substr(kFlags, 2);
  const bool hyphens = header[2] == '-' && header[kSpan - 1] == '-' && header[kFlags - 1] == '-';
  const bool hex = IsHex(header.substr(0, 2)) && IsHex(trace) && IsHex(span) && IsHex(flags);
  const auto is_nothing = [](std::string_view id) { return id.find_first_not_of('0') == std::string::npos; };
  if (!hyphens || !hex || is_nothing(trace) || is_nothing(span)) return std::nullopt;
  const char last = flags[1];
  const int low = last <= '9' ? last - '0' : last - 'a' + 10;
  return TraceParent{std::string(trace), std::string(span), (low & 1) != 0};
}

std::string SpanJson(const RequestRecord& r, const std::optional<TraceParent>& parent,
                     std::string_view model) {
  const int64_t end_ns = r.unix_ms * 1'000'000;
  const int64_t start_ns = end_ns - static_cast<int64_t>(r.end.seconds * 1e9);
  json::object span{{"traceId", parent ? parent->trace_id : RandomHex(32)}, {"spanId", RandomHex(16)}};
  if (parent) span["parentSpanId"] = parent->span_id;
  span["name"] = fmt::format("{} {}", r.method, r.route);
  span["kind"] = kServerSpan;
  span["startTimeUnixNano"] = Number(start_ns);
  span["endTimeUnixNano"] = Number(end_ns);
  span["attributes"] = AttributesOf(r, model);
  if (r.note.first_token_s >= 0) {
    const int64_t at_ns = start_ns + static_cast<int64_t>(r.note.first_token_s * 1e9);
    span["events"] = {json::object{{"name", "first token"}, {"timeUnixNano", Number(at_ns)}}};
  }
  const bool failed = r.end.cut || r.end.status >= 500;
  if (failed) span["status"] = {{"code", kErrorStatus}};
  return json::serialize(span);
}

std::string ExportJson(std::string_view version, const std::vector<std::string>& spans) {
  Attributes resource;
  resource.Text("service.name", "tern");
  resource.Text("service.version", version);
  return fmt::format(
      R"({{"resourceSpans":[{{"resource":{{"attributes":{}}},"scopeSpans":[{{"scope":{{"name":"tern"}},"spans":[{}]}}]}}]}})",
      json::serialize(resource.Take()), fmt::join(spans, ","));
}

Traces::Traces(std::string version, Post post, std::function<void(const Error&)> complain,
               std::chrono::milliseconds period)
    : version_(std::move(version)),
      post_(std::move(post)),
      complain_(std::move(complain)),
      period_(period),
      thread_([this] { Loop(); }) {}

Traces::~Traces() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_all();
  thread_.join();
}

void Traces::Write(const RequestRecord& record, std::string_view traceparent, std::string_view model) {
  const auto parent = ParseTraceParent(traceparent);
  if (parent && !parent->sampled) return;
  std::string span = SpanJson(record, parent, model);
  const std::lock_guard lock(mutex_);
  spans_.size() < kMostSpans ? spans_.push_back(std::move(span)) : void(++dropped_);
}

uint64_t Traces::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void Traces::Loop() {
  bool ending = false;
  while (!ending) {
    std::vector<std::string> spans;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait_for(lock, period_, [this] { return ending_; });
      ending = ending_;
      spans.swap(spans_);
    }
    if (!spans.empty()) Send(spans);
  }
}

void Traces::Send(const std::vector<std::string>& spans) {
  const Status status = post_(ExportJson(version_, spans));
  if (!status.ok()) {
    if (!failing_) complain_(status.error());
    const std::lock_guard lock(mutex_);
    dropped_ += spans.size();
  }
  failing_ = !status.ok();
}

}  // namespace tern
