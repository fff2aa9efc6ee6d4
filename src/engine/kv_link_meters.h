#pragma once
// KvLinkMeters: what goes over the link between a prefill and a decode process, counted. From any thread.

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace tern {

// Why a decode process computed a prompt itself.
enum class KvMiss : uint8_t {
  kUnlinked,  // there is no prefill process, or it makes other KV
  kRefused,   // it would not: too many wait there, or the prompt does not fit
  kLate,      // it took too long
  kDamaged,   // what came was not what was sent
  kLost,      // it went away meanwhile
  kNoRoom,    // KV that came found no room
};
constexpr std::array<std::string_view, 6> kKvMissNames = {"unlinked", "refused", "late",
                                                          "damaged",  "lost",    "no_room"};

struct KvLinkCounts {
  bool is_linked = false;
  std::string state = "waits for the other process";  // in words
  size_t memory_bytes = 0;                            // of rings and queues, now
  // So far.
  uint64_t links = 0;
  uint64_t blocks_in = 0, bytes_in = 0, blocks_out = 0, bytes_out = 0;
  uint64_t asks = 0;
  uint64_t asked_tokens = 0, hit_tokens = 0;  // in whole blocks that memory did not have
  std::array<uint64_t, kKvMissNames.size()> misses{};
  double waited_s = 0;  // of all requests together
};

class KvLinkMeters {
 public:
  template <class Change>
  void Update(Change change) {
    const std::lock_guard lock(mutex_);
    change(counts_);
  }
  void CountMiss(KvMiss miss) {
    Update([&](KvLinkCounts& c) { ++c.misses[static_cast<size_t>(miss)]; });
  }
  KvLinkCounts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  KvLinkCounts counts_;
};

}  // namespace tern
