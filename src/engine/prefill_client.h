#pragma once
// PrefillClient: a decode process's end of the link to a prefill process. A thread of its own connects, again
// and again as long as nobody is there, and receives; who asks never waits for the other process. What goes
// wrong is a miss, with its reason: the prompt is then computed here.
//
// Thread-safe.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "dist/message_link.h"
#include "engine/kv_link_meters.h"
#include "engine/kv_message.h"
#include "kv/disk_block.h"

namespace tern {

struct PrefillClientOptions {
  // To whoever makes KV, in so much time; an error where nobody does.
  std::function<Result<std::unique_ptr<MessageLink>>(int64_t deadline_ns)> connect{};
  std::string hello;                           // what KV it has use for: KvHello's
  size_t most_ready_bytes = size_t{32} << 20;  // that came and were not yet taken
  int64_t retry_ns = 200'000'000;
  int64_t answer_ns = 2'000'000'000;  // that a greeting, or a message on its way out, may take
  std::function<void(const std::string& state)> on_state{};  // it changed, in words; may be null
};

// What both processes must have in common: a fingerprint, and how large blocks are.
std::string KvHello(const std::string& fingerprint, size_t block_bytes, size_t window_block_bytes);

using AskId = uint64_t;

class PrefillClient {
 public:
  PrefillClient(PrefillClientOptions options, std::shared_ptr<KvLinkMeters> meters);
  PrefillClient(const PrefillClient&) = delete;
  PrefillClient& operator=(const PrefillClient&) = delete;
  ~PrefillClient();

  // For these blocks, in this order, which are among those of `ask`'s tokens. Nothing: why not.
  std::optional<AskId> Ask(const KvAsk& ask, std::vector<DiskBlockInfo> blocks, int64_t left_ns);
  struct Taken {
    bool is_over = false;
    std::optional<KvMiss> miss{};  // where it is over without having all
    bool is_silent = false;        // nothing at all was heard of the other process since
  };
  // What came since: appended. An ask that is over is forgotten.
  Taken Take(AskId ask, std::vector<DiskBlock>* blocks);
  // Nobody waits any more. `is_late`: a process that has been silent since is given up, until it greets anew.
  void Cancel(AskId ask, bool is_late = false);
  // Until any ask has something to take, for `most_ns` at most.
  void WaitForBlocks(int64_t most_ns);

 private:
  struct Asked {
    std::vector<DiskBlockInfo> blocks;
    size_t next = 0;  // of these, the one that comes next
    std::vector<DiskBlock> ready{};
    bool is_done = false;
    uint64_t heard = 0;  // of messages, when it was sent
    std::optional<KvMiss> miss{};
  };
  void Loop();
  Status Greet(MessageLink& link);
  void ReceiveAll(MessageLink& link);
  bool Receive(const MessageBytes& bytes);
  void TakeBlock(Asked& asked, const KvMessage& message);
  void CountReady(int64_t bytes);  // that came, or were taken
  void Fail(KvMiss miss);
  void SetState(bool is_linked, const std::string& state);

  const PrefillClientOptions options_;
  const std::shared_ptr<KvLinkMeters> meters_;
  std::string state_;         // its thread's own
  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable changed_, taken_;
  std::shared_ptr<MessageLink> link_;  // null: none
  std::map<AskId, Asked> asks_;
  AskId next_ask_ = 1;
  size_t ready_bytes_ = 0;
  uint64_t heard_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace tern
