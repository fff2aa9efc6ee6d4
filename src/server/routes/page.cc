// The page for people: one file without references to others, built from web/.

#include <zlib.h>

#include "server/server_context.h"

namespace tern {
namespace {

#include "page_data.inc"

constexpr std::string_view kBytes(kPage, sizeof(kPage) - 1);

// Every browser takes gzip. For others it is inflated; what the build made is known to be whole.
std::string Inflated() {
  std::string text(kPageBytes, '\0');
  z_stream stream{};
  // zlib reads through a pointer to non-const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(kBytes.data()));
  stream.avail_in = kBytes.size();
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  constexpr int kGzip = 16;
  const bool done =
      inflateInit2(&stream, MAX_WBITS + kGzip) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;
  inflateEnd(&stream);
  if (!done) text.clear();
  return text;
}

void Handle(ServerContext&, RouteRequest r) {
  const bool zipped = kPageIsGzipped &&
                      r.exchange->request().Header("accept-encoding").find("gzip") != std::string_view::npos;
  HttpResponse response{.content_type = "text/html; charset=utf-8",
                        .headers = {{"content-security-policy", kPagePolicy},
                                    {"x-content-type-options", "nosniff"},
                                    {"referrer-policy", "no-referrer"},
                                    {"cross-origin-opener-policy", "same-origin"},
                                    {"cache-control", "no-cache"},
                                    {"vary", "accept-encoding"}}};
  if (zipped) response.headers.emplace_back("content-encoding", "gzip");
  response.body = zipped || !kPageIsGzipped ? std::string(kBytes) : Inflated();
  r.exchange->Reply(std::move(response));
}

constexpr std::string_view kAliases[] = {"/index.html"};

}  // namespace

extern const RouteDesc k_route_page;
// Open: it is where people type their key, and holds nothing of the model or of anybody's requests.
const RouteDesc k_route_page = {
    .method = "GET",
    .path = "/",
    .summary = "a page for people: chat and dashboard",
    .access = Access::kOpen,
    .aliases = kAliases,
    .handle = Handle,
};

}  // namespace tern
