#include "cli/npy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tern {
namespace {

static_assert(std::endian::native == std::endian::little, "the header says '<f4'");

std::string PartPath(const std::string& path) { return path + ".part"; }

Error Failed(const std::string& path) { return IoError(path + ": " + std::strerror(errno)); }

}  // namespace

Result<NpyWriter> NpyWriter::Create(const std::string& path, size_t rows, size_t columns) {
  std::FILE* file = std::fopen(PartPath(path).c_str(), "wb");
  if (file == nullptr) return Failed(path);
  NpyWriter writer(path, file);
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  // Magic, version, length and header fill whole blocks of 64 bytes; the header ends with a newline.
  header.append(63 - (10 + header.size()) % 64, ' ').push_back('\n');
  std::string start("\x93NUMPY\x01\x00", 8);
  start.push_back(static_cast<char>(header.size() & 0xff));
  start.push_back(static_cast<char>(header.size() >> 8));
  start += header;
  if (std::fwrite(start.data(), 1, start.size(), file) != start.size()) return Failed(path);
  return writer;
}

NpyWriter::NpyWriter(NpyWriter&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, nullptr)) {}

NpyWriter::~NpyWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  unlink(PartPath(path_).c_str());
}

Status NpyWriter::Append(std::span<const float> values) {
  if (std::fwrite(values.data(), sizeof(float), values.size(), file_) != values.size()) return Failed(path_);
  return {};
}

Status NpyWriter::Finish() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0) return Failed(path_);
  if (std::rename(PartPath(path_).c_str(), path_.c_str()) != 0) return Failed(path_);
  return {};
}

}  // namespace tern
