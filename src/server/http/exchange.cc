#include "server/http/exchange.h"

#include <algorithm>
#include <iterator>

namespace tern {

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

HttpExchange::HttpExchange(HttpRequest request, std::shared_ptr<HttpSink> sink)
    : request_(std::move(request)), sink_(std::move(sink)) {}

HttpExchange::~HttpExchange() {
  Reply({.status = 500,
         .body = R"({"error":{"message":"internal error","type":"server_error",)"
                 R"("param":null,"code":"internal_error"}})"});
  Cut();
}

bool HttpExchange::Advance(State from, State to) { return state_.compare_exchange_strong(from, to); }

void HttpExchange::AddHeaders(HttpHeaders headers) {
  std::ranges::move(headers, std::back_inserter(more_headers_));
}

HttpResponse HttpExchange::WithHeaders(HttpResponse response) const {
  response.headers.insert(response.headers.end(), more_headers_.begin(), more_headers_.end());
  return response;
}

double HttpExchange::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - came_).count();
}

void HttpExchange::SetUnsentBytes(size_t bytes) {
  const size_t before = unsent_bytes_;
  if (before == 0 || bytes < before) taken_s_ = seconds();
  unsent_bytes_ = bytes;
}

double HttpExchange::stalled_s() const {
  if (unsent_bytes_ == 0) return 0;
  return seconds() - taken_s_;  // read behind unsent_bytes_, as it is written in front of it
}

void HttpExchange::TellEnd(bool cut) {
  const auto end = std::exchange(on_end_, nullptr);
  if (end) end(*this, {.status = status_, .cut = cut, .gone = gone_, .seconds = seconds()});
}

void HttpExchange::Reply(HttpResponse response) {
  if (!Advance(State::kOpen, State::kDone)) return;
  status_ = gone_ ? 499 : response.status;
  TellEnd(false);
  sink_->Reply(WithHeaders(std::move(response)));
}

void HttpExchange::Begin(HttpResponse head) {
  status_ = head.status;
  if (Advance(State::kOpen, State::kStreaming)) sink_->Begin(WithHeaders(std::move(head)));
}

void HttpExchange::Send(std::string piece) {
  if (state_ == State::kStreaming) sink_->Send(std::move(piece));
}

void HttpExchange::End() {
  if (!Advance(State::kStreaming, State::kDone)) return;
  TellEnd(false);
  sink_->End();
}

void HttpExchange::Cut() {
  if (!Advance(State::kStreaming, State::kDone)) return;
  TellEnd(true);
  sink_->Cut();
}

void HttpExchange::OnGone(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) {
      on_gone_ = std::move(gone);
      return;
    }
  }
  gone();
}

void HttpExchange::ClientGone() {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    if (gone_.exchange(true)) return;
    call = std::exchange(on_gone_, nullptr);
  }
  if (call) call();
}

}  // namespace tern
