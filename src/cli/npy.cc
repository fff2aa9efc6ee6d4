#include "cli/npy.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

namespace tern {

static_assert(std::endian::native == std::endian::little, "the header says '<f4'");

Result<NpyWriter> NpyWriter::Create(const std::string& path, size_t rows, size_t columns) {
  TERN_TRY(AtomicFile file, AtomicFile::Create(path));
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  // Magic, version, length and header fill whole blocks of 64 bytes; the header ends with a newline.
  header.append(63 - (10 + header.size()) % 64, ' ').push_back('\n');
  std::string start("\x93NUMPY\x01\x00", 8);
  start.push_back(static_cast<char>(header.size() & 0xff));
  start.push_back(static_cast<char>(header.size() >> 8));
  TERN_TRY_STATUS(file.Append(start + header));
  return NpyWriter(std::move(file));
}

Status NpyWriter::Append(std::span<const float> values) {
  return file_.Append({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

}  // namespace tern
