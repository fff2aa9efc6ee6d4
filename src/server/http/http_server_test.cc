#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <new>
#include <thread>

#include "server/eventually.h"
#include "server/http/wire.h"

namespace tern {
namespace {

using std::chrono::milliseconds;

// A client that says exactly the bytes it is told.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { Close(); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  void CloseSending() { shutdown(fd_, SHUT_WR); }
  bool Say(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Up to and with `end`; everything until the server closes where that does not come. Five seconds at most.
  std::string Hear(std::string_view end) {
    while (heard_.find(end) == std::string::npos) {
      pollfd wait{fd_, POLLIN, 0};
      char bytes[4096];
      if (poll(&wait, 1, 5000) <= 0) return "(nothing)" + std::exchange(heard_, {});
      const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
      if (n <= 0) {
        closed_ = true;
        return std::exchange(heard_, {});
      }
      heard_.append(bytes, static_cast<size_t>(n));
    }
    const size_t size = heard_.find(end) + end.size();
    std::string text = heard_.substr(0, size);
    heard_.erase(0, size);
    return text;
  }
  // The status line and the rest of an answer's head, without the clock.
  std::string HearHead() {
    std::string head = Hear("\r\n\r\n");
    const size_t date = head.find("date: ");
    if (date != head.npos) head.erase(date, head.find("\r\n", date) + 2 - date);
    return head;
  }
  std::string HearAll() { return Hear("a text that does not come"); }
  bool closed() const { return closed_; }

 private:
  int fd_;
  bool closed_ = false;
  std::string heard_;
};

struct HttpServerTest : testing::Test {
  void Start(HttpLimits limits = {}) {
    options.limits = limits;
    auto started = HttpServer::Start(options, [this](std::shared_ptr<HttpExchange> exchange) {
      const std::lock_guard lock(mutex);
      exchanges.push_back(std::move(exchange));
      arrived.notify_all();
    });
    ASSERT_TRUE(started.ok()) << started.error().what;
    server = std::move(started).value();
  }
  std::shared_ptr<HttpExchange> Take() {
    std::unique_lock lock(mutex);
    if (!arrived.wait_for(lock, std::chrono::seconds(5), [&] { return !exchanges.empty(); })) return nullptr;
    auto exchange = std::move(exchanges.front());
    exchanges.erase(exchanges.begin());
    return exchange;
  }

  HttpServerOptions options;
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<std::shared_ptr<HttpExchange>> exchanges;
  std::unique_ptr<HttpServer> server;
};

TEST_F(HttpServerTest, AnswersOneRequestAfterAnother) {
  Start();
  Client client(server->port());
  client.Say(
      "POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nContent-Length: 2\r\n\r\n{}GET /two "
      "HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto first = Take();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->request().method, "POST");
  EXPECT_EQ(first->request().path, "/a b");
  EXPECT_EQ(first->request().query, "c=d");
  EXPECT_EQ(first->request().body, "{}");
  EXPECT_EQ(first->request().Header("host"), "x");
  first->Reply({.body = "one", .headers = {{"x-extra", "yes"}}});
  const std::string head = client.HearHead();
  EXPECT_EQ(head + client.Hear("one"),
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-extra: yes\r\ncontent-length: 3\r\n"
            "x-request-id: mine\r\nconnection: keep-alive\r\n\r\none");
  const auto second = Take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->request().path, "/two");
  EXPECT_TRUE(second->request().id.starts_with("req_"));
  second->Reply({.status = 404, .body = "two"});
  EXPECT_TRUE(client.Hear("two").starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(Eventually([&] { return server->counts().exchanges == 0; }));
  EXPECT_EQ(server->counts().connections, 1u);
}

TEST_F(HttpServerTest, StreamsInChunksAndEndsThem) {
  Start();
  Client client(server->port());
  client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  exchange->Begin({.body = ":\n\n", .content_type = "text/event-stream"});
  EXPECT_TRUE(client.Hear("3\r\n:\n\n\r\n").find("transfer-encoding: chunked") != std::string::npos);
  exchange->Send("data: 1\n\n");
  EXPECT_EQ(client.Hear("\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
  exchange->End();
  exchange->Send("too late");
  EXPECT_EQ(client.Hear("0\r\n\r\n"), "0\r\n\r\n");
  client.Say("GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(Take());
}

TEST_F(HttpServerTest, AStreamOfEventsThatIsSilentLives) {
  Start({.ping_ms = 50});
  Client client(server->port());
  client.Say("GET /events HTTP/1.1\r\nHost: x\r\n\r\nGET /text HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto events = Take();
  ASSERT_TRUE(events);
  events->Begin({.content_type = "text/event-stream"});
  client.Hear("\r\n\r\n");
  EXPECT_EQ(client.Hear(":\n\n\r\n"), "3\r\n:\n\n\r\n");
  EXPECT_EQ(client.Hear(":\n\n\r\n"), "3\r\n:\n\n\r\n");
  events->Send("data: 1\n\n");
  events->End();
  EXPECT_TRUE(client.Hear("0\r\n\r\n").ends_with("data: 1\n\n\r\n0\r\n\r\n"));
  const auto text = Take();
  ASSERT_TRUE(text);
  text->Begin({.content_type = "text/plain"});
  std::this_thread::sleep_for(milliseconds(150));
  text->End();
  EXPECT_TRUE(client.Hear("0\r\n\r\n").ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST_F(HttpServerTest, AnOldClientHearsTheStreamUntilItCloses) {
  Start();
  Client client(server->port());
  client.Say("GET / HTTP/1.0\r\n\r\n");
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  exchange->Begin({.content_type = "text/event-stream"});
  exchange->Send("data: 1\n\n");
  exchange->End();
  EXPECT_TRUE(client.HearAll().ends_with("connection: close\r\n\r\ndata: 1\n\n"));
}

TEST_F(HttpServerTest, WhatIsForgottenIsAnErrorAndWhatIsHalfSaidIsCutOff) {
  Start();
  Client client(server->port());
  client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Take();
  EXPECT_TRUE(client.Hear("}}").starts_with("HTTP/1.1 500"));
  client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Take()->Begin({.body = "half"});
  const std::string heard = client.HearAll();
  EXPECT_TRUE(heard.ends_with("4\r\nhalf\r\n")) << heard;  // no end
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, AClientThatGoesIsNoticed) {
  Start();
  for (const bool streaming : {false, true}) {
    Client client(server->port());
    client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto exchange = Take();
    ASSERT_TRUE(exchange);
    std::atomic<int> calls = 0;
    exchange->OnGone([&] { ++calls; });
    if (streaming) {
      exchange->Begin({.body = "data: 1\n\n", .content_type = "text/event-stream"});
      client.Hear("data: 1\n\n");
    }
    client.Close();
    EXPECT_TRUE(Eventually([&] { return exchange->gone(); }));
    EXPECT_EQ(calls, 1);
    bool at_once = false;
    exchange->OnGone([&] { at_once = true; });
    EXPECT_TRUE(at_once);
    exchange->Reply({});
  }
  EXPECT_TRUE(
      Eventually([&] { return server->counts().connections == 0 && server->counts().exchanges == 0; }));
}

TEST_F(HttpServerTest, AClientThatHasOnlyFinishedSpeakingIsAnswered) {
  Start();
  for (const char* version : {"1.0", "1.1"}) {
    Client client(server->port());
    client.Say(std::string("GET / HTTP/") + version + "\r\nHost: x\r\n\r\n");
    client.CloseSending();
    const auto exchange = Take();
    ASSERT_TRUE(exchange);
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_FALSE(exchange->gone());
    exchange->Reply({.body = "here"});
    EXPECT_TRUE(client.HearAll().ends_with("\r\n\r\nhere"));
  }
}

struct Refused {
  std::string what, request, status, message;
};

TEST_F(HttpServerTest, RefusesWhatIsNotHttpOrBeyondALimit) {
  Start({.header_bytes = 2000, .headers = 10, .body_bytes = 100});
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n", post = "POST / HTTP/1.1\r\nHost: x\r\n";
  std::string many = get;
  for (int i = 0; i < 11; ++i) many += "a" + std::to_string(i) + ": b\r\n";
  const Refused cases[] = {
      {"no HTTP", "hello\r\n\r\n", "400", "not an HTTP/1.1 request"},
      {"a line feed alone", "GET / HTTP/1.1\nHost: x\n\n", "400", "not an HTTP/1.1 request"},
      {"a zero byte", get + std::string("a: b\0c\r\n\r\n", 10), "400", "not an HTTP/1.1 request"},
      {"a broken escape", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400", "percent-encoded"},
      {"a path that is no UTF-8", "GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", "400", "UTF-8"},
      {"headers too long", get + "a: " + std::string(3000, 'b') + "\r\n\r\n", "431", "headers too large"},
      {"too many headers", many + "\r\n", "431", "too many headers"},
      {"a long body", post + "Content-Length: 101\r\n\r\n", "413", "at most 100 bytes"},
      {"an endless body", post + "Content-Length: 99999999999999999999999\r\n\r\n", "400", "not an HTTP/1.1"},
      {"a negative length", post + "Content-Length: -1\r\n\r\n", "400", "not an HTTP/1.1 request"},
      {"a long body in chunks",
       post + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n", "413",
       "at most 100 bytes"},
      {"a negative chunk", post + "Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n", "400",
       "not an HTTP/1.1 request"},
      {"a huge chunk", post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab", "413",
       "at most 100"},
      {"two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "400", ""},
      {"a length and chunks", post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400", ""},
      {"the same length twice", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", "400", ""},
      {"a list of lengths", post + "Content-Length: 2, 2\r\n\r\nab", "400", ""},
      {"unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n" + get + "\r\n", "501", "chunked"},
      {"chunks inside another", post + "Transfer-Encoding: chunked, identity\r\n\r\n" + get + "\r\n", "501",
       ""},
      {"another inside chunks", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501", ""},
      {"two codings", post + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
       ""},
      {"chunks of an old client", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
       ""},
      {"no host", "GET / HTTP/1.1\r\n\r\n", "400", "host"},
      {"two hosts", get + "Host: y\r\n\r\n", "400", "host"},
      {"a folded header", get + "a: b\r\n c\r\n\r\n", "400", "next line"},
      {"other expectations", get + "Expect: wonders\r\n\r\n", "417", "100-continue"},
      {"compressed", post + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", "415",
       "content-encoding"},
  };
  for (const Refused& c : cases) {
    Client client(server->port());
    client.Say(c.request);
    const std::string heard = client.HearAll();
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 " + c.status)) << c.what << ": " << heard;
    EXPECT_NE(heard.find(c.message), std::string::npos) << c.what << ": " << heard;
    EXPECT_NE(heard.find(R"("type":"invalid_request_error")"), std::string::npos) << heard;
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(server->counts().refused, std::size(cases));
  EXPECT_TRUE(exchanges.empty());
}

// Whoever knows the protocol of a path says it in its words, however the body was announced.
TEST_F(HttpServerTest, LargeBodiesAreRefusedAsTheHandlerLikes) {
  options.too_large = [](const HttpRequest& head, const std::string& message) {
    return HttpResponse{.status = 413, .body = head.path + " " + message};
  };
  Start({.body_bytes = 100});
  for (const std::string& rest :
       {std::string("Content-Length: 101\r\n\r\n"),
        "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') + "\r\n"}) {
    Client client(server->port());
    client.Say("POST /a HTTP/1.1\r\nHost: x\r\n" + rest);
    const std::string heard = client.HearAll();
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 413")) << heard;
    EXPECT_TRUE(heard.ends_with("\r\n\r\n/a body too large, expected at most 100 bytes")) << heard;
  }
}

TEST_F(HttpServerTest, GoesOnWhereItIsAskedTo) {
  Start();
  Client client(server->port());
  client.Say("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.Hear("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Say("ab");
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request().body, "ab");
}

TEST_F(HttpServerTest, SlowRequestsRunOutOfTime) {
  Start({.header_ms = 100, .body_ms = 100, .idle_ms = 200});
  Client silent(server->port()), slow(server->port()), half(server->port());
  slow.Say("GET / HT");
  half.Say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_TRUE(slow.HearAll().starts_with("HTTP/1.1 408"));
  EXPECT_TRUE(half.HearAll().starts_with("HTTP/1.1 408"));
  EXPECT_EQ(silent.HearAll(), "");
  EXPECT_TRUE(silent.closed());
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsCutOff) {
  Start({.unsent_bytes = 100'000, .write_ms = 300});
  Client client(server->port());
  client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  exchange->Begin({.content_type = "text/event-stream"});
  EXPECT_TRUE(Eventually([&] {
    if (exchange->unsent_bytes() < 50'000) exchange->Send(std::string(50'000, 'x'));
    return exchange->gone();
  }));
}

// Whoever asks while the server ends is heard, and told so by the handler.
TEST_F(HttpServerTest, WhereThereAreManyTheLongestIdleMakesRoom) {
  Start({.connections = 2});
  Client busy(server->port());
  busy.Say("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto first = Take();
  ASSERT_TRUE(first);
  Client idle(server->port());
  idle.Say("GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto second = Take();
  ASSERT_TRUE(second);
  Client third(server->port());
  third.Say("GET /third HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(server->counts().connections, 2u);
  second->Reply({.body = "done"});
  const auto other = Take();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->request().path, "/third");
  EXPECT_TRUE(idle.HearAll().ends_with("done"));
  EXPECT_TRUE(idle.closed());
  first->Reply({.body = "still there"});
  EXPECT_TRUE(busy.Hear("there").ends_with("still there"));
}

TEST_F(HttpServerTest, WhileDrainingAnswersCloseTheirConnections) {
  Start();
  Client busy(server->port()), idle(server->port());
  busy.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  server->Drain();
  Client late(server->port());
  for (Client* client : {&idle, &late}) {
    client->Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto other = Take();
    ASSERT_TRUE(other);
    other->Reply({.status = 503, .body = "later"});
    EXPECT_TRUE(client->HearAll().ends_with("connection: close\r\n\r\nlater"));
  }
  exchange->Reply({.body = "done"});
  EXPECT_TRUE(busy.HearAll().ends_with("connection: close\r\n\r\ndone"));
  busy.Close(), idle.Close(), late.Close();
  EXPECT_TRUE(Eventually([&] { return server->counts().connections == 0; }));
}

// Of three requests, each takes a packet's end at every place: nothing is lost, mixed up or answered twice.
TEST_F(HttpServerTest, RequestsMayComeInAnyPieces) {
  Start();
  const std::string one = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string two = "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
  const std::string all = one + two + one;
  for (size_t cut = 1; cut < all.size(); ++cut) {
    SCOPED_TRACE(cut);
    Client client(server->port());
    client.Say(all.substr(0, cut));
    if (cut >= one.size()) Take()->Reply({.body = "A"});
    client.Say(all.substr(cut));
    if (cut < one.size()) Take()->Reply({.body = "A"});
    const auto second = Take();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->request().path + second->request().body, "/2body");
    second->Reply({.body = "B"});
    const auto third = Take();
    ASSERT_TRUE(third);
    EXPECT_EQ(third->request().path, "/1");
    third->Reply({.body = "C"});
    for (const char* end : {"\r\n\r\nA", "\r\n\r\nB", "\r\n\r\nC"}) {
      EXPECT_TRUE(client.Hear(end).starts_with("HTTP/1.1 200 OK"));
    }
  }
}

// Bytes that come while requests wait behind another one.
TEST_F(HttpServerTest, RequestsMayWaitWhileOthersCome) {
  Start();
  Client client(server->port());
  const std::string get = "GET /n HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string post = "POST /n HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\n";
  client.Say(get + get + get + post + "first");
  for (int i = 0; i < 3; ++i) Take()->Reply({.body = "."});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.Hear("\r\n\r\n.").starts_with("HTTP/1.1 200"));
  std::this_thread::sleep_for(milliseconds(20));
  client.Say(", then the rest" + get.substr(0, 5));
  auto exchange = Take();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request().body, "first, then the res");
  exchange->Reply({.body = "."});
  // "t" stands in front of the next request now.
  EXPECT_TRUE(client.Hear("\r\n\r\n.").starts_with("HTTP/1.1 200"));
  client.Say(get.substr(5));
  exchange = Take();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request().method, "tGET");
}

TEST_F(HttpServerTest, WhoHasSentMuchAheadIsNoticedWhenHeGoes) {
  Start();
  Client client(server->port());
  client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  client.Say(std::string(20'000, 'x'));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_FALSE(exchange->gone());
  client.Close();
  EXPECT_TRUE(Eventually([&] { return exchange->gone(); }));
}

TEST_F(HttpServerTest, WhoHasFinishedSpeakingAndWaitsIsToldToGoOn) {
  Start();
  Client client(server->port());
  client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.CloseSending();
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(client.Hear("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  exchange->Reply({.body = "here"});
  EXPECT_TRUE(client.HearAll().starts_with("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, ABodyThatIsNotWantedIsNotTaken) {
  options.wants_body = [](const HttpRequest& head) { return head.Header("x-api-key") == "k"; };
  Start();
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n";
  Client stranger(server->port()), asks_first(server->port()), friendly(server->port());
  stranger.Say(post + "\r\nthe beginning");
  asks_first.Say(post + "Expect: 100-continue\r\n\r\n");
  for (int i = 0; i < 2; ++i) {
    const auto exchange = Take();
    ASSERT_TRUE(exchange);
    EXPECT_EQ(exchange->request().body, "");
    exchange->Reply({.status = 401, .body = "no"});
  }
  for (Client* client : {&stranger, &asks_first}) {
    const std::string heard = client->HearAll();
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 401") && heard.ends_with("connection: close\r\n\r\nno")) << heard;
  }
  friendly.Say(post + "X-Api-Key: k\r\n\r\n" + std::string(1'000'000, 'b'));
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request().body.size(), 1'000'000u);
}

TEST_F(HttpServerTest, BodiesHaveALimitTogether) {
  Start({.all_body_bytes = 1'000'000});
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 700000\r\n\r\n";
  const std::string body(700'000, 'b');
  Client first(server->port()), second(server->port()), small(server->port()), third(server->port());
  first.Say(post + body);
  const auto kept = Take();
  ASSERT_TRUE(kept);
  second.Say(post + body);
  const std::string heard = second.HearAll();
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 503")) << heard;
  EXPECT_NE(heard.find("retry-after: 1\r\n"), std::string::npos) << heard;
  small.Say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nsmall");
  EXPECT_TRUE(Take());
  EXPECT_EQ(kept->TakeBody(), body);
  third.Say(post + body);
  EXPECT_TRUE(Take());
}

TEST_F(HttpServerTest, AnswersAreOfTheirOwnRequest) {
  Start();
  Client client(server->port());
  client.Say("HEAD /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: first\r\n\r\n");
  Take()->Reply({.body = "not sent"});
  EXPECT_NE(client.HearHead().find("content-length: 8\r\n"), std::string::npos);
  client.Say("nonsense\r\n\r\n");
  const std::string refused = client.HearAll();
  EXPECT_EQ(refused.find("first"), std::string::npos) << refused;
  EXPECT_TRUE(refused.ends_with("}}")) << refused;
}

TEST_F(HttpServerTest, ATargetMayNameItsHost) {
  Start();
  Client client(server->port());
  client.Say(
      "GET HTTP://localhost:80/a?b HTTP/1.1\r\nHost: other\r\n\r\nGET http://h HTTP/1.1\r\nHost: x\r\n\r\n");
  auto exchange = Take();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request().path + " " + exchange->request().query, "/a b");
  EXPECT_EQ(exchange->request().Header("host"), "localhost:80");
  exchange->Reply({.status = 204});
  const std::string head = client.Hear("\r\n\r\n");
  EXPECT_EQ(head.find("content-length"), std::string::npos) << head;
  EXPECT_NE(head.find(" GMT\r\n"), std::string::npos) << head;
  exchange = Take();
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request().path, "/");
}

TEST_F(HttpServerTest, AHandlerThatThrowsCostsOneRequest) {
  auto started = HttpServer::Start({}, [](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/bad") throw std::bad_alloc();
    exchange->Reply({.body = "fine"});
  });
  ASSERT_TRUE(started.ok());
  Client client(started.value()->port());
  client.Say("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.Hear("}}").starts_with("HTTP/1.1 500"));
  client.Say("GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.Hear("fine").starts_with("HTTP/1.1 200"));
}

TEST(HttpDate, IsOfGreenwich) {
  EXPECT_EQ(HttpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(HttpDate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_F(HttpServerTest, ExchangesMayOutliveTheServer) {
  Start();
  Client client(server->port());
  client.Say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = Take();
  ASSERT_TRUE(exchange);
  server.reset();
  EXPECT_TRUE(exchange->gone());
  exchange->Reply({.body = "to nobody"});
}

TEST(HttpServer, SaysWhyItCannotListen) {
  const auto nothing = [](const std::shared_ptr<HttpExchange>&) {};
  const auto first = HttpServer::Start({}, nothing);
  ASSERT_TRUE(first.ok());
  const auto second = HttpServer::Start({.port = first.value()->port()}, nothing);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().what,
            "127.0.0.1:" + std::to_string(first.value()->port()) + ": Address already in use");
  const auto wide = HttpServer::Start({.host = "0.0.0.0", .loopback_only = true}, nothing);
  ASSERT_FALSE(wide.ok());
  EXPECT_EQ(wide.error().what, "0.0.0.0: is 0.0.0.0, expected an address that only this machine reaches");
  EXPECT_FALSE(HttpServer::Start({.host = "no.such.host.invalid"}, nothing).ok());
  const auto tls = HttpServer::Start({.certificate_file = "/none.pem"}, nothing);
  ASSERT_FALSE(tls.ok());
  EXPECT_TRUE(tls.error().what.starts_with("/none.pem: not a certificate chain in PEM"));
  // Whoever asks for it does not mean to be open to all.
  for (const HttpServerOptions& half :
       {HttpServerOptions{.key_file = "/none.pem"}, HttpServerOptions{.client_ca_file = "/none.pem"}}) {
    const Status status = HttpServer::Check(half);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().what, "/none.pem: of no use without a certificate of the server's own");
  }
}

}  // namespace
}  // namespace tern
