#include "kv/disk_tier.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <new>
#include <system_error>

namespace tern {
namespace {

namespace fs = std::filesystem;
using std::chrono::nanoseconds;

constexpr std::string_view kEnding = ".kv", kWindowEnding = ".kvw", kTemporaryEnding = ".tmp";
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kForgetSpeedNs = 30 * kSecondNs;
constexpr double kNewSpeedWeight = 0.125;
constexpr uint64_t kPageBytes = 4096;  // what a file takes is whole pages
constexpr std::chrono::seconds kMostLastWriting(2);

int64_t SteadyNs() { return nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// What file systems tell the time by. Deeper blocks of a chain count as older.
int64_t UsedNow(uint32_t place) {
  const nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  return now.count() - int64_t{place} * kSecondNs;
}

size_t InQueue(const DiskBlock& block) { return block.info.bytes + kDiskBlockOverhead; }

uint64_t OnDisk(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

std::optional<DiskId> ParseName(std::string_view name) {
  for (const bool windowed : {false, true}) {
    const std::string_view ending = windowed ? kWindowEnding : kEnding;
    if (name.size() != 32 + ending.size() || !name.ends_with(ending)) continue;
    const auto key = ParseBlockKey(name.substr(0, 32));
    if (key) return DiskId{*key, windowed};
  }
  return std::nullopt;
}

Error SystemError(const std::string& path, std::string_view doing) {
  return IoError(path + ": cannot " + std::string(doing) + ": " + std::generic_category().message(errno));
}

}  // namespace

Result<std::unique_ptr<DiskTier>> DiskTier::Open(DiskTierOptions options) {
  std::unique_ptr<DiskTier> tier(new DiskTier(std::move(options)));
  TERN_TRY_STATUS(tier->OpenFolder());
  TERN_TRY_STATUS(tier->Scan());
  {
    std::unique_lock lock(tier->mutex_);
    tier->MakeRoom(lock, 0);
  }
  tier->writer_ = std::thread([raw = tier.get()] { raw->WriteLoop(); });
  tier->reader_ = std::thread([raw = tier.get()] { raw->ReadLoop(); });
  return tier;
}

DiskTier::DiskTier(DiskTierOptions options) : options_(std::move(options)) {
  counts_.most_bytes = options_.most_bytes;
}

DiskTier::~DiskTier() {
  {
    std::unique_lock lock(mutex_);
    if (writer_.joinable()) taken_.wait_for(lock, kMostLastWriting, [this] { return queued_.empty(); });
    ending_ = true;
  }
  to_write_.notify_all();
  to_read_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (reader_.joinable()) reader_.join();
  if (lock_fd_ >= 0) close(lock_fd_);
}

// What it holds are people's prompts, in a form that can be decoded: nobody else reads it.
Status DiskTier::OpenFolder() {
  const std::string& folder = options_.folder;
  std::error_code error;
  const fs::path parent = fs::path(folder).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return SystemError(folder, "make the folder");
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) return SystemError(folder, "open");
  if (!S_ISDIR(info.st_mode)) return BadInput(folder + ": not a folder");
  if (info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
    return BadInput(folder +
                    ": others than its owner may open it, expected a folder of one's own (chmod 700)");
  }
  const std::string lock = folder + "/lock";
  lock_fd_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_fd_ < 0) return SystemError(lock, "create");
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK)
    return Exhausted(folder + ": another process keeps KV there, expected a folder for each");
  return SystemError(lock, "lock");
}

// Names, sizes and times: what a file holds is looked at when it is read.
Status DiskTier::Scan() {
  std::error_code error;
  for (fs::directory_iterator at(options_.folder, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path(), name = at->path().filename();
    if (name.ends_with(kTemporaryEnding) &&
        ParseName(name.substr(0, name.size() - kTemporaryEnding.size()))) {
      unlink(path.c_str());  // of a process that was killed
      continue;
    }
    const auto id = ParseName(name);
    struct stat info {};
    if (!id || lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    Add(*id, static_cast<uint64_t>(info.st_size), info.st_mtim.tv_sec * kSecondNs + info.st_mtim.tv_nsec);
  }
  if (error) return IoError(options_.folder + ": cannot read the folder: " + error.message());
  return {};
}

std::string DiskTier::PathOf(const DiskId& id) const {
  return options_.folder + "/" + HexOf(id.key) + std::string(id.windowed ? kWindowEnding : kEnding);
}

void DiskTier::Add(const DiskId& id, uint64_t bytes, int64_t used_ns) {
  Forget(id);
  entries_[id] = {OnDisk(bytes), used_ns};
  by_use_.emplace(used_ns, id);
  counts_.bytes += OnDisk(bytes);
  ++counts_.blocks;
}

void DiskTier::Forget(const DiskId& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  by_use_.erase({found->second.used_ns, id});
  counts_.bytes -= found->second.bytes;
  --counts_.blocks;
  entries_.erase(found);
}

void DiskTier::Use(const DiskId& id, int64_t used_ns) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  by_use_.erase({found->second.used_ns, id});
  found->second.used_ns = used_ns;
  by_use_.emplace(used_ns, id);
}

std::vector<bool> DiskTier::Have(std::span<const DiskId> ids, std::span<const uint32_t> places) {
  std::vector<bool> have(ids.size());
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    have[i] = entries_.contains(ids[i]);
    if (have[i]) Use(ids[i], UsedNow(places[i]));
  }
  return have;
}

DiskTier::Want DiskTier::Wants(const DiskId& id, size_t bytes) const {
  const std::lock_guard lock(mutex_);
  if (entries_.contains(id) || queued_.contains(id)) return Want::kNo;
  return queue_bytes_ + bytes + kDiskBlockOverhead <= options_.write_queue_bytes ? Want::kYes : Want::kLater;
}

void DiskTier::Write(DiskBlock block) {
  {
    const std::lock_guard lock(mutex_);
    if (SteadyNs() < write_again_ns_ || queue_bytes_ + InQueue(block) > options_.write_queue_bytes) {
      ++counts_.dropped;
      return;
    }
    if (!queued_.insert(block.info.id).second) return;
    queue_bytes_ += InQueue(block);
    queue_.push_back(std::move(block));
  }
  to_write_.notify_one();
}

void DiskTier::CountDropped() {
  const std::lock_guard lock(mutex_);
  ++counts_.dropped;
}

void DiskTier::WriteLoop() {
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);  // steps come first
  std::unique_lock lock(mutex_);
  while (true) {
    to_write_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (ending_) return;
    const DiskBlock block = std::move(queue_.front());
    queue_.pop_front();
    WriteOne(lock, block);
    queue_bytes_ -= InQueue(block);
    queued_.erase(block.info.id);
    if (queued_.empty()) taken_.notify_all();
  }
}

void DiskTier::WriteOne(std::unique_lock<std::mutex>& lock, const DiskBlock& block) {
  if (SteadyNs() < write_again_ns_) {
    ++counts_.dropped;
    return;
  }
  lock.unlock();
  std::vector<std::byte> file;
  try {
    file = EncodeDiskBlock(block);
  } catch (const std::bad_alloc&) {  // a cache is the first that does without
  }
  lock.lock();
  const uint64_t bytes = OnDisk(file.size());
  if (file.empty() || bytes > options_.most_bytes) {
    ++counts_.dropped;
    return;
  }
  MakeRoom(lock, bytes);
  lock.unlock();
  const int64_t used_ns = UsedNow(block.info.place);
  const Status written = options_.files.write(PathOf(block.info.id), file, used_ns);
  lock.lock();
  if (!written.ok()) {
    ++counts_.dropped;
    ++counts_.write_errors;
    write_again_ns_ = SteadyNs() + options_.pause_ns;
    return;
  }
  ++counts_.written;
  Add(block.info.id, file.size(), used_ns);
}

// The least recently used go.
void DiskTier::MakeRoom(std::unique_lock<std::mutex>& lock, uint64_t bytes) {
  while (!by_use_.empty() && counts_.bytes + bytes > options_.most_bytes) {
    const DiskId id = by_use_.begin()->second;
    Forget(id);
    ++counts_.evicted;
    const std::string path = PathOf(id);
    lock.unlock();
    unlink(path.c_str());
    lock.lock();
  }
}

LoadId DiskTier::Load(std::vector<DiskBlockInfo> blocks) {
  LoadId id;
  {
    const std::lock_guard lock(mutex_);
    id = next_load_++;
    loads_[id].left.assign(std::make_move_iterator(blocks.begin()), std::make_move_iterator(blocks.end()));
  }
  to_read_.notify_one();
  return id;
}

LoadState DiskTier::Take(LoadId id, std::vector<DiskBlock>* blocks) {
  const std::lock_guard lock(mutex_);
  const auto found = loads_.find(id);
  TERN_CHECK(found != loads_.end());
  Reading& load = found->second;
  for (DiskBlock& block : load.ready) {
    ready_bytes_ -= InQueue(block);
    blocks->push_back(std::move(block));
  }
  load.ready.clear();
  to_read_.notify_one();
  const bool done = load.left.empty(), failed = load.failed;
  if (!done && !failed) return LoadState::kReads;
  loads_.erase(found);
  return failed ? LoadState::kFailed : LoadState::kDone;
}

void DiskTier::Cancel(LoadId id) {
  const std::lock_guard lock(mutex_);
  const auto found = loads_.find(id);
  if (found == loads_.end()) return;
  for (const DiskBlock& block : found->second.ready) ready_bytes_ -= InQueue(block);
  loads_.erase(found);
  to_read_.notify_one();
}

void DiskTier::WaitForLoads(int64_t most_ns) {
  std::unique_lock lock(mutex_);
  taken_.wait_for(lock, nanoseconds(most_ns), [this] {
    return std::ranges::any_of(
        loads_, [](const auto& entry) { return !entry.second.ready.empty() || entry.second.failed; });
  });
}

std::optional<double> DiskTier::SecondsToRead(size_t bytes) const {
  const std::lock_guard lock(mutex_);
  const int64_t now_ns = SteadyNs();
  // A read that takes longer than others is the best that is known of those behind it.
  const double reading_s = read_began_ns_ > 0 ? 1e-9 * static_cast<double>(now_ns - read_began_ns_) : 0;
  if (read_seconds_per_byte_ == 0 || (read_began_ns_ == 0 && now_ns - last_read_ns_ > kForgetSpeedNs)) {
    if (reading_s > 0.1) return reading_s;
    return std::nullopt;
  }
  for (const auto& [id, load] : loads_) {
    for (const DiskBlockInfo& info : load.left) bytes += info.bytes;
  }
  return reading_s + read_seconds_per_byte_ * static_cast<double>(bytes);
}

DiskCounts DiskTier::counts() const {
  const std::lock_guard lock(mutex_);
  DiskCounts counts = counts_;
  counts.queued_bytes = queue_bytes_ + ready_bytes_;
  return counts;
}

std::map<LoadId, DiskTier::Reading>::iterator DiskTier::NextReading() {
  if (ready_bytes_ >= options_.read_ahead_bytes) return loads_.end();
  return std::ranges::find_if(
      loads_, [](const auto& entry) { return !entry.second.failed && !entry.second.left.empty(); });
}

void DiskTier::ReadLoop() {
  std::unique_lock lock(mutex_);
  while (true) {
    to_read_.wait(lock, [this] { return ending_ || NextReading() != loads_.end(); });
    if (ending_) return;
    const auto next = NextReading();
    const LoadId id = next->first;
    const DiskBlockInfo info = next->second.left.front();
    const bool read = ReadOne(lock, id, info);
    const auto load = loads_.find(id);
    if (load != loads_.end()) {
      if (read) load->second.left.pop_front();
      load->second.failed = !read;
    }
    taken_.notify_all();
  }
}

std::optional<DiskBlock> DiskTier::ReadFile(const DiskBlockInfo& info, int64_t used_ns, bool* damaged) const
    try {
  const auto file = options_.files.read(PathOf(info.id), MostFileBytes(info), used_ns);
  std::optional<DiskBlock> block;
  if (file.ok()) block = DecodeDiskBlock(file.value(), info);
  *damaged = file.ok() ? !block : file.error().code == Code::kBadInput;
  return block;
} catch (const std::bad_alloc&) {
  return std::nullopt;
}

// What cannot be read, or is not as it was written, is removed, so that it can be written anew.
bool DiskTier::ReadOne(std::unique_lock<std::mutex>& lock, LoadId id, const DiskBlockInfo& info) {
  if (!entries_.contains(info.id)) return false;
  const int64_t used_ns = UsedNow(info.place), began_ns = SteadyNs();
  read_began_ns_ = began_ns;
  lock.unlock();
  bool damaged = false;
  std::optional<DiskBlock> block = ReadFile(info, used_ns, &damaged);
  if (!block) unlink(PathOf(info.id).c_str());
  lock.lock();
  last_read_ns_ = SteadyNs();
  read_began_ns_ = 0;
  const double per_byte = 1e-9 * static_cast<double>(last_read_ns_ - began_ns) /
                          static_cast<double>(std::max<size_t>(1, info.bytes));
  double& usual = read_seconds_per_byte_;
  usual = usual == 0 ? per_byte : usual + kNewSpeedWeight * (per_byte - usual);
  if (!block) {
    Forget(info.id);
    ++(damaged ? counts_.damaged : counts_.read_errors);
    return false;
  }
  Use(info.id, used_ns);
  ++counts_.read;
  const auto load = loads_.find(id);
  if (load == loads_.end()) return true;  // nobody waits for it any more
  ready_bytes_ += InQueue(*block);
  load->second.ready.push_back(std::move(*block));
  return true;
}

}  // namespace tern
