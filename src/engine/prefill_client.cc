#include "engine/prefill_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace tern {
namespace {

using std::chrono::nanoseconds;

constexpr int64_t kReceive_ns = 1'000'000'000;

int64_t NowNs() {
  const nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count();
}

}  // namespace

std::string KvHello(const std::string& fingerprint, size_t block_bytes, size_t window_block_bytes) {
  return fmt::format("{} {} {}", fingerprint, block_bytes, window_block_bytes);
}

PrefillClient::PrefillClient(PrefillClientOptions options, std::shared_ptr<KvLinkMeters> meters)
    : options_(std::move(options)), meters_(std::move(meters)) {
  thread_ = std::thread([this] { Loop(); });
}

PrefillClient::~PrefillClient() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (link_ != nullptr) link_->Close();
  }
  changed_.notify_all();
  taken_.notify_all();
  thread_.join();
}

std::optional<AskId> PrefillClient::Ask(const KvAsk& ask, std::vector<DiskBlockInfo> blocks,
                                        int64_t left_ns) {
  std::shared_ptr<MessageLink> link;
  AskId id = 0;
  {
    const std::lock_guard lock(mutex_);
    link = link_;
    if (link == nullptr) return std::nullopt;
    id = next_ask_++;
    asks_[id] = {.blocks = std::move(blocks), .heard = heard_};
  }
  meters_->Update([](KvLinkCounts& c) { ++c.asks; });
  const KvMessageHead head{.kind = KvMessageKind::kAsk, .ask = id, .left_ns = left_ns};
  if (SendKv(*link, head, EncodeKvAsk(ask), 0).ok()) return id;
  const std::lock_guard lock(mutex_);
  asks_.erase(id);
  return std::nullopt;
}

PrefillClient::Taken PrefillClient::Take(AskId ask, std::vector<DiskBlock>* blocks) {
  Taken taken;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asks_.find(ask);
    TERN_CHECK(found != asks_.end());
    Asked& asked = found->second;
    for (DiskBlock& block : asked.ready) {
      CountReady(-static_cast<int64_t>(block.kv.size()));
      blocks->push_back(std::move(block));
    }
    asked.ready.clear();
    taken = {.is_over = asked.is_done || asked.miss, .miss = asked.miss, .is_silent = asked.heard == heard_};
    if (taken.is_over) asks_.erase(found);
  }
  taken_.notify_all();
  return taken;
}

void PrefillClient::Cancel(AskId ask, bool is_late) {
  std::shared_ptr<MessageLink> link;
  bool is_silent = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asks_.find(ask);
    if (found == asks_.end()) return;
    for (const DiskBlock& block : found->second.ready) CountReady(-static_cast<int64_t>(block.kv.size()));
    is_silent = is_late && found->second.heard == heard_;
    asks_.erase(found);
    link = link_;
  }
  taken_.notify_all();
  if (link == nullptr) return;
  if (is_silent) return link->Close();
  (void)SendKv(*link, {.kind = KvMessageKind::kCancel, .ask = ask}, {}, 0);
}

void PrefillClient::CountReady(int64_t bytes) {
  ready_bytes_ = static_cast<size_t>(static_cast<int64_t>(ready_bytes_) + bytes);
  meters_->Update([this](KvLinkCounts& c) { c.memory_bytes = ready_bytes_; });
}

void PrefillClient::WaitForBlocks(int64_t most_ns) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, nanoseconds(most_ns), [this] {
    return std::ranges::any_of(asks_, [](const auto& entry) {
      return !entry.second.ready.empty() || entry.second.is_done || entry.second.miss;
    });
  });
}

void PrefillClient::SetState(bool is_linked, const std::string& state) {
  meters_->Update([&](KvLinkCounts& c) {
    c.links += is_linked && !c.is_linked ? 1 : 0;
    c.is_linked = is_linked;
    c.state = state;
  });
  if (options_.on_state && state != state_) options_.on_state(state);
  state_ = state;
}

// Of all asks that are under way.
void PrefillClient::Fail(KvMiss miss) {
  {
    const std::lock_guard lock(mutex_);
    link_ = nullptr;
    for (auto& [id, asked] : asks_) {
      if (!asked.is_done && !asked.miss) asked.miss = miss;
    }
  }
  changed_.notify_all();
}

void PrefillClient::Loop() {
  const auto ends = [this] {
    const std::lock_guard lock(mutex_);
    return ending_;
  };
  while (!ends()) {
    try {
      auto made = options_.connect(NowNs() + options_.answer_ns);
      Status status = made.ok() ? Greet(*made.value()) : Status(made.error());
      if (status.ok()) {
        const std::shared_ptr<MessageLink> link = std::move(made).value();
        {
          const std::lock_guard lock(mutex_);
          if (ending_) return;
          link_ = link;
        }
        SetState(true, "linked to the prefill process");
        ReceiveAll(*link);
        status = NotFound("the prefill process has gone");
      }
      const bool is_there = status.error().code != Code::kNotFound;
      SetState(false, is_there ? status.error().what : "waits for a prefill process");
    } catch (const std::exception& e) {  // out of memory: the next try is another one
      SetState(false, e.what());
    }
    Fail(KvMiss::kLost);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, nanoseconds(options_.retry_ns), [this] { return ending_; });
  }
}

Status PrefillClient::Greet(MessageLink& link) {
  const int64_t deadline_ns = NowNs() + options_.answer_ns;
  TERN_TRY_STATUS(
      SendKv(link, {.kind = KvMessageKind::kHello}, std::as_bytes(std::span(options_.hello)), deadline_ns));
  TERN_TRY(const MessageBytes bytes, link.Receive(deadline_ns));
  const auto message = DecodeKvMessage(bytes);
  if (!message || !message->is_whole) return BadInput("the prefill process's answer is damaged");
  if (message->head.kind == KvMessageKind::kWelcome) return {};
  return BadInput("the prefill process says: " + TextOf(message->body));
}

// Until it ends. What nobody takes is left with the other process.
void PrefillClient::ReceiveAll(MessageLink& link) {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      taken_.wait(lock, [this] { return ending_ || ready_bytes_ < options_.most_ready_bytes; });
      if (ending_) return;
    }
    const auto bytes = link.Receive(NowNs() + kReceive_ns);
    if (!bytes.ok() && bytes.error().code == Code::kDeadline) continue;
    if (!bytes.ok()) return;
    const bool goes_on = Receive(bytes.value());
    changed_.notify_all();
    if (goes_on) continue;
    Fail(KvMiss::kDamaged);
    return link.Close();
  }
}

// False: nothing that comes over this link can be believed.
bool PrefillClient::Receive(const MessageBytes& bytes) {
  const auto message = DecodeKvMessage(bytes);
  if (!message) return false;
  const std::lock_guard lock(mutex_);
  ++heard_;
  const auto found = asks_.find(message->head.ask);
  if (found == asks_.end() || found->second.is_done || found->second.miss) return true;
  Asked& asked = found->second;
  if (!message->is_whole) {
    asked.miss = KvMiss::kDamaged;
  } else if (message->head.kind == KvMessageKind::kBlock) {
    TakeBlock(asked, *message);
  } else if (message->head.kind == KvMessageKind::kRefused) {
    asked.miss = KvMiss::kRefused;
  } else if (message->head.kind == KvMessageKind::kDone) {
    asked.is_done = true;
    // It had less than was asked for: its memory is short.
    if (asked.next < asked.blocks.size()) asked.miss = KvMiss::kRefused;
  }
  return true;
}

// What memory has here already is passed over; it came all the same, where a block in front was missing.
void PrefillClient::TakeBlock(Asked& asked, const KvMessage& message) {
  const DiskId id{message.head.key, message.head.windowed};
  const auto from = asked.blocks.begin() + static_cast<ptrdiff_t>(asked.next);
  const auto at =
      std::find_if(from, asked.blocks.end(), [&](const DiskBlockInfo& info) { return info.id == id; });
  meters_->Update([&](KvLinkCounts& c) {
    ++c.blocks_in;
    c.bytes_in += message.body.size();
  });
  if (at == asked.blocks.end()) return;
  if (at != from || message.body.size() != at->bytes || message.head.place != at->place) {
    asked.miss = KvMiss::kDamaged;
    return;
  }
  ++asked.next;
  CountReady(static_cast<int64_t>(message.body.size()));
  asked.ready.push_back({.info = *at, .kv = {message.body.begin(), message.body.end()}});
}

}  // namespace tern
