#pragma once
// GivenPrefixes: KV of prompts that leaves an engine for a decode process. Whoever had a prompt computed for
// one puts a KvGift into the queue; between two steps the engine's thread sends of its blocks what the link
// has room for. A block that memory has given up meanwhile ends it: the other side computes from there.

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/kv_link_meters.h"
#include "engine/kv_message.h"
#include "engine/prefix_link.h"
#include "engine/runner.h"
#include "sched/scheduler.h"

namespace tern {

struct KvGift {
  std::shared_ptr<MessageLink> link;
  uint64_t id = 0;  // the other side's name of the ask
  KvAsk ask;        // its tokens have been computed
  int64_t deadline_ns = 0;
};

// Thread-safe.
class KvGifts {
 public:
  void Add(KvGift gift);
  void Cancel(const MessageLink* link, uint64_t id);
  bool empty() const;
  // The one that came first, or none; it stays until it is removed.
  std::shared_ptr<const KvGift> First() const;
  void Remove(const KvGift* gift);

 private:
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const KvGift>> gifts_;
};

// The engine's thread calls it. Runner and scheduler outlive it.
class GivenPrefixes : public PrefixLink {
 public:
  GivenPrefixes(std::shared_ptr<KvGifts> gifts, std::shared_ptr<KvLinkMeters> meters, std::string fingerprint,
                Runner* runner, Scheduler* scheduler);
  void BeforePlan(int64_t now_ns, bool is_idle) override;
  bool Wait(int64_t now_ns) override;
  bool has_work() const override { return !gifts_->empty(); }

 private:
  enum class Sent : uint8_t { kAll, kSome, kGone };
  Sent Send(const KvGift& gift, int64_t deadline_ns, int64_t now_ns);
  Status SendBlock(const KvGift& gift, size_t place, bool windowed, BlockId block, int64_t deadline_ns);

  const std::shared_ptr<KvGifts> gifts_;
  const std::shared_ptr<KvLinkMeters> meters_;
  const std::string fingerprint_;
  Runner* runner_;
  Scheduler* scheduler_;
  // Of the gift that is being sent:
  std::shared_ptr<const KvGift> sending_;
  size_t next_ = 0;                // its next place,
  bool next_is_windowed_ = false;  // of which the first part was sent
  BlockKey key_;                   // of the place in front
  int64_t left_ns_ = 0;
  size_t step_bytes_ = 0;  // that may still be sent before the next step
  PrefixMatch match_;      // reused
};

}  // namespace tern
