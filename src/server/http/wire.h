#pragma once
// The bytes of HTTP/1.1 answers, and the parts of requests that Boost.Beast leaves as they are.

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/exchange.h"

namespace tern {

// What an answer must know of its request.
struct AnswerHead {
  bool http10 = false, is_head = false, chunked = false;
  std::string id = {};
  std::string probe = {};  // what may be written to learn whether the client is still there
};

// Status line and headers.
std::string FormatHead(const HttpResponse& response, const AnswerHead& head, bool keep_alive);
// One piece of a body in chunks.
std::string Chunk(std::string_view piece);
// An error in the shape that clients parse.
HttpResponse RefusalResponse(int status, std::string_view message);

// "/a%20b?c=d" to "/a b" and "c=d", "http://host:80/a" to "/a" and "host:80", which then counts instead of
// the Host header; false: a broken escape, a zero byte or no UTF-8 in the path.
bool SplitTarget(std::string_view target, std::string* path, std::string* query, std::string* host);
// "b/c" of "x=1&a=b%2Fc" for "a"; empty: there is none, or it has a broken escape.
std::string QueryMember(std::string_view query, std::string_view name);
// Whether a name or address, without a port, can only mean this machine: what begins with "127." may be
// anybody's name.
bool IsLoopbackName(std::string_view name);
// Of the clock: "Thu, 01 Jan 1970 00:00:00 GMT".
std::string HttpDate(int64_t unix_seconds);
// What the client calls its request, if that is a plain word; else a new one.
std::string MakeRequestId(std::string_view given);
std::string LowerCase(std::string_view text);

}  // namespace tern
