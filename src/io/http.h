#pragma once
// HttpGet: one GET request over libcurl, with the rules that downloads need. https only, http just to this
// machine; redirects are followed by hand, so that a token goes to the host it was meant for and to no other,
// and so that the headers of the redirect (where the Hub says what the file is) are not lost. Proxies and
// certificates: libcurl's usual environment. Blocks; any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/pull_events.h"

namespace tern {

struct GetRequest {
  std::string url{};
  std::string bearer{};       // a token for the origin of `url`; empty: none
  uint64_t offset = 0;        // > 0: ask for the bytes from here on
  std::string if_range{};     // with offset: only if the file still has this ETag
  std::string ca_file{};      // certificates to trust; empty: the system's
  double stall_seconds = 30;  // give up when nothing arrives for so long
};

using GetHeaders = std::map<std::string, std::string, std::less<>>;  // names in lower case

struct GetReply {
  int status = 0;
  GetHeaders headers{};         // of the last answer
  GetHeaders origin_headers{};  // of all answers of the origin that was asked, the first one's value counts
  std::string Header(std::string_view name) const;
  std::string OriginHeader(std::string_view name) const;
};

struct GetSink {
  // Before the body of the last answer; an error ends the transfer and is returned.
  std::function<Status(const GetReply&)> begin{};
  std::function<Status(std::string_view bytes)> body{};
};

// The last answer, whatever its status; an error is a transfer that failed, was refused or was cancelled.
// `retryable` (may be null) says whether trying again makes sense.
Result<GetReply> HttpGet(const GetRequest& request, const GetSink& sink, const PullEvents& events,
                         bool* retryable);

// Posts JSON to `url`, http or https, anywhere; no redirects. An answer that is no success is an error.
// Blocks for ten seconds at most.
Status HttpPostJson(const std::string& url, const std::string& body);

// "https://host:port" in lower case with the port always there; an error if the URL is not one that HttpGet
// takes. Messages show a URL without user, password and query, which may hold secrets.
Result<std::string> OriginOf(const std::string& url);
std::string UrlForMessage(const std::string& url);
// `text` with everything but letters, digits and "-._~" as %XX; with '/' kept if `keep_slash`.
std::string UrlEscape(std::string_view text, bool keep_slash);

}  // namespace tern
