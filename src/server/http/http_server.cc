#include "server/http/http_server.h"

#include <fmt/format.h>

#include <thread>
#include <unordered_map>

#include "server/http/connection.h"

namespace tern {
namespace {

using boost::system::error_code;

Result<std::unique_ptr<asio::ssl::context>> MakeTls(const HttpServerOptions& o) {
  if (o.certificate_file.empty()) {
    if (o.key_file.empty() && o.client_ca_file.empty()) return std::unique_ptr<asio::ssl::context>();
    return BadInput(fmt::format("{}: of no use without a certificate of the server's own",
                                o.key_file.empty() ? o.client_ca_file : o.key_file));
  }
  auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  error_code error;
  tls->use_certificate_chain_file(o.certificate_file, error);
  if (error)
    return BadInput(
        fmt::format("{}: not a certificate chain in PEM: {}", o.certificate_file, error.message()));
  const std::string& key = o.key_file.empty() ? o.certificate_file : o.key_file;
  tls->use_private_key_file(key, asio::ssl::context::pem, error);
  if (error)
    return BadInput(fmt::format("{}: not the certificate's private key in PEM: {}", key, error.message()));
  if (!o.client_ca_file.empty()) {
    tls->load_verify_file(o.client_ca_file, error);
    if (error)
      return BadInput(fmt::format("{}: no certificates in PEM: {}", o.client_ca_file, error.message()));
    tls->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  }
  return tls;
}

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, Handler handler, std::unique_ptr<asio::ssl::context> tls)
      : core_(std::make_shared<HttpCore>()), tls_(std::move(tls)), acceptor_(core_->io), retry_(core_->io) {
    core_->limits = options.limits;
    core_->handler = std::move(handler);
    core_->wants_body = std::move(options.wants_body);
    core_->too_large = std::move(options.too_large);
    loopback_only_ = options.loopback_only;
    core_->tally = std::move(options.tally);
    core_->on_refused = std::move(options.on_refused);
  }

  Status Listen(const std::string& host, uint16_t port) {
    error_code error;
    Tcp::resolver resolver(core_->io);
    const auto found = resolver.resolve(host, std::to_string(port), Tcp::resolver::passive, error);
    if (error || found.empty()) {
      return BadInput(fmt::format("{}: {}, expected an address of this machine", host, error.message()));
    }
    const Tcp::endpoint endpoint = found.begin()->endpoint();
    if (loopback_only_ && !endpoint.address().is_loopback()) {
      return BadInput(fmt::format("{}: is {}, expected an address that only this machine reaches", host,
                                  endpoint.address().to_string()));
    }
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return Error{Code::kIo, fmt::format("{}:{}: {}", host, port, error.message())};
    port_ = acceptor_.local_endpoint().port();
    asio::post(core_->io, [this] { Accept(); });
    thread_ = std::thread([this] { Loop(); });
    return {};
  }

  ~Server() override {
    asio::post(core_->io, [this] {
      CloseAcceptor();
      while (!connections_.empty()) connections_.begin()->second->Close();
      work_.reset();
    });
    if (thread_.joinable()) thread_.join();
    // What exchanges still say is nobody's business any more; what they have said holds their connections.
    {
      const std::lock_guard lock(core_->posting);
      core_->stopped = true;
    }
    core_->io.restart();
    core_->io.poll();
  }

  uint16_t port() const override { return port_; }
  HttpCounts counts() const override { return core_->tally->counts(); }
  void Drain() override { core_->draining = true; }

 private:
  // What a handler throws (out of memory, say) costs its own request: the exchange, or its connection's
  // deadline, tells the client.
  void Loop() {
    while (true) {
      try {
        core_->io.run();
        return;
      } catch (const std::exception&) {
      }
    }
  }

  void CloseAcceptor() {
    error_code ignored;
    retry_.cancel();
    acceptor_.close(ignored);
  }

  void Accept() {
    if (accepting_ || !acceptor_.is_open()) return;
    accepting_ = true;
    if (connections_.size() >= core_->limits.connections) return AcceptInPlaceOfAnother();
    acceptor_.async_accept([this](error_code error, Tcp::socket socket) {
      accepting_ = false;
      if (error == asio::error::operation_aborted) return;
      if (error) return RetrySoon();
      Welcome(std::move(socket));
      Accept();
    });
  }

  // Whoever has been idle for longest makes room for one that comes. Where none is, it waits until one goes.
  void AcceptInPlaceOfAnother() {
    acceptor_.async_wait(Tcp::acceptor::wait_read, [this](error_code error) {
      accepting_ = false;
      if (error) return;
      if (connections_.size() < core_->limits.connections) return Accept();
      ConnectionBase* longest = nullptr;
      auto since = std::chrono::steady_clock::time_point::max();
      for (const auto& [connection, owner] : connections_) {
        const auto idle = connection->idle_since();
        if (!idle || *idle >= since) continue;
        longest = connection;
        since = *idle;
      }
      longest != nullptr ? longest->Close() : RetrySoon();
    });
  }

  // Out of file descriptors, usually: trying again at once would spin.
  void RetrySoon() {
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](error_code error) {
      if (!error) Accept();
    });
  }

  void Welcome(Tcp::socket socket) {
    error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    // Left alone, the kernel takes megabytes for a client that does not read.
    socket.set_option(Tcp::socket::send_buffer_size(kSendBytes), ignored);
    const auto closed = [this](ConnectionBase* connection) { Forget(connection); };
    std::shared_ptr<ConnectionBase> connection;
    if (tls_) {
      connection =
          std::make_shared<Connection<TlsStream>>(TlsStream(std::move(socket), *tls_), core_, closed);
    } else {
      connection = std::make_shared<Connection<Tcp::socket>>(std::move(socket), core_, closed);
    }
    connections_.emplace(connection.get(), connection);
    core_->tally->connections = connections_.size();
    ++core_->tally->accepted;
    connection->Start();
  }

  void Forget(ConnectionBase* connection) {
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    // Not in the middle of its own Close.
    asio::post(core_->io, [keep = std::move(found->second)] {});
    connections_.erase(found);
    core_->tally->connections = connections_.size();
    Accept();
  }

  static constexpr int kSendBytes = 64 << 10;

  std::shared_ptr<HttpCore> core_;
  std::unique_ptr<asio::ssl::context> tls_;
  Tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(core_->io);
  std::unordered_map<ConnectionBase*, std::shared_ptr<ConnectionBase>> connections_;
  bool accepting_ = false, loopback_only_ = false;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

Status HttpServer::Check(const HttpServerOptions& options) {
  TERN_TRY(const auto tls, MakeTls(options));
  return {};
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, Handler handler) {
  TERN_TRY(auto tls, MakeTls(options));
  const std::string host = options.host;
  const uint16_t port = options.port;
  auto server = std::make_unique<Server>(std::move(options), std::move(handler), std::move(tls));
  TERN_TRY_STATUS(server->Listen(host, port));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace tern
