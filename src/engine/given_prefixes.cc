#include "engine/given_prefixes.h"

#include <algorithm>
#include <utility>

namespace tern {
namespace {

constexpr size_t kStepBytes = size_t{8} << 20;  // sent between two steps, where requests wait for the next
constexpr int64_t kIdleWait_ns = 5'000'000;     // for room, where nobody does

}  // namespace

void KvGifts::Add(KvGift gift) {
  const std::lock_guard lock(mutex_);
  gifts_.push_back(std::make_shared<const KvGift>(std::move(gift)));
}

void KvGifts::Cancel(const MessageLink* link, uint64_t id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(gifts_, [&](const auto& gift) { return gift->link.get() == link && gift->id == id; });
}

bool KvGifts::empty() const {
  const std::lock_guard lock(mutex_);
  return gifts_.empty();
}

std::shared_ptr<const KvGift> KvGifts::First() const {
  const std::lock_guard lock(mutex_);
  return gifts_.empty() ? nullptr : gifts_.front();
}

void KvGifts::Remove(const KvGift* gift) {
  const std::lock_guard lock(mutex_);
  std::erase_if(gifts_, [&](const auto& each) { return each.get() == gift; });
}

GivenPrefixes::GivenPrefixes(std::shared_ptr<KvGifts> gifts, std::shared_ptr<KvLinkMeters> meters,
                             std::string fingerprint, Runner* runner, Scheduler* scheduler)
    : gifts_(std::move(gifts)),
      meters_(std::move(meters)),
      fingerprint_(std::move(fingerprint)),
      runner_(runner),
      scheduler_(scheduler) {}

void GivenPrefixes::BeforePlan(int64_t now_ns, bool is_idle) {
  step_bytes_ = kStepBytes;
  while (const auto gift = gifts_->First()) {
    if (sending_ != gift) {
      sending_ = gift;
      next_ = gift->ask.first;
      next_is_windowed_ = false;
      key_ = RootKey(fingerprint_, gift->ask.scope);
      for (size_t i = 0; i < next_; ++i) {
        key_ = NextKey(key_, std::span(gift->ask.tokens).subspan(i * kKvBlockTokens, kKvBlockTokens));
      }
    }
    const Sent sent =
        now_ns >= gift->deadline_ns ? Sent::kGone : Send(*gift, is_idle ? now_ns + kIdleWait_ns : 0, now_ns);
    if (sent == Sent::kSome) return;
    sending_ = nullptr;
    gifts_->Remove(gift.get());
  }
}

bool GivenPrefixes::Wait(int64_t now_ns) {
  if (gifts_->empty()) return false;
  BeforePlan(now_ns, true);
  return true;
}

Status GivenPrefixes::SendBlock(const KvGift& gift, size_t place, bool windowed, BlockId block,
                                int64_t deadline_ns) {
  const std::span<const std::byte> kv = runner_->kv().Block(block, windowed);
  if (kv.size() > step_bytes_ && step_bytes_ < kStepBytes) {
    return Error{Code::kDeadline, "kv link: enough for one step"};
  }
  TERN_TRY_STATUS(SendKv(*gift.link,
                         {.kind = KvMessageKind::kBlock,
                          .ask = gift.id,
                          .left_ns = left_ns_,
                          .key = key_,
                          .place = static_cast<uint32_t>(place),
                          .windowed = windowed},
                         kv, deadline_ns));
  step_bytes_ -= std::min(step_bytes_, kv.size());
  meters_->Update([&](KvLinkCounts& c) {
    ++c.blocks_out;
    c.bytes_out += kv.size();
  });
  return {};
}

// In the order of places, all layers' part of each first.
GivenPrefixes::Sent GivenPrefixes::Send(const KvGift& gift, int64_t deadline_ns, int64_t now_ns) {
  left_ns_ = gift.deadline_ns - now_ns;
  scheduler_->prefixes().Match(gift.ask.scope, gift.ask.tokens, &match_);
  Status status;
  while (status.ok() && next_ < match_.blocks.size()) {
    const size_t i = next_;
    if (!next_is_windowed_) {
      const BlockKey front = key_;
      key_ = NextKey(key_, std::span(gift.ask.tokens).subspan(i * kKvBlockTokens, kKvBlockTokens));
      status = SendBlock(gift, i, false, match_.blocks[i].id, deadline_ns);
      if (!status.ok()) key_ = front;
    }
    const bool has_window = i >= match_.first_window && !match_.window_blocks.empty();
    if (status.ok() && has_window) {
      next_is_windowed_ = true;
      status = SendBlock(gift, i, true, match_.window_blocks[i - match_.first_window].id, deadline_ns);
    }
    if (!status.ok()) break;
    next_is_windowed_ = false;
    ++next_;
  }
  scheduler_->prefixes().Release(match_);
  if (status.ok()) {
    status = SendKv(*gift.link, {.kind = KvMessageKind::kDone, .ask = gift.id}, {}, deadline_ns);
  }
  if (status.ok()) return Sent::kAll;
  if (status.error().code == Code::kDeadline) return Sent::kSome;
  gift.link->Close();  // who waits is told at once
  return Sent::kGone;
}

}  // namespace tern
