#pragma once
// FieldReader: a Cursor that knows which field of which file it reads, so that every refusal says so.
// Internal to the parsers of binary model files. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/cursor.h"

namespace tern {

// Text from a file, quoted and fit for a one-line message: printable ASCII, at most 80 bytes of it.
std::string Quote(std::string_view text);

class FieldReader {
 public:
  // The part of the file that is read. Nothing is copied: the strings must outlive the next At().
  struct Place {
    std::string_view kind = {};      // "metadata key", "tensor"; "": the header's start
    std::string_view name = {};      // "": not read yet
    uint64_t number = 0, count = 0;  // from 1
  };

  FieldReader(std::span<const std::byte> file, std::string_view file_name)
      : cursor_(file), file_name_(file_name) {}
  Cursor& cursor() { return cursor_; }
  const Cursor& cursor() const { return cursor_; }
  void At(const Place& place) { place_ = place; }

  // The problem with the file, the place and the offset in front of it.
  Error Bad(std::string_view problem) const;
  // The file ends before the `bytes` of this field.
  Error Ends(std::string_view field, uint64_t bytes) const;

  template <class T>
  Status Read(std::string_view field, T* out) {
    return cursor_.Read(out) ? Status() : Ends(field, sizeof(T));
  }
  // A length in 64 bits, then the bytes; `out` looks into the file.
  Status ReadString(std::string_view field, uint64_t most_bytes, std::string_view* out);
  // A string that is not empty and is valid UTF-8.
  Status ReadName(std::string_view field, uint64_t most_bytes, std::string_view* out);
  // A count of things that take at least `min_bytes` each: compared with what the file can hold, then with
  // the limit.
  Status ReadCount(std::string_view field, uint64_t min_bytes, uint64_t most, uint64_t* out);
  // The file has room for `count` more things.
  Status CheckRoom(std::string_view field, uint64_t count, uint64_t min_bytes) const;

 private:
  Cursor cursor_;
  std::string_view file_name_;
  Place place_;
};

}  // namespace tern
