#include "backends/cpu/packed_file.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <type_traits>

namespace tern {
namespace {

constexpr std::string_view kSuffix = ".tern-cache";
constexpr char kMagic[8] = {'T', 'E', 'R', 'N', 'P', 'A', 'C', 'K'};
constexpr uint32_t kByteOrder = 0x01020304;
constexpr uint32_t kVersion = 1;
// A file that was written to so lately could be written to again without its stamp telling.
constexpr int64_t kSettledNs = 2'000'000'000;
constexpr size_t kWriteBytes = size_t{8} << 20;

struct Header {
  char magic[8];
  uint32_t byte_order;
  uint32_t version;
  uint64_t bytes;      // of the panels
  Hash128 plan;        // which weights, how packed, by which build, for which ISA
  Hash128 stamps;      // of the sources
  Hash128 sources;     // the sources' contents
  Hash128 panels;      // what follows the header
  char model[3968];    // the path of the first source, for RemoveOrphans
  uint8_t unused[24];  // zero
  Hash128 check;       // all of the above
};
static_assert(sizeof(Header) == kPackedAlignment && std::is_trivially_copyable_v<Header>);

Hash128 CheckOf(const Header& header) {
  return HashBytes(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, check)));
}

Hash128 StampsOf(std::span<const MappedFile> sources) {
  std::string text;
  for (const MappedFile& file : sources) {
    const FileStamp& s = file.stamp();
    for (const auto number : {s.device, s.inode, s.bytes, static_cast<uint64_t>(s.modified_ns),
                              static_cast<uint64_t>(s.changed_ns)}) {
      text += std::to_string(number) + " ";
    }
  }
  return HashBytes(std::as_bytes(std::span(text)));
}

Hash128 ContentsOf(std::span<const MappedFile> sources, Team* team) {
  std::vector<Hash128> hashes;
  for (const MappedFile& file : sources) hashes.push_back(HashChunks(file.bytes(), team));
  return HashBytes(std::as_bytes(std::span(hashes)));
}

// Only files that nobody else could have written.
bool IsPrivate(const FileStamp& stamp) {
  return stamp.owner == geteuid() && (stamp.mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::optional<PackedContents> Open(const std::string& path, const WeightFiles& files, const Hash128& plan,
                                   size_t bytes, Team& team) {
  auto opened = MappedFile::Open(path, MappedFile::Pages::kHuge);
  if (!opened.ok()) return std::nullopt;
  const auto file = std::make_shared<const MappedFile>(std::move(opened).value());
  if (!IsPrivate(file->stamp()) || file->bytes().size() != sizeof(Header) + bytes) return std::nullopt;
  Header header;
  std::memcpy(&header, file->bytes().data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 || header.byte_order != kByteOrder ||
      header.version != kVersion || header.bytes != bytes || header.plan != plan ||
      header.check != CheckOf(header)) {
    return std::nullopt;
  }
  const bool moved = header.stamps != StampsOf(files.sources);
  if (moved && header.sources != ContentsOf(files.sources, &team)) return std::nullopt;
  const auto panels = file->bytes().subspan(sizeof(Header));
  if (header.panels != HashChunks(panels, &team)) return std::nullopt;
  return PackedContents{file, panels, moved};
}

// Whether the sources are what they were when they were mapped, and a later change will show.
bool AreSettled(std::span<const MappedFile> sources) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  return std::all_of(sources.begin(), sources.end(), [&](const MappedFile& file) {
    const auto stamp = StampOf(file.path());
    const int64_t last = std::max(file.stamp().modified_ns, file.stamp().changed_ns);
    return stamp.ok() && stamp.value() == file.stamp() && last + kSettledNs < now_ns;
  });
}

// A cache must not be what fills a disk.
bool HasRoom(const std::string& folder, size_t bytes) {
  struct statvfs info {};
  if (statvfs(folder.c_str(), &info) != 0) return false;
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize / 2 > bytes;
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

// A packed file that says which model it is for, and that model is gone.
bool IsOrphan(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!file.ok() || file.value().bytes().size() < sizeof(Header)) return false;
  Header header;
  std::memcpy(&header, file.value().bytes().data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 || header.check != CheckOf(header)) return false;
  const auto model = StampOf(header.model);
  return !model.ok() && model.error().code == Code::kNotFound;
}

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status WriteTo(const std::string& path, const Header& header, std::span<const std::byte> panels) {
  TERN_TRY(AtomicFile file, AtomicFile::Create(path, S_IRUSR | S_IWUSR));
  TERN_TRY_STATUS(file.Append(Text(std::as_bytes(std::span(&header, 1)))));
  for (size_t done = 0; done < panels.size(); done += kWriteBytes) {
    TERN_TRY_STATUS(file.Append(Text(panels.subspan(done, std::min(kWriteBytes, panels.size() - done)))));
  }
  return file.Commit();
}

// As it was written, the file lies in whatever small pages memory had free, and streams from these up to a
// third slower. Reading it back gathers it in huge pages.
void Gather(const std::string& path) {
  DropFromPageCache(path);
  const auto file = MappedFile::Open(path, MappedFile::Pages::kHuge);
  if (file.ok()) file.value().ReadPages();
}

// What was written for models that are gone, or begun by processes that were killed.
void RemoveOrphans(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path();
    if (path.ends_with(".tmp") && path.find(kSuffix) != std::string::npos) {
      const auto age = std::filesystem::file_time_type::clock::now() - at->last_write_time(error);
      if (!error && age > std::chrono::hours(1)) unlink(path.c_str());
    } else if (path.ends_with(kSuffix) && IsOrphan(path)) {
      unlink(path.c_str());
    }
    error.clear();
  }
}

void Write(const WeightFiles& files, const Hash128& plan, const PackedContents& contents) {
  if (files.sources.empty() || files.sources[0].path().size() >= sizeof(Header::model)) return;
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.byte_order = kByteOrder;
  header.version = kVersion;
  header.bytes = contents.bytes.size();
  header.plan = plan;
  header.stamps = StampsOf(files.sources);
  header.sources = ContentsOf(files.sources, nullptr);
  header.panels = HashChunks(contents.bytes, nullptr);
  const std::string model = std::filesystem::absolute(files.sources[0].path());
  model.copy(header.model, sizeof(header.model) - 1);
  header.check = CheckOf(header);
  if (!AreSettled(files.sources)) return;
  for (const std::string& path : files.cache_paths) {
    const std::string folder = FolderOf(path);
    RemoveOrphans(folder);
    if (HasRoom(folder, contents.bytes.size()) && WriteTo(path, header, contents.bytes).ok()) {
      return Gather(path);
    }
  }
}

}  // namespace

std::optional<PackedContents> OpenPackedFile(const WeightFiles& files, const Hash128& plan, size_t bytes,
                                             Team& team) {
  for (const std::string& path : files.cache_paths) {
    if (auto contents = Open(path, files, plan, bytes, team)) return contents;
  }
  return std::nullopt;
}

PackedFileWriter::PackedFileWriter(const WeightFiles& files, const Hash128& plan, PackedContents contents)
    : thread_([=] { Write(files, plan, contents); }) {}

PackedFileWriter::~PackedFileWriter() { thread_.join(); }

}  // namespace tern
