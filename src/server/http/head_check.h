#pragma once
// What is wrong with the head of a request, whatever its body: framing that servers and proxies may read
// differently (RFC 9112, 6.3 and 11.2), and limits. Only connection.h includes this: Boost.Beast compiles
// slowly.

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>

#include "server/http/http_server.h"

namespace tern {

struct HeadRefusal {
  int status = 400;
  std::string message{};
};

using RequestHead = boost::beast::http::request<boost::beast::http::string_body>;

// Where a body ends is said once and in one way, or another server in front may see another end.
inline std::optional<HeadRefusal> CheckFraming(const RequestHead& head) {
  const auto coding = head["transfer-encoding"], length = head["content-length"];
  const size_t codings = head.count("transfer-encoding"), lengths = head.count("content-length");
  if (codings + lengths > 1) return HeadRefusal{400, "more than one length of the body"};
  if (codings > 0 && head.version() < 11) {
    return HeadRefusal{400, "transfer-encoding: not of HTTP/1.0, expected content-length"};
  }
  if (codings > 0 && !boost::beast::iequals(coding, "chunked")) {
    return HeadRefusal{501, "transfer-encoding: not supported, expected chunked"};
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (lengths > 0 && !std::all_of(length.begin(), length.end(), is_digit)) {
    return HeadRefusal{400, "content-length: expected one number"};
  }
  return std::nullopt;
}

// `raw` are the head's own bytes.
inline std::optional<HeadRefusal> CheckRequestHead(const RequestHead& head, std::string_view raw,
                                                   const HttpLimits& limits) {
  if (auto refusal = CheckFraming(head)) return refusal;
  if (static_cast<size_t>(std::distance(head.begin(), head.end())) > limits.headers) {
    return HeadRefusal{431, "too many headers"};
  }
  if (raw.find("\r\n ") != raw.npos || raw.find("\r\n\t") != raw.npos) {
    return HeadRefusal{400, "a header goes on in the next line"};
  }
  const size_t hosts = head.count("host");
  if (hosts > 1 || (hosts == 0 && head.version() >= 11)) return HeadRefusal{400, "host: expected once"};
  const auto encoding = head["content-encoding"];
  if (!encoding.empty() && encoding != "identity") {
    return HeadRefusal{415, "content-encoding: not supported, expected none"};
  }
  const auto expected = head["expect"];
  if (!expected.empty() && !boost::beast::iequals(expected, "100-continue")) {
    return HeadRefusal{417, "expect: not supported, expected 100-continue"};
  }
  return std::nullopt;
}

}  // namespace tern
