#include "server/request_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <ctime>
#include <iterator>

namespace tern {
namespace {

// "2026-01-31T12:00:00.123Z"
std::string Timestamp(int64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), unix_ms % 1000);
}

std::string Quoted(std::string_view text) { return boost::json::serialize(boost::json::value(text)); }

}  // namespace

Result<LogFormat> ParseLogFormat(std::string_view name) {
  const auto found = std::ranges::find(kLogFormatNames, name);
  if (found == std::end(kLogFormatNames)) {
    return BadInput(fmt::format("log format {}: expected text, json or none", name));
  }
  return static_cast<LogFormat>(found - std::begin(kLogFormatNames));
}

std::string_view OutcomeName(const ExchangeEnd& end, std::string_view finish) {
  if (end.gone) return "cancelled";
  if (finish == "slow_client") return "slow";
  if (end.cut || end.status >= 500) return "failed";
  return end.status >= 400 ? "refused" : "ok";
}

std::string JsonLine(const RequestRecord& r) {
  std::string line =
      fmt::format(R"({{"time":"{}","request_id":{},"method":{},"route":{},"status":{},"outcome":"{}")",
                  Timestamp(r.unix_ms), Quoted(r.id), Quoted(r.method), Quoted(r.route), r.end.status,
                  OutcomeName(r.end, r.note.finish));
  if (!r.note.finish.empty()) line += fmt::format(R"(,"finish_reason":"{}")", r.note.finish);
  if (r.note.prompt_tokens >= 0) {
    line += fmt::format(R"(,"tokens_in":{},"tokens_out":{},"tokens_cached":{})", r.note.prompt_tokens,
                        r.note.completion_tokens, r.note.cached_tokens);
  }
  if (r.note.first_token_s >= 0) line += fmt::format(R"(,"ttft_ms":{:.1f})", r.note.first_token_s * 1e3);
  return line + fmt::format(R"(,"total_ms":{:.1f}}})", r.end.seconds * 1e3);
}

std::string TextLine(const RequestRecord& r) {
  std::string line = fmt::format("{} {} {} {} {}", Timestamp(r.unix_ms), r.method, r.route, r.end.status,
                                 r.note.finish.empty() ? OutcomeName(r.end) : r.note.finish);
  if (r.note.prompt_tokens >= 0) {
    line += fmt::format(", {} in ({} cached), {} out", r.note.prompt_tokens, r.note.cached_tokens,
                        r.note.completion_tokens);
  }
  if (r.note.first_token_s >= 0) line += fmt::format(", first {:.0f} ms", r.note.first_token_s * 1e3);
  return line + fmt::format(", {:.0f} ms, {}", r.end.seconds * 1e3, r.id);
}

RequestLog::RequestLog(LogFormat format, int fd) : format_(format) {
  if (format != LogFormat::kNone) writer_ = std::make_unique<LineWriter>(fd);
}

void RequestLog::Write(const RequestRecord& record) {
  if (format_ == LogFormat::kJson) writer_->Write(JsonLine(record));
  if (format_ == LogFormat::kText && !(record.is_probe && record.end.status < 400)) {
    writer_->Write(TextLine(record));
  }
}

}  // namespace tern
