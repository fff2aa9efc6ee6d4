#pragma once
// What a model file's header says, in the one plain form in which the child that parsed it hands it over:
// which values lie where in the file, then which tensors. The decoder is small and trusts neither those bytes
// nor the file, for the child may be in the hands of who wrote it. Internal to src/io.
//
// Everything little-endian and in a row. Values: count in 64 bits; each a key, a GgufType in 32 bits, the
// offset in 64 bits. Tensors: count in 64 bits; each a name, type and number of dimensions in 32 bits, the
// dimensions slowest first and the offset in 64 bits. Keys and names: length in 64 bits, bytes. Offsets count
// from the file's start. Values stay where they are because a vocabulary takes megabytes, which to copy to
// another process takes longer than to parse.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/checked.h"
#include "base/result.h"
#include "base/sandbox.h"
#include "io/checkpoint.h"
#include "io/cursor.h"

namespace tern {

struct HeaderTensor {
  std::string_view name;
  uint32_t type = 0;    // as the file's format counts them
  Shape shape;          // slowest first
  uint64_t offset = 0;  // in the file
};

class HeaderWriter {
 public:
  // First the values, then the tensors, as many as was said.
  void Count(uint64_t count) { Put(count); }
  void Value(std::string_view key, uint32_t gguf_type, uint64_t offset);
  void Tensor(const HeaderTensor& tensor);
  std::string Take() { return std::move(bytes_); }

 private:
  template <class T>
  void Put(T number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  void Text(std::string_view text);

  std::string bytes_;
};

// False: the bytes are not what a HeaderWriter writes of `file`.
class HeaderDecoder {
 public:
  // `bytes` outlive it and the tensors' names.
  HeaderDecoder(std::string_view bytes, std::span<const std::byte> file)
      : in_(std::as_bytes(std::span(bytes))), file_(file) {}
  [[nodiscard]] bool Values(Metadata* out);
  [[nodiscard]] bool TensorCount(uint64_t* out);
  [[nodiscard]] bool NextTensor(HeaderTensor* out);
  bool at_end() const { return in_.remaining() == 0; }

 private:
  Cursor in_;
  std::span<const std::byte> file_;
};

// The bytes of a tensor within the file; nullptr where they are not.
const std::byte* DataAt(std::span<const std::byte> file, uint64_t offset, CheckedSize bytes);

// What `encode` writes of a file's header, by a HeaderWriter. `name` stands in front of errors.
using EncodeHeader = Result<std::string> (*)(std::span<const std::byte> file, std::string_view name);
Result<std::string> RunEncoder(EncodeHeader encode, std::span<const std::byte> file, std::string_view name,
                               Isolation isolation);
// For where a decoder says no.
Error DamagedHeader(std::string_view name);

}  // namespace tern
