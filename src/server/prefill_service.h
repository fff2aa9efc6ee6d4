#pragma once
// PrefillService: a prefill process's end of the link. A thread of its own lets one decode process in at a
// time, has the engine compute the prompts that it asks for, as ordinary requests of one token, and leaves
// their blocks to GivenPrefixes. When the link ends, what was asked for over it is cancelled.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "dist/message_link.h"
#include "engine/given_prefixes.h"
#include "engine/kv_link_meters.h"
#include "server/engine_host.h"

namespace tern {

struct PrefillServiceOptions {
  std::shared_ptr<LinkListener> listener{};
  std::string hello;  // what KV it makes: KvHello's
  std::shared_ptr<KvGifts> gifts{};
  std::shared_ptr<KvLinkMeters> meters{};
  size_t link_bytes = 0;                                     // of memory that a link takes
  std::function<void(const std::string& state)> on_state{};  // it changed, in words; may be null
};

class PrefillService {
 public:
  // `host` outlives it.
  PrefillService(PrefillServiceOptions options, EngineHost* host);
  PrefillService(const PrefillService&) = delete;
  PrefillService& operator=(const PrefillService&) = delete;
  ~PrefillService();

 private:
  // Of one link; the engine's callbacks hold it, too.
  struct Linked {
    std::shared_ptr<MessageLink> link;
    std::mutex mutex;  // of what follows
    std::map<uint64_t, TicketId> asks{};
  };
  void Loop();
  Status Greet(MessageLink& link) const;
  void Serve(const std::shared_ptr<MessageLink>& link);
  bool Handle(const std::shared_ptr<Linked>& linked, const MessageBytes& bytes);
  void Compute(const std::shared_ptr<Linked>& linked, uint64_t id, KvAsk ask, int64_t left_ns);
  void SetState(bool is_linked, const std::string& state);

  const PrefillServiceOptions options_;
  EngineHost* const host_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace tern
