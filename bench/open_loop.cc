// open_loop TRACE --port N: sends the requests of a trace to an OpenAI endpoint when they are due, whatever
// became of those before, and prints a JSON object per request, in the order of the trace.
//
// Bodies are made and times are fixed before the first is sent. Latencies count from when a request was due,
// not from when it went out: where this program is late, that shows as latency, and "late_s" says how much.
// One thread, a connection per request. Prompts are token ids, so that both ends count the same tokens.

#include <fmt/format.h>
#include <sched.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <memory>

#include "cli/arguments.h"
#include "plan/trace.h"

namespace tern {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string trace, host = "127.0.0.1";
  int port = 8080, cpu = -1, most = 0, max_input = 0, max_output = 0;
  int first_id = 1000, ids = 40000;
  double speedup = 1, grace_s = 60;
};

double Seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

// One request, from when it is due to its last byte.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(asio::io_context* io, const asio::ip::tcp::endpoint& endpoint, std::string body)
      : endpoint_(endpoint), timer_(*io), stream_(*io) {
    request_.method(http::verb::post);
    request_.target("/v1/completions");
    request_.version(11);
    request_.set(http::field::host, "localhost");
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::connection, "close");
    request_.body() = std::move(body);
    request_.prepare_payload();
    parser_.body_limit(boost::none);
    parser_.eager(true);
  }

  void Start(Clock::time_point due, Clock::time_point begin) {
    due_ = due;
    due_s_ = Seconds(due - begin);
    timer_.expires_at(due);
    timer_.async_wait([self = shared_from_this()](const beast::error_code& error) {
      if (!error) self->Send();
    });
  }

  // As it is now, ended or not.
  void Print() const {
    const auto of_due = [this](Clock::time_point t) { return Seconds(t - due_); };
    fmt::print(
        R"({{"due_s": {:.6f}, "status": {}, "whole": {}, "late_s": {:.6f}, "tokens": {}, "times_s": [)",
        due_s_, status_, is_whole_, sent_ == Clock::time_point() ? 0 : of_due(sent_), tokens_);
    for (size_t i = 0; i < times_.size(); ++i) fmt::print("{}{:.6f}", i == 0 ? "" : ", ", of_due(times_[i]));
    fmt::print("], \"end_s\": {:.6f}}}\n", is_over_ ? of_due(end_) : -1);
  }

 private:
  void Send() {
    sent_ = Clock::now();
    stream_.async_connect(endpoint_, [self = shared_from_this()](const beast::error_code& error) {
      if (error) return self->End();
      self->stream_.socket().set_option(asio::ip::tcp::no_delay(true));
      http::async_write(self->stream_, self->request_, [self](const beast::error_code& failed, size_t) {
        failed ? self->End() : self->Read();
      });
    });
  }

  // What has come is looked at as it comes: http::async_read_some waits for more of a chunked body.
  void Read() {
    constexpr size_t kMostBytes = 1 << 16;
    stream_.async_read_some(buffer_.prepare(kMostBytes),
                            [self = shared_from_this()](const beast::error_code& error, size_t bytes) {
                              self->buffer_.commit(bytes);
                              const bool goes_on = !error && self->Parse();
                              self->Take();
                              if (!goes_on || self->parser_.is_done()) return self->End();
                              self->Read();
                            });
  }

  // False: it is not HTTP.
  bool Parse() {
    beast::error_code error;
    while (buffer_.size() > 0 && !error && !parser_.is_done()) {
      buffer_.consume(parser_.put(buffer_.data(), error));
    }
    return !error || error == http::error::need_more;
  }

  // Server-sent events that are whole.
  void Take() {
    const auto now = Clock::now();
    if (parser_.is_header_done()) status_ = static_cast<int>(parser_.get().result_int());
    std::string& body = parser_.get().body();
    size_t begin = 0;
    for (size_t end; (end = body.find('\n', begin)) != std::string::npos; begin = end + 1) {
      TakeLine(std::string_view(body).substr(begin, end - begin), now);
    }
    body.erase(0, begin);
  }

  void TakeLine(std::string_view line, Clock::time_point now) {
    constexpr std::string_view kText = "\"text\":\"", kTokens = "\"completion_tokens\":";
    if (!line.starts_with("data: ")) return;
    if (line.starts_with("data: [DONE]")) is_whole_ = true;
    if (const size_t at = line.find(kTokens); at != std::string_view::npos) {
      const std::string_view number = line.substr(at + kTokens.size());
      std::from_chars(number.data(), number.data() + number.size(), tokens_);
    }
    const size_t at = line.find(kText);
    if (at != std::string_view::npos && line.substr(at + kText.size(), 1) != "\"") times_.push_back(now);
  }

  void End() {
    end_ = Clock::now();
    is_over_ = true;
    is_whole_ &= status_ == 200;
    beast::error_code ignored;
    stream_.socket().close(ignored);
  }

  const asio::ip::tcp::endpoint endpoint_;
  asio::steady_timer timer_;
  beast::tcp_stream stream_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::flat_buffer buffer_;
  Clock::time_point due_{}, sent_{}, end_{};
  double due_s_ = 0;
  std::vector<Clock::time_point> times_;  // of pieces of text
  int status_ = 0, tokens_ = 0;
  bool is_over_ = false, is_whole_ = false;
};

std::string BodyOf(const Trace& trace, size_t i, TokenIds ids) {
  const TraceRequest& r = trace.requests[i];
  std::string body = fmt::format(
      R"({{"prompt": [{}], "max_tokens": {}, "temperature": 0, "ignore_eos": true, "stream": true, )"
      R"("stream_options": {{"include_usage": true}})",
      fmt::join(PromptTokens(trace, i, ids), ","), r.output_tokens);
  if (r.priority != Priority::kMid) {
    body += fmt::format(R"(, "priority": {})", r.priority == Priority::kHigh ? -1 : 1);
  }
  return body + "}";
}

Status Pin(int cpu) {
  if (cpu < 0) return {};
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) return {};
  return BadInput(fmt::format("--cpu {}: not ours to run on, expected another", cpu));
}

Status Run(const Options& o) {
  TERN_TRY(Trace trace, ReadTrace(o.trace));
  if (o.most > 0 && trace.requests.size() > static_cast<size_t>(o.most)) {
    trace.requests.resize(static_cast<size_t>(o.most));
  }
  CapLengths(&trace, o.max_input, o.max_output);
  SpeedUp(&trace, o.speedup);
  TERN_TRY_STATUS(Pin(o.cpu));
  beast::error_code error;
  const auto address = asio::ip::make_address(o.host, error);
  if (error) return BadInput(fmt::format("--host {}: expected an address as 127.0.0.1", o.host));
  const asio::ip::tcp::endpoint endpoint(address, static_cast<uint16_t>(o.port));
  asio::io_context io(1);
  std::vector<std::shared_ptr<Call>> calls;
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    const TokenIds ids{.first = o.first_id, .count = o.ids};
    calls.push_back(std::make_shared<Call>(&io, endpoint, BodyOf(trace, i, ids)));
  }
  const auto begin = Clock::now() + std::chrono::milliseconds(100);
  for (size_t i = 0; i < calls.size(); ++i) {
    calls[i]->Start(begin + std::chrono::nanoseconds(trace.requests[i].arrival_ns), begin);
  }
  io.run_for(std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(trace.seconds() + o.grace_s)));
  for (const auto& call : calls) call->Print();
  std::fflush(stdout);
  std::_Exit(0);  // what still runs is left to the server
}

int Main(int argc, char** argv) {
  Options o;
  Arguments args;
  args.Option("TRACE", &o.trace, "as tern sim --trace").Required().ExistingFile();
  args.Option("--host", &o.host, "an address");
  args.Option("--port", &o.port, "of the server").Range(1, 65535);
  args.Option("--cpu", &o.cpu, "run on this one alone; -1: any").Range(-1, CPU_SETSIZE - 1);
  args.Option("--most", &o.most, "only so many requests; 0: all").Range(0, 1 << 30);
  args.Option("--max-input", &o.max_input, "cut longer prompts; 0: do not").Range(0, 1 << 30);
  args.Option("--max-output", &o.max_output, "cut longer answers; 0: do not").Range(0, 1 << 30);
  args.Option("--first-id", &o.first_id, "prompts are made of the token ids from this one on")
      .Range(0, 1 << 30);
  args.Option("--ids", &o.ids, "so many of them").Range(1, 1 << 30);
  args.Option("--speedup", &o.speedup, "so many times as fast as the trace").Range(1e-6, 1e9);
  args.Option("--grace", &o.grace_s, "seconds that answers may take beyond the last arrival").Range(0, 1e6);
  args.Run([&o] { return Run(o); });
  const auto parsed = args.Parse(std::vector<std::string>(argv + 1, argv + argc));
  if (!parsed.ok()) {
    fmt::print(stderr, "open_loop: {}\n", parsed.error().what);
    return 2;
  }
  const Status status = args.RunParsed();
  if (!status.ok()) fmt::print(stderr, "open_loop: {}\n", status.error().what);
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main(argc, argv); }
