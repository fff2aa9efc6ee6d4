#include "server/prefill_service.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

namespace tern {
namespace {

constexpr int64_t kPoll_ns = 50'000'000;
constexpr int64_t kAnswer_ns = 2'000'000'000;  // that a greeting, or a message on its way out, may take

int64_t NowNs() {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count();
}

// Who does not take it in time has no use for it.
void Tell(MessageLink& link, KvMessageKind kind, uint64_t ask, const std::string& text = "") {
  (void)SendKv(link, {.kind = kind, .ask = ask}, std::as_bytes(std::span(text)), NowNs() + kAnswer_ns);
}

}  // namespace

PrefillService::PrefillService(PrefillServiceOptions options, EngineHost* host)
    : options_(std::move(options)), host_(host) {
  SetState(false, "waits for a decode process");
  thread_ = std::thread([this] { Loop(); });
}

PrefillService::~PrefillService() {
  ending_ = true;
  thread_.join();
}

void PrefillService::SetState(bool is_linked, const std::string& state) {
  options_.meters->Update([&](KvLinkCounts& c) {
    c.links += is_linked && !c.is_linked ? 1 : 0;
    c.is_linked = is_linked;
    c.memory_bytes = is_linked ? options_.link_bytes : 0;
    c.state = state;
  });
  if (options_.on_state) options_.on_state(state);
}

void PrefillService::Loop() {
  while (!ending_) {
    try {
      auto came = options_.listener->Accept(NowNs() + kPoll_ns);
      if (!came.ok()) {
        if (came.error().code != Code::kDeadline)
          std::this_thread::sleep_for(std::chrono::nanoseconds(kPoll_ns));
        continue;
      }
      const std::shared_ptr<MessageLink> link = std::move(came).value();
      if (!Greet(*link).ok()) continue;
      SetState(true, "linked to a decode process");
      Serve(link);
      if (!ending_) SetState(false, "waits for a decode process");
    } catch (const std::exception&) {  // out of memory: who comes next may have more luck
    }
  }
}

Status PrefillService::Greet(MessageLink& link) const {
  TERN_TRY(const MessageBytes bytes, link.Receive(NowNs() + kAnswer_ns));
  const auto message = DecodeKvMessage(bytes);
  if (!message || !message->is_whole || message->head.kind != KvMessageKind::kHello) {
    return BadInput("kv link: the other process's greeting is damaged");
  }
  if (TextOf(message->body) == options_.hello) {
    return SendKv(link, {.kind = KvMessageKind::kWelcome}, {}, NowNs() + kAnswer_ns);
  }
  const std::string why =
      "its KV is of another model, build or setting (both need the same MODEL, program and options)";
  Tell(link, KvMessageKind::kRefused, 0, why);
  return BadInput(why);
}

void PrefillService::Serve(const std::shared_ptr<MessageLink>& link) {
  const auto linked = std::make_shared<Linked>();
  linked->link = link;
  while (!ending_) {
    const auto bytes = link->Receive(NowNs() + kPoll_ns);
    if (!bytes.ok() && bytes.error().code == Code::kDeadline) continue;
    if (!bytes.ok() || !Handle(linked, bytes.value())) break;
  }
  link->Close();
  const std::lock_guard lock(linked->mutex);
  for (const auto& [id, ticket] : linked->asks) host_->Cancel(ticket);
}

// False: nothing that comes over this link can be believed.
bool PrefillService::Handle(const std::shared_ptr<Linked>& linked, const MessageBytes& bytes) {
  const auto message = DecodeKvMessage(bytes);
  if (!message) return false;
  const uint64_t id = message->head.ask;
  if (message->head.kind == KvMessageKind::kCancel) {
    const std::lock_guard lock(linked->mutex);
    if (const auto found = linked->asks.find(id); found != linked->asks.end()) host_->Cancel(found->second);
    options_.gifts->Cancel(linked->link.get(), id);
    return true;
  }
  if (message->head.kind != KvMessageKind::kAsk) return true;
  auto ask = message->is_whole ? DecodeKvAsk(message->body) : std::nullopt;
  if (!ask || ask->tokens.empty() || ask->tokens.size() % kKvBlockTokens != 0 ||
      ask->first >= ask->tokens.size() / kKvBlockTokens) {
    Tell(*linked->link, KvMessageKind::kRefused, id, "the ask is damaged");
    return true;
  }
  Compute(linked, id, std::move(*ask), message->head.left_ns);
  return true;
}

// The engine keeps whole blocks of what it has computed once the token behind them is there.
void PrefillService::Compute(const std::shared_ptr<Linked>& linked, uint64_t id, KvAsk ask, int64_t left_ns) {
  if (left_ns <= 0) return;  // nobody waits any more
  const auto forget = [linked, id] {
    const std::lock_guard lock(linked->mutex);
    linked->asks.erase(id);
  };
  const auto refuse = [linked, id, forget](const std::string& why) {
    forget();
    // On the engine's thread: it waits for nobody.
    (void)SendKv(*linked->link, {.kind = KvMessageKind::kRefused, .ask = id}, std::as_bytes(std::span(why)),
                 0);
  };
  HostRequest host;
  host.request.prompt = ask.tokens;
  host.request.max_tokens = 1;
  host.request.ignore_end = true;
  host.request.sampling.temperature = 0;
  host.request.tenant = ask.scope.tenant;
  host.request.deadline_s = 1e-9 * static_cast<double>(left_ns);
  host.on_refused = [refuse](const Error& error) { refuse(error.what); };
  host.on_admitted = [] {};
  host.on_finish = [linked, refuse, forget, id, gifts = options_.gifts, ask = std::move(ask),
                    deadline_ns = NowNs() + left_ns](const Outcome& outcome) {
    if (outcome.reason == FinishReason::kFailed) return refuse(outcome.error.what);
    forget();
    if (outcome.reason == FinishReason::kCancelled) return;
    gifts->Add({.link = linked->link, .id = id, .ask = ask, .deadline_ns = deadline_ns});
  };
  const TicketId ticket = host_->NewTickets(1);
  {
    const std::lock_guard lock(linked->mutex);
    linked->asks[id] = ticket;
  }
  Tell(*linked->link, KvMessageKind::kAccepted, id);
  std::vector<HostRequest> requests;
  requests.push_back(std::move(host));
  if (const Status status = host_->Submit(ticket, std::move(requests)); !status.ok())
    refuse(status.error().what);
}

}  // namespace tern
