#include "io/safetensors_writer.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "io/field_reader.h"

namespace tern {
namespace {

constexpr size_t kAlignment = 8;  // of the data; spaces end the header

}  // namespace

Result<SafetensorsWriter> SafetensorsWriter::Create(const std::string& path,
                                                    std::span<const SafetensorsEntry> tensors) {
  boost::json::object header;
  header["__metadata__"] = {{"format", "pt"}};  // Transformers insists on it
  uint64_t end = 0;
  for (const SafetensorsEntry& tensor : tensors) {
    if (header.contains(tensor.name)) {
      return BadInput(fmt::format("{}: tensor {}: occurs twice", path, Quote(tensor.name)));
    }
    const uint64_t begin = end;
    end += tensor.bytes();
    header[tensor.name] = {{"dtype", RawTypeName(tensor.type)},
                           {"shape", boost::json::array(tensor.shape.begin(), tensor.shape.end())},
                           {"data_offsets", {begin, end}}};
  }
  std::string text = boost::json::serialize(header);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  TERN_TRY(AtomicFile file, AtomicFile::Create(path));
  const uint64_t size = text.size();
  TERN_TRY_STATUS(file.Append({reinterpret_cast<const char*>(&size), sizeof(size)}));
  TERN_TRY_STATUS(file.Append(text));
  return SafetensorsWriter(std::move(file), path, end);
}

Status SafetensorsWriter::Append(std::string_view bytes) {
  if (bytes.size() > missing_) {
    return BadInput(fmt::format("{}: {} bytes more than the tensors have", path_, bytes.size() - missing_));
  }
  missing_ -= bytes.size();
  return file_.Append(bytes);
}

Status SafetensorsWriter::Commit() {
  if (missing_ > 0) return BadInput(fmt::format("{}: {} bytes of the tensors are missing", path_, missing_));
  return file_.Commit();
}

}  // namespace tern
