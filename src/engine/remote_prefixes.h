#pragma once
// RemotePrefixes: KV of prompts that a prefill process computes. Of a request that is about to start, what
// memory lacks of its prompt's whole blocks is asked for there; while it comes, others' steps go on, and then
// the request starts behind it. Whatever goes wrong, or takes too long, the prompt is computed here.
//
// Not thread-safe: the engine's thread calls it, between steps.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/prefill_client.h"
#include "engine/prefix_link.h"
#include "engine/runner.h"
#include "sched/scheduler.h"

namespace tern {

// How long a prompt is waited for: `patience` times as long as others took, and the least beside that.
struct RemoteWaits {
  double patience = 4, least_s = 1, most_s = 60;
  double usual_s = 20;  // where none came yet
  double silent_s = 2;  // after an ask, without any word
};

class RemotePrefixes : public PrefixLink {
 public:
  // `fingerprint`: KvFingerprint's. Runner and scheduler outlive it.
  RemotePrefixes(std::shared_ptr<PrefillClient> client, std::shared_ptr<KvLinkMeters> meters,
                 std::string fingerprint, Runner* runner, Scheduler* scheduler, RemoteWaits waits = {});
  ~RemotePrefixes() override;

  void BeforePlan(int64_t now_ns, bool is_idle) override;
  bool Wait(int64_t now_ns) override;

 private:
  struct Fetched;
  void Sight(int64_t now_ns);
  bool Begin(Fetched& fetched, int64_t now_ns);
  bool Send(Fetched& fetched, int64_t now_ns);
  bool Continue(Fetched& fetched, int64_t now_ns);
  void End(const Fetched& fetched, int64_t now_ns);
  size_t KnownPlaces(const Fetched& fetched, std::vector<PlaceParts>* memory) const;
  int64_t MostWaitNs(size_t tokens) const;

  const std::shared_ptr<PrefillClient> client_;
  const std::shared_ptr<KvLinkMeters> meters_;
  const std::string fingerprint_;
  const RemoteWaits waits_;
  Runner* runner_;
  Scheduler* scheduler_;
  std::vector<std::unique_ptr<Fetched>> fetched_;
  double seconds_per_token_ = 0;  // from asking to the last block, lately; 0: not known
};

}  // namespace tern
