#include "base/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tern {
namespace {

// A folder that stands for /.
class Cgroup : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    root_ = std::filesystem::temp_directory_path() /
            ("tern-cgroup-" + std::to_string(getpid()) + "-" + info->name());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const auto file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  CgroupLimits Read() { return ReadCgroupLimits(root_.string()); }

  std::filesystem::path root_;
};

TEST_F(Cgroup, NoneMeansNoLimit) {
  EXPECT_EQ(Read().memory_bytes, 0u);
  EXPECT_EQ(Read().cpus, 0);
}

TEST_F(Cgroup, TheTightestOfTheGroupsAroundCounts) {
  Write("proc/self/cgroup", "0::/kubepods/pod/box");
  Write("sys/fs/cgroup/kubepods/pod/box/memory.max", "max");
  Write("sys/fs/cgroup/kubepods/pod/memory.max", "3000000");
  Write("sys/fs/cgroup/kubepods/memory.max", "9000000");
  Write("sys/fs/cgroup/kubepods/pod/box/cpu.max", "max 100000");
  Write("sys/fs/cgroup/kubepods/cpu.max", "150000 100000");
  EXPECT_EQ(Read().memory_bytes, 3000000u);
  EXPECT_EQ(Read().cpus, 1.5);
}

TEST_F(Cgroup, AContainerSeesItsOwnGroupAsTheRoot) {
  Write("proc/self/cgroup", "0::/");
  Write("sys/fs/cgroup/memory.max", "5000000");
  EXPECT_EQ(Read().memory_bytes, 5000000u);
}

TEST_F(Cgroup, VersionOneHasAGroupPerController) {
  Write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/b/c\n0::/");
  Write("sys/fs/cgroup/memory/b/c/memory.limit_in_bytes", "7000000");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  Write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1");
  Write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(Read().memory_bytes, 7000000u);
  EXPECT_EQ(Read().cpus, 4);
}

TEST_F(Cgroup, AGroupNamedAsTheHostSeesItLeavesTheMount) {
  Write("proc/self/cgroup", "4:memory:/docker/0123");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "8000000");
  EXPECT_EQ(Read().memory_bytes, 8000000u);
}

TEST_F(Cgroup, NoneAllowsMoreThanTheMachineHas) {
  const size_t machine =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  EXPECT_GT(UsableMemory(), 0u);
  EXPECT_LE(UsableMemory(), machine);
}

}  // namespace
}  // namespace tern
