#include "io/field_reader.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace tern {

std::string Quote(std::string_view text) {
  constexpr size_t kMost = 80;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      quoted += c;
    } else {
      quoted += fmt::format("\\x{:02x}", byte);
    }
  }
  return quoted + (text.size() > kMost ? "...\"" : "\"");
}

Error FieldReader::Bad(std::string_view problem) const {
  std::string place = "header";
  if (!place_.name.empty()) {
    place = fmt::format("{} {}", place_.kind, Quote(place_.name));
  } else if (!place_.kind.empty()) {
    place = fmt::format("{} {} of {}", place_.kind, place_.number, place_.count);
  }
  return BadInput(fmt::format("{}: {} (offset {}): {}", file_name_, place, cursor_.position(), problem));
}

Error FieldReader::Ends(std::string_view field, uint64_t bytes) const {
  return Bad(fmt::format("{} needs {} bytes, the file has {} left", field, bytes, cursor_.remaining()));
}

Status FieldReader::ReadString(std::string_view field, uint64_t most_bytes, std::string_view* out) {
  uint64_t bytes = 0;
  TERN_TRY_STATUS(Read(field, &bytes));
  if (bytes > cursor_.remaining()) return Ends(field, bytes);
  if (bytes > most_bytes) {
    return Bad(fmt::format("{} has a length of {} bytes, expected at most {}", field, bytes, most_bytes));
  }
  return cursor_.ReadText(bytes, out) ? Status() : Ends(field, bytes);
}

Status FieldReader::ReadName(std::string_view field, uint64_t most_bytes, std::string_view* out) {
  TERN_TRY_STATUS(ReadString(field, most_bytes, out));
  if (out->empty()) return Bad(fmt::format("{} is empty", field));
  if (!IsUtf8(*out)) return Bad(fmt::format("{} {} is not valid UTF-8", field, Quote(*out)));
  return {};
}

Status FieldReader::ReadCount(std::string_view field, uint64_t min_bytes, uint64_t most, uint64_t* out) {
  TERN_TRY_STATUS(Read(field, out));
  TERN_TRY_STATUS(CheckRoom(field, *out, min_bytes));
  if (*out > most) return Bad(fmt::format("{} is {}, expected at most {}", field, *out, most));
  return {};
}

Status FieldReader::CheckRoom(std::string_view field, uint64_t count, uint64_t min_bytes) const {
  const uint64_t room = cursor_.remaining() / min_bytes;
  if (count <= room) return {};
  return Bad(fmt::format("{} is {}, the file has room for at most {}", field, count, room));
}

}  // namespace tern
