#pragma once
// Traces: a span per request, sent in batches as OTLP over HTTP, in JSON
// (opentelemetry.io/docs/specs/otlp, semantic conventions of HTTP servers and generative AI). As in the log,
// nothing of what a client sent is in them but the trace it belongs to.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/request_log.h"

namespace tern {

// Where a span belongs: W3C's trace context. Hexadecimal.
struct TraceParent {
  std::string trace_id, span_id;
  bool sampled = true;
};
// Of a `traceparent` header; nothing: there is none, or it is not one.
std::optional<TraceParent> ParseTraceParent(std::string_view header);

// A span as OTLP's JSON has it. `parent`: nothing: it begins a trace of its own.
std::string SpanJson(const RequestRecord& record, const std::optional<TraceParent>& parent,
                     std::string_view model);
// What is posted.
std::string ExportJson(std::string_view version, const std::vector<std::string>& spans);

class Traces {
 public:
  using Post = std::function<Status(const std::string& json)>;
  static constexpr size_t kMostSpans = 4096;  // that wait; what comes while they do is dropped and counted

  // `post` is called on a thread of its own, as often as `period` says while there are spans. What it fails
  // with is told to `complain` when it begins to fail.
  Traces(std::string version, Post post, std::function<void(const Error&)> complain,
         std::chrono::milliseconds period = std::chrono::seconds(1));
  Traces(const Traces&) = delete;
  Traces& operator=(const Traces&) = delete;
  ~Traces();  // posts what is left

  // From any thread; never waits. A trace whose parent is not sampled is left out.
  void Write(const RequestRecord& record, std::string_view traceparent, std::string_view model);
  uint64_t dropped() const;

 private:
  void Loop();
  void Send(const std::vector<std::string>& spans);

  const std::string version_;
  const Post post_;
  const std::function<void(const Error&)> complain_;
  const std::chrono::milliseconds period_;
  bool failing_ = false;      // the loop's own
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable arrived_;
  std::vector<std::string> spans_;
  bool ending_ = false;
  uint64_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace tern
