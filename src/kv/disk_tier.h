#pragma once
// DiskTier: KV blocks in a folder, by what they hold: what memory has no room for, and what a restart or a
// crash would lose. A cache in every respect: what is damaged, or cannot be read, is not there; what cannot
// be written is counted and left out. No error of the disk reaches who asks.
//
// One thread writes, one reads. Who asks never waits for the disk: writes go through a queue that is bounded
// in bytes, and what was read waits to be taken, bounded as well. A file is written beside its place and
// renamed, so that it is there as a whole or not at all; it is not synced: its checksum tells what a power
// failure left of it.
//
// All files of the folder count against a cap in bytes, whoever's they are; beyond it the least recently used
// go. A chain is of use from its beginning on: each block counts as a second older than the one before it.
//
// Thread-safe. A folder belongs to one process at a time; several engines may share a tier.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "kv/disk_block.h"

namespace tern {

// How files are written and read; tests put errors and delays here.
struct DiskFiles {
  // Whole, or an error and nothing; last used at `used_ns`, on the system's clock.
  std::function<Status(const std::string& path, std::span<const std::byte> bytes, int64_t used_ns)> write;
  // All of it: at most so many bytes, or an error (kNotFound: there is none).
  std::function<Result<std::vector<std::byte>>(const std::string& path, size_t most_bytes, int64_t used_ns)>
      read;
};
DiskFiles RealDiskFiles();

struct DiskTierOptions {
  std::string folder;  // made if need be, for its owner alone
  uint64_t most_bytes = uint64_t{4} << 30;
  size_t write_queue_bytes = size_t{64} << 20;
  size_t read_ahead_bytes = size_t{32} << 20;  // read, and not yet taken
  int64_t pause_ns = 5'000'000'000;            // without writing, after an error
  DiskFiles files = RealDiskFiles();
};

// What a block counts for in a queue, beside its KV.
constexpr size_t kDiskBlockOverhead = 512;

struct DiskCounts {
  uint64_t bytes = 0, blocks = 0;  // on disk now
  uint64_t most_bytes = 0;
  size_t queued_bytes = 0;  // of memory: to be written, and read but not yet taken
  // So far, in blocks.
  uint64_t written = 0, read = 0, evicted = 0;
  uint64_t dropped = 0;  // not written: the queue was full, or the disk did not take it
  uint64_t damaged = 0;  // found to be other than they were written
  uint64_t read_errors = 0, write_errors = 0;
};

// How far a load has got.
enum class LoadState : uint8_t { kReads, kDone, kFailed };
using LoadId = uint64_t;

class DiskTier {
 public:
  // Errors: a folder that cannot be made or written to, that others may read, or that another process has.
  static Result<std::unique_ptr<DiskTier>> Open(DiskTierOptions options);
  DiskTier(const DiskTier&) = delete;
  DiskTier& operator=(const DiskTier&) = delete;
  ~DiskTier();  // writes what is queued, for two seconds at most

  // Which of these it has; they count as used now. Places are those of their chain.
  std::vector<bool> Have(std::span<const DiskId> ids, std::span<const uint32_t> places);
  // Whether Write would take a block of so many bytes now: it lacks it, and there is room.
  enum class Want : uint8_t { kNo, kYes, kLater };
  Want Wants(const DiskId& id, size_t bytes) const;
  void Write(DiskBlock block);
  void CountDropped();  // of a block that Wants said kLater of, and that is gone

  // Reads these, in this order, up to the first that is not there after all.
  LoadId Load(std::vector<DiskBlockInfo> blocks);
  // What was read since: appended. After kDone and kFailed the load is forgotten.
  LoadState Take(LoadId load, std::vector<DiskBlock>* blocks);
  void Cancel(LoadId load);
  // Until any load has something to take, for `most_ns` at most.
  void WaitForLoads(int64_t most_ns);
  // How long reading so many bytes will likely take, behind what is to be read before; nothing: not known.
  std::optional<double> SecondsToRead(size_t bytes) const;

  DiskCounts counts() const;

 private:
  struct Entry {
    uint64_t bytes = 0;
    int64_t used_ns = 0;
  };
  struct Reading {
    std::deque<DiskBlockInfo> left;
    std::vector<DiskBlock> ready;
    bool failed = false;
  };
  explicit DiskTier(DiskTierOptions options);
  Status OpenFolder();
  Status Scan();
  std::string PathOf(const DiskId& id) const;
  void WriteLoop();
  void ReadLoop();
  void WriteOne(std::unique_lock<std::mutex>& lock, const DiskBlock& block);
  std::optional<DiskBlock> ReadFile(const DiskBlockInfo& info, int64_t used_ns, bool* damaged) const;
  void MakeRoom(std::unique_lock<std::mutex>& lock, uint64_t bytes);
  bool ReadOne(std::unique_lock<std::mutex>& lock, LoadId id, const DiskBlockInfo& info);
  void Add(const DiskId& id, uint64_t bytes, int64_t used_ns);
  void Forget(const DiskId& id);
  void Use(const DiskId& id, int64_t used_ns);
  std::map<LoadId, Reading>::iterator NextReading();

  const DiskTierOptions options_;
  int lock_fd_ = -1;
  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable to_write_, to_read_, taken_;
  std::map<DiskId, Entry> entries_;
  std::set<std::pair<int64_t, DiskId>> by_use_;
  std::deque<DiskBlock> queue_;
  std::set<DiskId> queued_;  // and the one that is being written
  size_t queue_bytes_ = 0, ready_bytes_ = 0;
  std::map<LoadId, Reading> loads_;
  LoadId next_load_ = 1;
  double read_seconds_per_byte_ = 0;              // lately; 0: not known
  int64_t read_began_ns_ = 0, last_read_ns_ = 0;  // steady; 0: none
  int64_t write_again_ns_ = 0;                    // steady
  bool ending_ = false;
  DiskCounts counts_;
  std::thread writer_, reader_;
};

}  // namespace tern
