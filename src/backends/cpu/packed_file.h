#pragma once
// A file with packed weights, so that the next start maps them instead of packing. It is never trusted: what
// it says must be true of this build, this ISA, these very weights, and its bytes must be those that were
// written; anything else is no file at all. docs/decisions/0005 says why so.
//
//   4096 bytes   header: magic, byte order, version, hashes of what it was made from and of all that follows
//   the rest     the weights' panels as they lie in memory, each from a multiple of 4096 on
//
// Any thread, any number of processes: a file appears whole (temporary file, fsync, rename) and never
// changes.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "backends/weight_files.h"
#include "base/hash128.h"
#include "base/team.h"

namespace tern {

inline constexpr size_t kPackedAlignment = 4096;

struct PackedContents {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
  // True, but made from files of another place or time: worth writing anew, to be told cheaply next time.
  bool moved = false;
};

// The contents of the first of files.cache_paths that holds `bytes` of what `plan` describes.
std::optional<PackedContents> OpenPackedFile(const WeightFiles& files, const Hash128& plan, size_t bytes,
                                             Team& team);

// Writes a packed file from a thread of its own, while the weights are in use already. That it cannot be
// written, for whatever reason, is no error: the next start packs again.
class PackedFileWriter {
 public:
  PackedFileWriter(const WeightFiles& files, const Hash128& plan, PackedContents contents);
  PackedFileWriter(const PackedFileWriter&) = delete;
  ~PackedFileWriter();  // waits until it is done

 private:
  std::thread thread_;
};

}  // namespace tern
