#pragma once
// Connection: one socket of an HttpServer, from accept to close. Only http_server.cc includes this:
// Boost.Beast compiles slowly.
//
// There is a read under way also while a request is being answered: so a client that goes is noticed, and
// what it sends early waits for its turn, up to a limit. A client that only closes its own direction is still
// answered; whether it has gone altogether, a write tells (RFC 9112, 9.6).

#include <poll.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "server/http/head_check.h"
#include "server/http/http_server.h"
#include "server/http/wire.h"

namespace tern {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<Tcp::socket>;

// What the server and its connections share; lives as long as any exchange.
struct HttpCore {
  asio::io_context io{1};
  HttpLimits limits;
  HttpServer::Handler handler;
  std::function<bool(const HttpRequest&)> wants_body;
  std::function<HttpResponse(const HttpRequest&, const std::string&)> too_large;
  std::atomic<bool> draining = false;
  std::mutex posting;  // of stopped, and held while something is posted
  bool stopped = false;
  std::atomic<size_t> body_bytes = 0;
  std::shared_ptr<HttpTally> tally;
  std::function<void(const std::string&, int)> on_refused;
};

// A body's part of what all bodies may have together, until somebody takes it. Small ones always fit.
class BodyLease {
 public:
  explicit BodyLease(std::shared_ptr<HttpCore> core) : core_(std::move(core)) {}
  BodyLease(const BodyLease&) = delete;
  BodyLease& operator=(const BodyLease&) = delete;
  ~BodyLease() { core_->body_bytes -= bytes_; }
  // False: they do not fit.
  bool GrowTo(size_t bytes) {
    if (bytes <= kSmall || bytes <= bytes_) return true;
    const size_t more = bytes - bytes_;
    if (core_->body_bytes + more > core_->limits.all_body_bytes) return false;  // only this thread adds
    core_->body_bytes += more;
    bytes_ = bytes;
    return true;
  }

 private:
  static constexpr size_t kSmall = 64 << 10;
  std::shared_ptr<HttpCore> core_;
  size_t bytes_ = 0;
};

class ConnectionBase {
 public:
  virtual ~ConnectionBase() = default;
  virtual void Start() = 0;
  virtual void Close() = 0;
  // Since when it has waited for a request; nothing: it does not.
  virtual std::optional<std::chrono::steady_clock::time_point> idle_since() const = 0;
};

template <class Stream>
class Connection final : public ConnectionBase,
                         public HttpSink,
                         public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(Stream stream, std::shared_ptr<HttpCore> core, std::function<void(ConnectionBase*)> closed)
      : core_(std::move(core)),
        stream_(std::move(stream)),
        timer_(core_->io),
        watch_(core_->io),
        closed_(std::move(closed)) {}

  void Start() override {
    if constexpr (kTls) {
      SetDeadline(core_->limits.header_ms);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = Self()](auto error) { error ? self->Close() : self->NextRequest(); });
    } else {
      NextRequest();
    }
  }

  void Close() override {
    if (phase_ == Phase::kClosed) return;
    phase_ = Phase::kClosed;
    boost::system::error_code ignored;
    timer_.cancel();
    watch_.cancel();
    socket().close(ignored);
    SetAnswering(false);
    if (const auto exchange = exchange_.lock()) exchange->ClientGone();
    closed_(this);
  }

  std::optional<std::chrono::steady_clock::time_point> idle_since() const override {
    if (phase_ != Phase::kReading || started_ || !parser_) return std::nullopt;
    return deadline_ - std::chrono::milliseconds(core_->limits.idle_ms);
  }

  // HttpSink, from any thread.
  void Reply(HttpResponse response) override {
    Post([response = std::move(response)](Connection& c) mutable { c.WriteWhole(std::move(response)); });
  }
  void Begin(HttpResponse head) override {
    Post([head = std::move(head)](Connection& c) mutable { c.WriteHead(std::move(head)); });
  }
  void Send(std::string piece) override {
    Post([piece = std::move(piece)](Connection& c) { c.WritePiece(piece); });
  }
  void End() override {
    Post([](Connection& c) {
      if (c.head_.chunked) c.Write("0\r\n\r\n");
      c.FinishAnswer();
    });
  }
  void Cut() override {
    Post([](Connection& c) {
      c.keep_alive_ = false;  // behind what was said, and without the end that a whole answer has
      c.FinishAnswer();
    });
  }

 private:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;
  static constexpr size_t kReadBytes = 4 << 10, kBodyReadBytes = 64 << 10, kGrowBytes = 16 << 10;
  static constexpr int kProbeMs = 100, kWatchMs = 200;
  static constexpr const char* kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  enum class Phase : uint8_t { kReading, kAnswering, kLingering, kClosed };
  using Clock = std::chrono::steady_clock;
  using Parser = beast::http::request_parser<beast::http::string_body>;

  std::shared_ptr<Connection> Self() { return this->shared_from_this(); }
  Tcp::socket& socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  template <class F>
  void Post(F f) {
    const std::lock_guard lock(core_->posting);
    if (core_->stopped) return;
    asio::post(core_->io, [self = Self(), f = std::move(f)]() mutable {
      if (self->phase_ != Phase::kClosed) f(*self);
    });
  }

  // One timer; a deadline that moves back is looked at again when the old one is reached.
  void SetDeadline(int ms) {
    deadline_ = Clock::now() + std::chrono::milliseconds(ms);
    if (!timer_armed_ || timer_.expiry() > deadline_) ArmTimer();
  }
  void NoDeadline() { deadline_ = Clock::time_point::max(); }
  void ArmTimer() {
    timer_armed_ = true;
    timer_.expires_at(deadline_);
    timer_.async_wait([self = Self()](auto error) {
      if (error || self->phase_ == Phase::kClosed) return;
      self->timer_armed_ = false;
      if (Clock::now() >= self->deadline_) return self->OnDeadline();
      if (self->deadline_ != Clock::time_point::max()) self->ArmTimer();
    });
  }
  void SetAnswering(bool answering) {
    if (answering == answering_) return;
    answering_ = answering;
    core_->tally->exchanges += answering ? 1 : -1;
  }
  void OnDeadline() {
    if (phase_ == Phase::kReading && started_) return Refuse(408, "the request took too long to arrive");
    if (pings_ && phase_ == Phase::kAnswering && !write_under_way_) return Write(head_.probe);
    Close();
  }

  void NextRequest() {
    phase_ = Phase::kReading;
    started_ = head_checked_ = false;
    head_ = {};
    keep_alive_ = true;
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(core_->limits.header_bytes));
    parser_->body_limit(core_->limits.body_bytes);
    parser_->eager(true);
    SetDeadline(core_->limits.idle_ms);
    if (buffer_.size() > 0) return Parse();
    Read();
  }

  // Into bytes of its own: `buffer_` moves while a read is under way.
  void Read() {
    if (reading_ || read_end_) return;
    if (phase_ == Phase::kAnswering && buffer_.size() >= kReadBytes) return WatchForClose();
    reading_ = true;
    const size_t room = head_checked_ && phase_ == Phase::kReading ? kBodyReadBytes : kReadBytes;
    if (incoming_.size() != room) incoming_ = std::vector<char>(room);
    stream_.async_read_some(asio::buffer(incoming_), [self = Self()](auto error, size_t bytes) {
      self->reading_ = false;
      if (self->phase_ == Phase::kClosed) return;
      if (error) return self->OnReadError(error);
      if (self->phase_ == Phase::kLingering) return self->Read();
      const auto came = asio::buffer(self->incoming_, bytes);
      self->buffer_.commit(asio::buffer_copy(self->buffer_.prepare(bytes), came));
      if (self->phase_ == Phase::kReading) return self->Parse();
      self->Read();
    });
  }

  void OnReadError(const boost::system::error_code& error) {
    if (kTls || error != asio::error::eof || phase_ != Phase::kAnswering) return Close();
    read_end_ = true;
    keep_alive_ = false;
    socket().async_wait(Tcp::socket::wait_error, [self = Self()](auto) { self->Close(); });
    // What is answered at once needs no probe, and people see it where a client shows all it is sent.
    After(kProbeMs, [](Connection& c) {
      if (c.phase_ == Phase::kAnswering && !c.answer_finished_ && !c.head_.probe.empty()) {
        c.Write(c.head_.probe);
      }
    });
  }

  // Who has sent so much ahead is not read from, and may go all the same.
  void WatchForClose() {
    After(kWatchMs, [](Connection& c) {
      if (c.phase_ != Phase::kAnswering || c.reading_ || c.read_end_) return;
      pollfd peer{c.socket().native_handle(), POLLRDHUP, 0};
      if (poll(&peer, 1, 0) <= 0) return c.Read();
      (peer.revents & (POLLERR | POLLHUP)) != 0 ? c.Close() : c.OnReadError(asio::error::eof);
    });
  }
  template <class F>
  void After(int ms, F f) {
    watch_.expires_after(std::chrono::milliseconds(ms));
    watch_.async_wait([self = Self(), f](auto error) {
      if (!error && self->phase_ != Phase::kClosed) f(*self);
    });
  }

  void Parse() {
    while (true) {
      boost::system::error_code error;
      if (buffer_.size() > 0 && !started_) {
        started_ = true;
        SetDeadline(core_->limits.header_ms);
      }
      const auto bytes = buffer_.data();
      const size_t used = parser_->put(bytes, error);
      if (error == beast::http::error::need_more) error = {};
      if (error) return RefuseParse(error);
      // A head comes whole: the parser waits for its end.
      const std::string_view taken(static_cast<const char*>(bytes.data()), used);
      if (parser_->is_header_done() && !head_checked_ && !CheckHead(taken)) return;
      buffer_.consume(used);
      if (parser_->is_done()) return Handle();
      if (head_checked_ && !HoldBody()) return;
      if (used == 0 || buffer_.size() == 0) break;
    }
    Read();
  }

  void RefuseParse(const boost::system::error_code& error) {
    if (error == beast::http::error::header_limit) return Refuse(431, "headers too large");
    if (error == beast::http::error::body_limit) return RefuseBody();
    Refuse(400, "not an HTTP/1.1 request: " + error.message());
  }
  void RefuseBody() {
    const std::string message =
        "body too large, expected at most " + std::to_string(core_->limits.body_bytes) + " bytes";
    if (!core_->too_large) return Refuse(413, message);
    if (request_.path.empty()) MakeRequest();  // the parser may find it before the head is looked at
    RefuseWith(core_->too_large(request_, message));
  }

  // What can be said of a request before its body is read; false: it was.
  bool CheckHead(std::string_view taken) {
    head_checked_ = true;
    const auto& message = parser_->get();
    head_ = {.http10 = message.version() < 11, .is_head = message.method() == beast::http::verb::head};
    head_.id = MakeRequestId(message["x-request-id"]);
    if (!head_.http10) head_.probe = kContinue;
    keep_alive_ = message.keep_alive();
    const std::string_view raw = taken.substr(0, taken.find("\r\n\r\n"));
    if (const auto refusal = CheckRequestHead(message, raw, core_->limits)) {
      return Refuse(refusal->status, refusal->message), false;
    }
    if (!MakeRequest()) return Refuse(400, "the path is not percent-encoded UTF-8"), false;
    if (parser_->content_length().value_or(0) > core_->limits.body_bytes) return RefuseBody(), false;
    if (parser_->is_done()) return true;
    // Who is refused anyway need not send its body.
    if (core_->wants_body && !core_->wants_body(request_)) {
      keep_alive_ = false;
      return Handle(), false;
    }
    lease_ = std::make_shared<BodyLease>(core_);
    SetDeadline(core_->limits.body_ms);
    if (!message["expect"].empty()) Write(kContinue);
    return true;
  }

  bool MakeRequest() {
    const auto& message = parser_->get();
    std::string host;
    request_ = {};
    request_.id = head_.id;
    request_.method = std::string(message.method_string());
    if (!SplitTarget(message.target(), &request_.path, &request_.query, &host)) return false;
    for (const auto& field : message) {
      request_.headers.emplace_back(LowerCase(field.name_string()), field.value());
      if (!host.empty() && request_.headers.back().first == "host") request_.headers.back().second = host;
    }
    return true;
  }

  // A body may take its time, if it comes at a rate that somebody waits for. False: refused.
  bool HoldBody() {
    const size_t bytes = parser_->get().body().size();
    if (!lease_->GrowTo(bytes)) {
      return Refuse(503, "the server holds too many bytes of requests that it has yet to read"), false;
    }
    if (bytes >> 20 == body_megabytes_) return true;
    body_megabytes_ = bytes >> 20;
    SetDeadline(core_->limits.body_ms);
    return true;
  }

  void Handle() {
    if (parser_->is_done()) request_.body = std::move(parser_->get().body());
    parser_.reset();
    body_megabytes_ = 0;
    phase_ = Phase::kAnswering;
    NoDeadline();
    const auto exchange = std::make_shared<HttpExchange>(std::move(request_), Self());
    exchange->HoldWithBody(std::move(lease_));
    exchange_ = exchange;
    SetAnswering(true);
    buffer_.shrink_to_fit();
    Read();
    core_->handler(exchange);
  }

  // Answers without asking anybody, and closes: what follows on this connection cannot be trusted.
  void Refuse(int status, const std::string& message) { RefuseWith(RefusalResponse(status, message)); }
  void RefuseWith(HttpResponse response) {
    ++core_->tally->refused;
    SetAnswering(true);
    keep_alive_ = false;
    phase_ = Phase::kAnswering;
    parser_.reset();
    lease_.reset();
    if (head_.id.empty()) head_.id = MakeRequestId({});
    if (core_->on_refused) core_->on_refused(head_.id, response.status);
    WriteWhole(std::move(response));
  }

  void WriteWhole(HttpResponse response) {
    head_.probe.clear();
    if (core_->draining) keep_alive_ = false;
    if (response.status != 204) {
      response.headers.emplace_back("content-length", std::to_string(response.body.size()));
    }
    const std::string body = head_.is_head ? "" : std::move(response.body);
    Write(FormatHead(response, head_, keep_alive_) + body);
    FinishAnswer();
  }

  void WriteHead(HttpResponse head) {
    head_.chunked = !head_.http10;
    if (head_.http10 || core_->draining) keep_alive_ = false;
    if (head_.chunked) head.headers.emplace_back("transfer-encoding", "chunked");
    pings_ = head.content_type == "text/event-stream";
    head_.probe = pings_ ? Framed(":\n\n") : "";
    Write(FormatHead(head, head_, keep_alive_));
    WritePiece(head.body);
    // The client may have closed its direction before there was something to write.
    if (read_end_ && !head_.probe.empty()) Write(head_.probe);
  }

  std::string Framed(std::string_view piece) const {
    return head_.chunked ? Chunk(piece) : std::string(piece);
  }
  void WritePiece(std::string_view piece) {
    if (piece.empty() || head_.is_head) return;
    if (Unsent() > core_->limits.unsent_bytes) return Close();
    Write(Framed(piece));
  }

  size_t Unsent() const { return pending_.size() + writing_.size() - written_; }
  void Write(std::string_view bytes) {
    // What a slow client has yet to take is not to be held twice over.
    const size_t size = pending_.size() + bytes.size();
    if (size > pending_.capacity() && size > kGrowBytes) pending_.reserve(size + kGrowBytes);
    pending_.append(bytes);
    CountUnsent();
    Flush();
  }
  void CountUnsent() {
    if (const auto exchange = exchange_.lock()) exchange->SetUnsentBytes(Unsent());
  }

  void Flush() {
    if (written_ == writing_.size()) {
      writing_.clear();
      written_ = 0;
      if (writing_.capacity() > kBodyReadBytes) writing_ = {};
      std::swap(writing_, pending_);
    }
    if (write_under_way_ || writing_.empty()) return;
    write_under_way_ = true;
    SetDeadline(core_->limits.write_ms);
    const auto rest = asio::buffer(writing_) + written_;
    stream_.async_write_some(rest, [self = Self()](auto error, size_t bytes) {
      self->write_under_way_ = false;
      if (self->phase_ == Phase::kClosed) return;
      if (error) return self->Close();
      self->written_ += bytes;
      self->CountUnsent();
      self->Flush();
      if (!self->write_under_way_) self->AllWritten();
    });
  }

  void AllWritten() {
    if (phase_ == Phase::kReading) return SetDeadline(core_->limits.body_ms);  // 100 Continue was written
    if (!answer_finished_) return pings_ ? SetDeadline(core_->limits.ping_ms) : NoDeadline();
    answer_finished_ = pings_ = false;
    SetAnswering(false);
    exchange_.reset();
    if (writing_.capacity() > kBodyReadBytes) writing_ = {};
    if (pending_.capacity() > kBodyReadBytes) pending_ = {};
    if (keep_alive_ && !read_end_) return NextRequest();
    Linger();
  }
  void FinishAnswer() {
    if (phase_ == Phase::kClosed) return;
    answer_finished_ = true;
    if (!write_under_way_) AllWritten();
  }

  // Closing a socket that has unread bytes resets it, and the client may lose the answer: what it still sends
  // is read for a while.
  void Linger() {
    phase_ = Phase::kLingering;
    SetDeadline(2000);
    buffer_.clear();
    boost::system::error_code ignored;
    if constexpr (kTls) {
      stream_.async_shutdown([self = Self()](auto) { self->Close(); });
    } else {
      socket().shutdown(Tcp::socket::shutdown_send, ignored);
      if (read_end_) return Close();
      Read();
    }
  }

  std::shared_ptr<HttpCore> core_;
  Stream stream_;
  asio::steady_timer timer_, watch_;
  std::function<void(ConnectionBase*)> closed_;
  Phase phase_ = Phase::kReading;
  Clock::time_point deadline_ = Clock::time_point::max();
  bool timer_armed_ = false, reading_ = false, read_end_ = false;
  // Of the request that is being read.
  bool started_ = false, head_checked_ = false;
  HttpRequest request_;
  std::shared_ptr<BodyLease> lease_;  // of its body
  bool keep_alive_ = true, answering_ = false;
  size_t body_megabytes_ = 0;
  std::vector<char> incoming_;  // where the read that is under way writes
  beast::flat_buffer buffer_;   // what came and is not parsed
  std::optional<Parser> parser_;
  AnswerHead head_;
  std::weak_ptr<HttpExchange> exchange_;
  std::string pending_, writing_;  // what comes next, what is being written
  size_t written_ = 0;             // of writing_
  bool write_under_way_ = false, answer_finished_ = false;
  bool pings_ = false;  // of the answer that is being streamed
};

}  // namespace tern
