#pragma once
// RequestLog: a line per request, as JSON or for people. Counts, times and names from our own tables: nothing
// of what a client sent but the id that it gave its request, which is a plain word.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/exchange.h"
#include "server/line_writer.h"

namespace tern {

enum class LogFormat : uint8_t { kText, kJson, kNone };
inline constexpr std::string_view kLogFormatNames[] = {"text", "json", "none"};
Result<LogFormat> ParseLogFormat(std::string_view name);

struct RequestRecord {
  int64_t unix_ms = 0;  // when it ended
  std::string_view id, method, route;
  ExchangeEnd end{};
  AnswerNote note{};
  bool is_probe = false;  // asked all the time: not for people, unless it failed
};

// "ok", "refused" (the client's mistake, or no room), "failed" (ours), "cancelled" (the client went), "slow"
// (it stayed, and took nothing).
std::string_view OutcomeName(const ExchangeEnd& end, std::string_view finish = {});
std::string JsonLine(const RequestRecord& record);
std::string TextLine(const RequestRecord& record);

class RequestLog {
 public:
  RequestLog() = default;  // says nothing
  RequestLog(LogFormat format, int fd);
  void Write(const RequestRecord& record);  // from any thread
  uint64_t dropped() const { return writer_ == nullptr ? 0 : writer_->dropped(); }

 private:
  LogFormat format_ = LogFormat::kNone;
  std::unique_ptr<LineWriter> writer_;
};

}  // namespace tern
