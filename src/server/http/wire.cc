#include "server/http/wire.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <ctime>
#include <random>

#include "base/utf8.h"

namespace tern {
namespace {

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// False: a broken escape, a zero byte or no UTF-8.
bool Unescape(std::string_view raw, std::string* text) {
  text->clear();
  for (size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      if (i + 2 >= raw.size() || HexDigit(raw[i + 1]) < 0 || HexDigit(raw[i + 2]) < 0) return false;
      c = static_cast<char>(HexDigit(raw[i + 1]) * 16 + HexDigit(raw[i + 2]));
      i += 2;
    }
    if (c == '\0') return false;
    text->push_back(c);
  }
  return IsUtf8(*text);
}

}  // namespace

std::string FormatHead(const HttpResponse& response, const AnswerHead& head, bool keep_alive) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, Reason(response.status));
  const auto add = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  if (!response.content_type.empty()) add("content-type", response.content_type);
  for (const auto& [name, value] : response.headers) add(name, value);
  add("date", HttpDate(std::time(nullptr)));
  add("x-request-id", head.id);
  add("connection", keep_alive ? "keep-alive" : "close");
  return out + "\r\n";
}

std::string Chunk(std::string_view piece) { return fmt::format("{:x}\r\n{}\r\n", piece.size(), piece); }

HttpResponse RefusalResponse(int status, std::string_view message) {
  const bool overload = status == 503;
  const boost::json::value body = {
      {"error",
       {{"message", message},
        {"type", overload ? "unavailable_error" : "invalid_request_error"},
        {"param", nullptr},
        {"code", overload ? boost::json::value("overloaded") : boost::json::value()}}}};
  HttpResponse response{.status = status, .body = boost::json::serialize(body)};
  if (overload) response.headers.emplace_back("retry-after", "1");
  return response;
}

bool SplitTarget(std::string_view target, std::string* path, std::string* query, std::string* host) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (LowerCase(target.substr(0, scheme.size())) != scheme) continue;
    target.remove_prefix(scheme.size());
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    *host = target.substr(0, end);
    if (host->empty()) return false;
    target.remove_prefix(end);
    const std::string rest = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    std::string none;
    return SplitTarget(rest, path, query, &none);
  }
  const size_t question = target.find('?');
  if (question != std::string_view::npos) *query = target.substr(question + 1);
  return Unescape(target.substr(0, question), path);
}

std::string QueryMember(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view member = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), member.size() + 1));
    const size_t equals = member.find('=');
    if (member.substr(0, equals) != name || equals == member.npos) continue;
    std::string value;
    return Unescape(member.substr(equals + 1), &value) ? value : std::string();
  }
  return {};
}

std::string MakeRequestId(std::string_view given) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!given.empty() && given.size() <= 128 && std::ranges::all_of(given, plain)) return std::string(given);
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("req_{:016x}{:016x}", random(), random());
}

bool IsLoopbackName(std::string_view name) {
  const std::string lower = LowerCase(name);
  if (lower == "localhost" || lower.ends_with(".localhost") || lower == "::1" || lower == "[::1]")
    return true;
  in_addr address{};
  return inet_pton(AF_INET, lower.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

// By hand: strftime writes in the language that the process speaks.
std::string HttpDate(int64_t unix_seconds) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat",
                             kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::time_t seconds = unix_seconds;
  std::tm t{};
  gmtime_r(&seconds, &t);
  const auto name = [](std::string_view names, int i) { return names.substr(static_cast<size_t>(i) * 3, 3); };
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", name(kDays, t.tm_wday), t.tm_mday,
                     name(kMonths, t.tm_mon), t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace tern
