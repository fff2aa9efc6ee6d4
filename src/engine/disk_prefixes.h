#pragma once
// DiskPrefixes: the way between an engine's KV and a DiskTier. Blocks that the prefix tree begins to keep are
// written through. Of a request that is about to start, what the disk has of its tokens and the tree has not
// is fetched, if that is likely quicker than computing it, while others' steps go on; by a deadline it starts
// with what there is.
//
// What a preempted request had comes back the same way, where the tree has given it up meanwhile.
//
// Not thread-safe: the engine's thread calls it, between steps; it never waits for the disk, but in
// WaitForLoads.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/runner.h"
#include "kv/disk_tier.h"
#include "sched/scheduler.h"

namespace tern {

struct DiskPrefixCounts {
  // Tokens of requests, in whole blocks that memory did not have, that were looked for on disk; and of these,
  // that came from there in time.
  uint64_t queried_tokens = 0, hit_tokens = 0;
  uint64_t late_loads = 0;  // given up at their deadline
  DiskCounts tier{};
};

class DiskPrefixes {
 public:
  // All outlive it. `fingerprint`: KvFingerprint's.
  DiskPrefixes(std::shared_ptr<DiskTier> tier, std::string fingerprint, Runner* runner, Scheduler* scheduler);
  ~DiskPrefixes();

  void BeforePlan(int64_t now_ns);
  // What the plan gave back is written before the step writes over it.
  void BeforeStep();
  // How long it takes to compute what might be fetched.
  void AfterStep(int rows, double seconds);
  // Some of what was kept is yet to be written, or waits for room in the tier's queue.
  bool has_to_write() const { return !kept_.empty() || !scheduler_->prefixes().kept().empty(); }
  // Where nothing else is to be done: until something was read. False: nothing is being read.
  bool WaitForLoads();
  DiskPrefixCounts counts() const;

 private:
  struct Fetched;
  enum class Gone : uint8_t { kWrite, kDrop };  // with blocks that were given back since

  void WriteKept(Gone gone, size_t most_bytes);
  bool WriteOne(const KeptBlock& kept);
  void Sight(int64_t now_ns);
  bool Begin(Fetched& fetched, int64_t now_ns);
  size_t Appraise(Fetched& fetched);
  double SecondsSaved(const Fetched& fetched) const;
  bool Load(Fetched& fetched);
  bool Continue(Fetched& fetched, int64_t now_ns);
  size_t BlockBytes(bool windowed) { return runner_->kv().block_bytes(windowed); }

  std::shared_ptr<DiskTier> tier_;
  const std::string fingerprint_;
  Runner* runner_;
  Scheduler* scheduler_;
  std::deque<KeptBlock> kept_;  // to be written
  std::vector<std::unique_ptr<Fetched>> fetched_;
  double seconds_per_token_ = 0;  // of prompts, lately; 0: not known
  DiskPrefixCounts counts_;
};

}  // namespace tern
