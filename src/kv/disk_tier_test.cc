#include "kv/disk_tier.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>

namespace tern {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds, std::chrono::steady_clock;

constexpr size_t kBytes = 5000;  // of a block: two pages on disk, as its numbers do not pack
constexpr uint64_t kOnDisk = 8192;
constexpr size_t kQueued = kBytes + kDiskBlockOverhead;

DiskBlock BlockOf(uint64_t number, uint32_t place = 0) {
  DiskBlock block{.info = {.id = {{number, 1}, false},
                           .parent = {number, 0},
                           .place = place,
                           .tokens = {static_cast<int32_t>(number)},
                           .bytes = kBytes}};
  uint64_t state = number;
  for (size_t i = 0; i < kBytes; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    block.kv.push_back(static_cast<std::byte>(state >> 56));
  }
  return block;
}

struct DiskTierTest : testing::Test {
  DiskTierTest() : folder(testing::TempDir() + "disk_tier_test." + std::to_string(getpid())) {
    fs::remove_all(folder);
    options.folder = folder;
  }
  ~DiskTierTest() override { fs::remove_all(folder); }

  std::unique_ptr<DiskTier> Open() {
    auto tier = DiskTier::Open(options);
    EXPECT_TRUE(tier.ok()) << tier.error().what;
    return tier.ok() ? std::move(tier).value() : nullptr;
  }
  static void WaitForQueue(const DiskTier& tier) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(10);
    while (tier.counts().queued_bytes > 0 && steady_clock::now() < deadline) usleep(500);
  }
  static void Write(DiskTier& tier, const DiskBlock& block) {
    tier.Write(block);
    WaitForQueue(tier);
  }
  // What comes of these, in their order.
  static std::vector<DiskBlock> Load(DiskTier& tier, const std::vector<uint64_t>& numbers,
                                     LoadState want = LoadState::kDone) {
    std::vector<DiskBlockInfo> infos;
    for (const uint64_t number : numbers) infos.push_back(BlockOf(number).info);
    const LoadId id = tier.Load(infos);
    std::vector<DiskBlock> blocks;
    LoadState state = LoadState::kReads;
    for (int i = 0; i < 2000 && state == LoadState::kReads; ++i) {
      tier.WaitForLoads(5'000'000);
      state = tier.Take(id, &blocks);
    }
    EXPECT_EQ(state, want);
    return blocks;
  }
  static bool Has(DiskTier& tier, uint64_t number) {
    const DiskId id = BlockOf(number).info.id;
    const uint32_t place = 0;
    return tier.Have({&id, 1}, {&place, 1})[0];
  }
  std::string PathOf(uint64_t number) const {
    return folder + "/" + HexOf(BlockOf(number).info.id.key) + ".kv";
  }

  std::string folder;
  DiskTierOptions options;
};

TEST_F(DiskTierTest, WhatIsWrittenComesBackAlsoFromTheNextProcess) {
  {
    const auto tier = Open();
    for (uint64_t i = 0; i < 5; ++i) tier->Write(BlockOf(i));
    DiskBlock windowed = BlockOf(1);
    windowed.info.id.windowed = true;
    tier->Write(windowed);
  }
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(PathOf(3)).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto tier = Open();
  EXPECT_EQ(tier->counts().blocks, 6u);
  EXPECT_EQ(tier->counts().bytes, 6 * kOnDisk);
  const auto blocks = Load(*tier, {0, 1, 2, 3, 4});
  ASSERT_EQ(blocks.size(), 5u);
  for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(blocks[i].kv, BlockOf(i).kv);
  EXPECT_EQ(tier->counts().read, 5u);
  EXPECT_EQ(tier->counts().queued_bytes, 0u);
  EXPECT_EQ(tier->Wants(BlockOf(1).info.id, kBytes), DiskTier::Want::kNo);
  EXPECT_EQ(tier->Wants(BlockOf(9).info.id, kBytes), DiskTier::Want::kYes);
}

TEST_F(DiskTierTest, ADamagedFileIsAMissAndGone) {
  const auto tier = Open();
  for (uint64_t i = 0; i < 4; ++i) Write(*tier, BlockOf(i));
  std::fstream(PathOf(1), std::ios::in | std::ios::out | std::ios::binary).seekp(3000).put('x').put('y');
  fs::resize_file(PathOf(2), 100);
  fs::resize_file(PathOf(3), 1 << 20);
  for (uint64_t i = 1; i < 4; ++i) {
    const auto blocks = Load(*tier, {0, i, 0}, LoadState::kFailed);
    EXPECT_EQ(blocks.size(), 1u);  // what is in front of it
    EXPECT_FALSE(Has(*tier, i));
    EXPECT_FALSE(fs::exists(PathOf(i)));
    EXPECT_EQ(tier->counts().damaged, i);
  }
  EXPECT_EQ(tier->counts().read_errors, 0u);
  Write(*tier, BlockOf(1));
  EXPECT_EQ(Load(*tier, {1}).size(), 1u);
  fs::remove(PathOf(1));
  EXPECT_TRUE(Load(*tier, {1}, LoadState::kFailed).empty());
  EXPECT_EQ(tier->counts().read_errors, 1u);
  EXPECT_EQ(tier->counts().bytes, kOnDisk);
}

TEST_F(DiskTierTest, TheLeastRecentlyUsedGiveWayAndChainsFromTheirEnd) {
  options.most_bytes = 4 * kOnDisk + 100;
  auto tier = Open();
  for (uint64_t i = 0; i < 4; ++i) Write(*tier, BlockOf(i, static_cast<uint32_t>(i)));
  Write(*tier, BlockOf(10));
  EXPECT_FALSE(Has(*tier, 3));  // the end of the chain
  EXPECT_EQ(tier->counts().evicted, 1u);
  EXPECT_EQ(tier->counts().bytes, 4 * kOnDisk);
  const DiskId second = BlockOf(2).info.id;
  const uint32_t place = 0;
  (void)tier->Have({&second, 1}, {&place, 1});
  Write(*tier, BlockOf(11));
  EXPECT_TRUE(Has(*tier, 0) && Has(*tier, 2) && !Has(*tier, 1));
  tier.reset();
  options.most_bytes = 2 * kOnDisk;
  tier = Open();  // its files' times say what was used last
  EXPECT_EQ(tier->counts().blocks, 2u);
  EXPECT_TRUE(Has(*tier, 10) && Has(*tier, 11));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 3);  // and the lock
}

TEST_F(DiskTierTest, WhatOthersPutThereStaysAndWhatAKilledProcessLeftGoes) {
  options.most_bytes = kOnDisk;
  Open();
  std::ofstream(folder + "/notes.txt") << "mine";
  std::ofstream(PathOf(1) + ".tmp") << "half";
  const auto tier = Open();
  Write(*tier, BlockOf(2));
  Write(*tier, BlockOf(3));
  EXPECT_TRUE(fs::exists(folder + "/notes.txt"));
  EXPECT_FALSE(fs::exists(PathOf(1) + ".tmp"));
  EXPECT_EQ(tier->counts().blocks, 1u);
}

TEST_F(DiskTierTest, AFolderIsOneProcessesAndItsOwners) {
  const auto tier = Open();
  const auto again = DiskTier::Open(options);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().what, folder + ": another process keeps KV there, expected a folder for each");
  const std::string open_folder = folder + "/open";
  mkdir(open_folder.c_str(), 0755);
  options.folder = open_folder;
  const auto open = DiskTier::Open(options);
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.error().what,
            open_folder + ": others than its owner may open it, expected a folder of one's own (chmod 700)");
  options.folder = PathOf(1) + "/x/y";
  std::ofstream(PathOf(1)) << "a file";
  EXPECT_FALSE(DiskTier::Open(options).ok());
}

TEST_F(DiskTierTest, ADiskThatTakesNothingIsLeftAloneForAWhile) {
  std::atomic<int> tried = 0;
  std::atomic<bool> is_full = true;
  const DiskFiles real = RealDiskFiles();
  options.pause_ns = 50'000'000;
  options.files.write = [&](const std::string& path, std::span<const std::byte> bytes,
                            int64_t used_ns) -> Status {
    ++tried;
    if (is_full) return IoError(path + ": cannot write: no space left on device");
    return real.write(path, bytes, used_ns);
  };
  const auto tier = Open();
  for (uint64_t i = 0; i < 5; ++i) Write(*tier, BlockOf(i));
  EXPECT_EQ(tried, 1);
  EXPECT_EQ(tier->counts().write_errors, 1u);
  EXPECT_EQ(tier->counts().dropped, 5u);
  is_full = false;
  usleep(60'000);
  Write(*tier, BlockOf(7));
  EXPECT_EQ(tier->counts().written, 1u);
  EXPECT_EQ(Load(*tier, {7}).size(), 1u);
}

TEST_F(DiskTierTest, AFileThatMayNotGrowLeavesNothing) {
  const auto tier = Open();
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 1000, .rlim_max = old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Write(*tier, BlockOf(1));
  setrlimit(RLIMIT_FSIZE, &old);
  signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(tier->counts().write_errors, 1u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);  // the lock
}

TEST_F(DiskTierTest, TheWriteQueueIsBounded) {
  std::promise<void> go;
  const auto gone = go.get_future().share();
  const DiskFiles real = RealDiskFiles();
  options.write_queue_bytes = 3 * kQueued;
  options.files.write = [&](const std::string& path, std::span<const std::byte> bytes, int64_t used_ns) {
    gone.wait();
    return real.write(path, bytes, used_ns);
  };
  const auto tier = Open();
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(tier->Wants(BlockOf(i).info.id, kBytes), DiskTier::Want::kYes);
    tier->Write(BlockOf(i));
    EXPECT_EQ(tier->Wants(BlockOf(i).info.id, kBytes), DiskTier::Want::kNo);
  }
  EXPECT_EQ(tier->Wants(BlockOf(3).info.id, kBytes), DiskTier::Want::kLater);
  tier->Write(BlockOf(3));
  EXPECT_EQ(tier->counts().queued_bytes, 3 * kQueued);
  EXPECT_EQ(tier->counts().dropped, 1u);
  go.set_value();
  WaitForQueue(*tier);
  EXPECT_EQ(tier->counts().written, 3u);
}

TEST_F(DiskTierTest, ReadingWaitsUntilWhatWasReadIsTaken) {
  options.read_ahead_bytes = 2 * kQueued;
  const auto tier = Open();
  std::vector<DiskBlockInfo> infos;
  for (uint64_t i = 0; i < 6; ++i) {
    Write(*tier, BlockOf(i));
    infos.push_back(BlockOf(i).info);
  }
  const LoadId load = tier->Load(infos), other = tier->Load(infos);
  usleep(20'000);
  EXPECT_EQ(tier->counts().queued_bytes, 2 * kQueued);
  std::vector<DiskBlock> blocks;
  EXPECT_EQ(tier->Take(load, &blocks), LoadState::kReads);
  EXPECT_EQ(blocks.size(), 2u);
  tier->Cancel(load);
  for (int i = 0; i < 1000 && tier->Take(other, &blocks) == LoadState::kReads; ++i)
    tier->WaitForLoads(5'000'000);
  EXPECT_EQ(blocks.size(), 8u);
  EXPECT_EQ(tier->counts().queued_bytes, 0u);
  tier->Cancel(other);  // is gone already
}

TEST_F(DiskTierTest, ASlowDiskIsKnownToBeSlow) {
  const DiskFiles real = RealDiskFiles();
  std::atomic<int> slow_ms = 0;
  options.files.read = [&](const std::string& path, size_t most, int64_t used_ns) {
    std::this_thread::sleep_for(milliseconds(slow_ms));
    return real.read(path, most, used_ns);
  };
  const auto tier = Open();
  Write(*tier, BlockOf(1));
  EXPECT_FALSE(tier->SecondsToRead(kBytes));
  slow_ms = 20;
  Load(*tier, {1});
  EXPECT_GE(tier->SecondsToRead(3 * kBytes).value(), 0.059);
  slow_ms = 300;
  const LoadId load = tier->Load({BlockOf(1).info});
  usleep(200'000);
  EXPECT_GE(tier->SecondsToRead(0).value(), 0.15);  // it is at this one for that long
  tier->Cancel(load);
}

}  // namespace
}  // namespace tern
