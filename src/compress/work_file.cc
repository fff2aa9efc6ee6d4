#include "compress/work_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/hash128.h"

namespace tern {
namespace {

constexpr std::string_view kFingerprint = "fingerprint";
constexpr size_t kMostBytes = size_t{1} << 40;
constexpr size_t kHeaderBytes = 2 * sizeof(uint64_t), kHashBytes = 2 * sizeof(uint64_t);

Hash128 HashOf(std::string_view bytes) { return HashBytes(std::as_bytes(std::span(bytes))); }

void PutNumber(uint64_t number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

uint64_t NumberAt(std::string_view bytes, size_t at) {
  uint64_t number;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

// Length of the key, length of the value, key, value, hash of all that.
std::string Record(std::string_view key, std::string_view value) {
  std::string record;
  PutNumber(key.size(), &record);
  PutNumber(value.size(), &record);
  record += key;
  record += value;
  const Hash128 hash = HashOf(record);
  PutNumber(hash.low, &record);
  PutNumber(hash.high, &record);
  return record;
}

// Reads the records that are whole; returns where they end.
size_t ReadRecords(std::string_view bytes, std::map<std::string, std::string>* results) {
  size_t at = 0;
  while (bytes.size() - at >= kHeaderBytes + kHashBytes) {
    const uint64_t key = NumberAt(bytes, at), value = NumberAt(bytes, at + sizeof(uint64_t));
    const size_t left = bytes.size() - at - kHeaderBytes - kHashBytes;
    if (key > left || value > left - key) break;
    const size_t body = kHeaderBytes + key + value;
    const Hash128 hash = HashOf(bytes.substr(at, body));
    if (NumberAt(bytes, at + body) != hash.low || NumberAt(bytes, at + body + sizeof(uint64_t)) != hash.high)
      break;
    results->insert_or_assign(std::string(bytes.substr(at + kHeaderBytes, key)),
                              std::string(bytes.substr(at + kHeaderBytes + key, value)));
    at += body + kHashBytes;
  }
  return at;
}

}  // namespace

Result<WorkFile> WorkFile::Open(const std::string& path, std::string_view fingerprint, bool fresh) {
  WorkFile work;
  work.path_ = path;
  if (path.empty()) return work;
  work.file_ = UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (!work.file_.ok()) return SystemError(path, "cannot be opened");
  if (flock(work.file_.get(), LOCK_EX | LOCK_NB) != 0)
    return Exhausted(path + ": is in use, another run makes the same file");
  struct stat status {};
  if (fstat(work.file_.get(), &status) != 0 || status.st_nlink == 0)
    return Exhausted(path + ": was removed by another run, which made the same file just now");
  TERN_TRY(const std::string bytes, ReadFile(path, kMostBytes));
  size_t whole = ReadRecords(bytes, &work.results_);
  const std::string* stored = work.Find(std::string(kFingerprint));
  const bool same = !fresh && stored != nullptr && *stored == fingerprint;
  if (!same) {
    work.results_.clear();
    whole = 0;
  }
  if (ftruncate(work.file_.get(), static_cast<off_t>(whole)) != 0 ||
      lseek(work.file_.get(), static_cast<off_t>(whole), SEEK_SET) < 0) {
    return SystemError(path, "cannot be cut to what is whole of it");
  }
  if (!same) TERN_TRY_STATUS(work.Put(std::string(kFingerprint), std::string(fingerprint)));
  return work;
}

const std::string* WorkFile::Find(const std::string& key) const {
  const auto found = results_.find(key);
  return found == results_.end() ? nullptr : &found->second;
}

Status WorkFile::Put(const std::string& key, std::string value) {
  if (file_.ok()) {
    const std::string record = Record(key, value);
    TERN_TRY_STATUS(WriteAll(file_.get(), record.data(), record.size(), path_));
  }
  results_.insert_or_assign(key, std::move(value));
  return {};
}

// While it is locked: another run could have it by then.
void WorkFile::Remove() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove(path_, error);
  file_ = UniqueFd();
  results_.clear();
}

}  // namespace tern
