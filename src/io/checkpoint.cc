#include "io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/file.h"
#include "io/gguf.h"

namespace tern {
namespace {

constexpr int64_t kMaxShards = 99999;  // what the file names can count

class GgufCheckpoint final : public Checkpoint {
 public:
  GgufCheckpoint(std::string path, std::vector<MappedFile> files, GgufFile content)
      : path_(std::move(path)), files_(std::move(files)), content_(std::move(content)) {
    for (const MappedFile& file : files_) file_bytes_ += file.bytes().size();
  }
  const Metadata& metadata() const override { return content_.metadata; }
  std::span<const std::pair<std::string, Tensor>> tensors() const override { return content_.tensors; }
  const Tensor* Find(std::string_view name) const override {
    const auto& order = content_.by_name;
    const auto found =
        std::lower_bound(order.begin(), order.end(), name,
                         [&](uint32_t i, std::string_view key) { return content_.tensors[i].first < key; });
    if (found == order.end() || content_.tensors[*found].first != name) return nullptr;
    return &content_.tensors[*found].second;
  }
  size_t file_bytes() const override { return file_bytes_; }
  std::string_view path() const override { return path_; }
  std::span<const MappedFile> files() const override { return files_; }

 private:
  std::string path_;
  std::vector<MappedFile> files_;
  GgufFile content_;
  size_t file_bytes_ = 0;
};

// What the split.* keys of one file say; a file that is not split is 0 of 1.
struct Split {
  int64_t no = 0;
  int64_t count = 1;
  int64_t tensors = -1;  // in all shards together; -1: not said
};

Result<Split> ReadSplit(const Metadata& metadata) {
  Split split;
  TERN_TRY(split.count, metadata.Int("split.count", 1));
  TERN_TRY(split.no, metadata.Int("split.no", 0));
  TERN_TRY(split.tensors, metadata.Int("split.tensors.count", -1));
  if (split.count == 0) split.count = 1;  // some writers: not split
  if (split.count < 1 || split.count > kMaxShards) {
    return BadInput(fmt::format("split.count: {}, expected 1 to {}", split.count, kMaxShards));
  }
  if (split.no < 0 || split.no >= split.count) {
    return BadInput(fmt::format("split.no: {}, expected 0 to {}", split.no, split.count - 1));
  }
  if (split.tensors < 0 && metadata.Has("split.tensors.count")) {
    return BadInput(fmt::format("split.tensors.count: {}, expected at least 0", split.tensors));
  }
  return split;
}

// The split of one file, with its path in front of an error.
Result<Split> SplitOf(const Metadata& metadata, const std::string& path) {
  auto split = ReadSplit(metadata);
  if (!split.ok()) return BadInput(fmt::format("{}: {}", path, split.error().what));
  return split;
}

std::string ShardSuffix(int64_t no, int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", no + 1, count);
}

Status CheckTensorTotal(const std::string& path, const Split& split, size_t tensors) {
  if (split.tensors < 0 || static_cast<uint64_t>(split.tensors) == tensors) return {};
  return BadInput(fmt::format("{}: split.tensors.count: {}, but the {} shards hold {} tensors", path,
                              split.tensors, split.count, tensors));
}

// What a later shard says must agree with the first.
Status CheckAgrees(const std::string& path, const Split& shard, const Split& first, int64_t expected_no) {
  if (shard.count != first.count) {
    return BadInput(
        fmt::format("{}: split.count: {}, the first shard says {}", path, shard.count, first.count));
  }
  if (shard.no != expected_no) {
    return BadInput(fmt::format("{}: split.no: {}, expected {} by its name", path, shard.no, expected_no));
  }
  if (shard.tensors != first.tensors) {
    return BadInput(fmt::format("{}: split.tensors.count: {}, the first shard says {}", path, shard.tensors,
                                first.tensors));
  }
  return {};
}

struct Loading {
  Isolation isolation;
  std::vector<MappedFile> files{};
  GgufFile content{};
};

Status AddShard(const std::string& path, const Split& first, int64_t no, Loading* loading) {
  auto opened = MappedFile::Open(path);
  if (!opened.ok()) {
    return Error{opened.error().code,
                 fmt::format("{} (shard {} of {})", opened.error().what, no + 1, first.count)};
  }
  TERN_TRY(GgufFile shard, ReadGguf(opened.value().bytes(), path, loading->isolation));
  TERN_TRY(const Split split, SplitOf(shard.metadata, path));
  TERN_TRY_STATUS(CheckAgrees(path, split, first, no));
  const MetaValue* mine = shard.metadata.Find("general.architecture");
  const MetaValue* theirs = loading->content.metadata.Find("general.architecture");
  if (mine != nullptr && theirs != nullptr && *mine != *theirs) {
    return BadInput(path + ": general.architecture: differs from that of the first shard");
  }
  loading->files.push_back(std::move(opened).value());
  std::move(shard.tensors.begin(), shard.tensors.end(), std::back_inserter(loading->content.tensors));
  return {};
}

Status AddOtherShards(const std::string& path, const Split& first, Loading* loading) {
  const std::string suffix = ShardSuffix(first.no, first.count);
  if (!path.ends_with(suffix)) {
    return BadInput(fmt::format("{}: split.no {} of split.count {}: expected a file name that ends in {}",
                                path, first.no, first.count, suffix));
  }
  const std::string stem = path.substr(0, path.size() - suffix.size());
  if (first.no != 0) {
    return BadInput(fmt::format("{}: is shard {} of {}, expected the first: {}{}", path, first.no + 1,
                                first.count, stem, ShardSuffix(0, first.count)));
  }
  for (int64_t no = 1; no < first.count; ++no) {
    TERN_TRY_STATUS(AddShard(stem + ShardSuffix(no, first.count), first, no, loading));
  }
  auto by_name = SortByName(loading->content.tensors);
  if (!by_name.ok()) return BadInput(fmt::format("{}: in its shards, {}", path, by_name.error().what));
  loading->content.by_name = std::move(by_name).value();
  return {};
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::string& path, Isolation isolation) {
  TERN_TRY(MappedFile file, MappedFile::Open(path));
  Loading loading{.isolation = isolation};
  TERN_TRY(loading.content, ReadGguf(file.bytes(), path, isolation));
  loading.files.push_back(std::move(file));
  TERN_TRY(const Split split, SplitOf(loading.content.metadata, path));
  if (split.count > 1) TERN_TRY_STATUS(AddOtherShards(path, split, &loading));
  TERN_TRY_STATUS(CheckTensorTotal(path, split, loading.content.tensors.size()));
  return std::unique_ptr<Checkpoint>(
      std::make_unique<GgufCheckpoint>(path, std::move(loading.files), std::move(loading.content)));
}

}  // namespace tern
