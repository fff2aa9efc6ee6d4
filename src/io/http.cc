#include "io/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace tern {
namespace {

constexpr int kMaxRedirects = 8;
constexpr size_t kMaxHeaderBytes = 64 << 10;

struct CurlFree {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(char* text) const { curl_free(text); }
};
using CurlUrl = std::unique_ptr<CURLU, CurlFree>;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, CurlFree> owner(text);
  return text;
}

CurlUrl ParseUrl(const std::string& text) {
  CurlUrl url(curl_url());
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

// What one hop of a request needs while it runs.
struct Transfer {
  const GetSink* sink;
  const PullEvents* events;
  GetReply reply{};
  size_t header_bytes = 0;
  bool at_origin = true;
  bool begun = false;
  std::optional<Error> stopped{};  // by a sink, or by the caller
};

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size);
  transfer.header_bytes += size;
  if (transfer.header_bytes > kMaxHeaderBytes) return 0;
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // a 100 Continue or a proxy's answer came before
    transfer.reply.headers.clear();
    return size;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  transfer.reply.headers[Lower(line.substr(0, colon))] = std::string(value);
  return size;
}

Status Begin(Transfer& transfer, CURL* curl) {
  transfer.begun = true;
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.reply.status = static_cast<int>(status);
  GetReply& reply = transfer.reply;
  if (transfer.at_origin) reply.origin_headers.insert(reply.headers.begin(), reply.headers.end());
  if (IsRedirect(transfer.reply.status) || !transfer.sink->begin) return {};
  return transfer.sink->begin(transfer.reply);
}

struct BodyContext {
  Transfer* transfer;
  CURL* curl;
};

size_t OnBody(char* data, size_t, size_t size, void* user) {
  auto& context = *static_cast<BodyContext*>(user);
  Transfer& transfer = *context.transfer;
  Status status = transfer.begun ? Status() : Begin(transfer, context.curl);
  if (status.ok() && !IsRedirect(transfer.reply.status) && transfer.sink->body) {
    status = transfer.sink->body(std::string_view(data, size));
  }
  if (status.ok()) return size;
  transfer.stopped = status.error();
  return 0;
}

int OnTick(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.events->Cancelled()) return 0;
  transfer.stopped = CancelledError();
  return 1;
}

bool IsRetryable(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

using HeaderList = std::unique_ptr<curl_slist, CurlFree>;

void AddHeader(HeaderList* list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list->get(), line.c_str());
  if (longer == nullptr) return;
  (void)list->release();
  list->reset(longer);
}

HeaderList RequestHeaders(const GetRequest& request, bool with_token) {
  HeaderList list;
  if (with_token) AddHeader(&list, "Authorization: Bearer " + request.bearer);
  if (request.offset > 0) {
    AddHeader(&list, fmt::format("Range: bytes={}-", request.offset));
    if (!request.if_range.empty()) AddHeader(&list, "If-Range: " + request.if_range);
  }
  return list;
}

// Null: libcurl cannot be started.
std::unique_ptr<CURL, CurlFree> NewCurl() {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  return std::unique_ptr<CURL, CurlFree>(kReady == CURLE_OK ? curl_easy_init() : nullptr);
}

size_t Ignore(char*, size_t, size_t size, void*) { return size; }

void SetOptions(CURL* curl, const GetRequest& request, const std::string& url, BodyContext* context) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "tern");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(request.stall_seconds)));
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, context->transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, context);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnTick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, context->transfer);
}

// One request to one host.
Status GetOnce(const GetRequest& request, const std::string& url, Transfer& transfer, bool* retryable) {
  const auto curl = NewCurl();
  if (!curl) return IoError("libcurl: cannot be started");
  transfer.begun = false;
  transfer.header_bytes = 0;
  transfer.reply.headers.clear();
  BodyContext context{&transfer, curl.get()};
  SetOptions(curl.get(), request, url, &context);
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  const HeaderList headers = RequestHeaders(request, transfer.at_origin && !request.bearer.empty());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(curl.get());
  if (transfer.stopped) return *transfer.stopped;
  if (code != CURLE_OK) {
    *retryable = IsRetryable(code);
    return IoError(fmt::format("{}: {}", UrlForMessage(url), *reason ? reason : curl_easy_strerror(code)));
  }
  return transfer.begun ? Status() : Begin(transfer, curl.get());
}

// Where a redirect leads; https never leads down to http.
Result<std::string> NextUrl(const std::string& url, const std::string& location) {
  const CurlUrl next = ParseUrl(url);
  if (!next || location.empty() ||
      curl_url_set(next.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) {
    return BadInput(fmt::format("{}: redirect to an address that is not one", UrlForMessage(url)));
  }
  std::string target = Part(next.get(), CURLUPART_URL);
  TERN_TRY(const std::string origin, OriginOf(target));
  if (url.starts_with("https:") && !origin.starts_with("https:")) {
    return BadInput(fmt::format("{}: redirect from https to {}", UrlForMessage(url), UrlForMessage(target)));
  }
  return target;
}

std::string Find(const GetHeaders& headers, std::string_view name) {
  const auto at = headers.find(name);
  return at == headers.end() ? "" : at->second;
}

}  // namespace

std::string GetReply::Header(std::string_view name) const { return Find(headers, name); }
std::string GetReply::OriginHeader(std::string_view name) const { return Find(origin_headers, name); }

Result<GetReply> HttpGet(const GetRequest& request, const GetSink& sink, const PullEvents& events,
                         bool* retryable) {
  bool ignored = false;
  if (retryable == nullptr) retryable = &ignored;
  *retryable = false;
  TERN_TRY(const std::string first_origin, OriginOf(request.url));
  std::string url = request.url;
  Transfer transfer{.sink = &sink, .events = &events};
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    TERN_TRY(const std::string origin, OriginOf(url));
    transfer.at_origin = origin == first_origin;
    TERN_TRY_STATUS(GetOnce(request, url, transfer, retryable));
    if (!IsRedirect(transfer.reply.status)) return std::move(transfer.reply);
    TERN_TRY(url, NextUrl(url, transfer.reply.Header("location")));
  }
  return BadInput(fmt::format("{}: more than {} redirects", UrlForMessage(request.url), kMaxRedirects));
}

Status HttpPostJson(const std::string& url, const std::string& body) {
  const auto curl = NewCurl();
  if (!curl) return IoError("libcurl: cannot be started");
  HeaderList headers;
  AddHeader(&headers, "Content-Type: application/json");
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "tern");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Ignore);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    return IoError(fmt::format("{}: {}", UrlForMessage(url), *reason ? reason : curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status / 100 == 2) return {};
  return IoError(fmt::format("{}: status {}", UrlForMessage(url), status));
}

Result<std::string> OriginOf(const std::string& text) {
  const CurlUrl url = ParseUrl(text);
  if (!url) return BadInput(fmt::format("{}: not a web address", UrlForMessage(text)));
  const std::string scheme = Lower(Part(url.get(), CURLUPART_SCHEME));
  const std::string host = Lower(Part(url.get(), CURLUPART_HOST));
  if (scheme != "https" && !(scheme == "http" && IsLoopback(host))) {
    return BadInput(fmt::format("{}: expected https:// (http:// only to this machine)", UrlForMessage(text)));
  }
  return fmt::format("{}://{}:{}", scheme, host, Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

std::string UrlForMessage(const std::string& text) {
  std::string shown = text.substr(0, text.find_first_of("?#"));
  const size_t scheme = shown.find("://");
  const size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t path = std::min(shown.find('/', host), shown.size());
  const size_t at = shown.rfind('@', path);
  if (at != std::string::npos && at >= host) shown.erase(host, at + 1 - host);
  return shown;
}

std::string UrlEscape(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace tern
