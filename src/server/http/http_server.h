#pragma once
// HttpServer: sockets in, exchanges out. HTTP/1.1 with keep-alive, TLS where it has a certificate, no thread
// per connection: one thread does all sockets, and hands each request to a handler that must not block it.
//
// Everything a client controls has a limit in bytes, number or time, before memory is spent on it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/http/exchange.h"

namespace tern {

struct HttpLimits {
  size_t header_bytes = 64 << 10;     // request line and headers; 431 beyond
  size_t headers = 100;               // 431 beyond
  size_t body_bytes = 16 << 20;       // decoded; 413 beyond
  size_t all_body_bytes = 256 << 20;  // of all that nobody has taken yet; 503 beyond, but for small ones
  size_t connections = 4096;          // more take the place of idle ones, or wait in the kernel's queue
  size_t unsent_bytes = 1 << 20;      // of one answer; beyond, its client is cut off
  int header_ms = 10'000;             // from the first byte to the end of the headers
  int body_ms = 30'000;               // for the first megabyte, and for each that follows
  int idle_ms = 125'000;              // between requests; clients pool connections for up to 120 s
  int write_ms = 45'000;              // without a byte taken
  int ping_ms = 15'000;               // of a stream of events without one: a comment tells that it lives
};

struct HttpCounts {
  size_t connections = 0, exchanges = 0;  // now
  uint64_t accepted = 0, refused = 0;     // so far; refused: not HTTP, or beyond a limit
};

// The same as they change.
struct HttpTally {
  HttpCounts counts() const { return {connections, exchanges, accepted, refused}; }
  std::atomic<size_t> connections = 0, exchanges = 0;
  std::atomic<uint64_t> accepted = 0, refused = 0;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;                  // 0: any free one
  std::string certificate_file = {};  // PEM; empty: no TLS
  std::string key_file = {};          // PEM
  std::string client_ca_file = {};    // PEM; clients must show a certificate of it
  HttpLimits limits = {};
  bool loopback_only = false;  // whatever else `host` stands for is an error
  // Called on the sockets' thread when the head of a request is there and its body is not: whether to read
  // it. If not, the handler gets the request without a body, and the connection closes behind the answer.
  std::function<bool(const HttpRequest& head)> wants_body = {};
  // What is said to a request with too large a body, on the same thread; none: as to others.
  std::function<HttpResponse(const HttpRequest& head, const std::string& message)> too_large = {};
  std::shared_ptr<HttpTally> tally = std::make_shared<HttpTally>();  // for who asks without the server
  // Called on the sockets' thread for a request that no exchange comes of, with its id.
  std::function<void(const std::string& id, int status)> on_refused = {};
};

class HttpServer {
 public:
  // Called on the sockets' thread. What it keeps of the exchange outlives the call.
  using Handler = std::function<void(std::shared_ptr<HttpExchange>)>;

  // Listens when it returns. Errors: an address in use or not ours, a certificate that does not load.
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, Handler handler);
  virtual ~HttpServer() = default;  // closes every connection

  // What Start would say of the options, without listening.
  static Status Check(const HttpServerOptions& options);

  virtual uint16_t port() const = 0;
  virtual HttpCounts counts() const = 0;
  // From now on answers close their connections. New ones are taken as before: the handler tells them to come
  // back later, where a closed port would look like a crash.
  virtual void Drain() = 0;
};

}  // namespace tern
