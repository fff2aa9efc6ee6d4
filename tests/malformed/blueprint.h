#pragma once
// Blueprint: a valid GGUF file that remembers where each of its fields stands, so that they can be broken one
// by one. Written with its own few lines and not with GgufWriter: a writer refuses to write nonsense.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace tern {

enum class FieldKind {
  kMagic,
  kVersion,
  kTensorCount,
  kKeyCount,
  kLength,  // of a key, name or string
  kName,    // the letters of a key or tensor name
  kText,    // the letters of a string value
  kValueType,
  kElementType,
  kArrayLength,
  kBool,
  kNumber,
  kAlignment,
  kDims,
  kDim,
  kTensorType,
  kOffset,
};

std::string_view NameOf(FieldKind kind);  // "tensor count"

struct Field {
  FieldKind kind;
  size_t offset;
  size_t bytes;
};

class Blueprint {
 public:
  explicit Blueprint(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  const std::string& bytes() const { return bytes_; }
  const std::vector<Field>& fields() const { return fields_; }
  size_t header_bytes() const { return header_bytes_; }  // where padding and data start
  uint64_t ValueOf(const Field& field) const;

  Blueprint& Header(uint64_t tensors, uint64_t keys, uint32_t version = 3);
  Blueprint& Key(std::string_view key, uint32_t type);
  Blueprint& Text(std::string_view text, FieldKind kind = FieldKind::kText);
  Blueprint& Array(std::string_view key, uint32_t element_type, uint64_t count);
  template <class T>
  Blueprint& Put(T value, FieldKind kind = FieldKind::kNumber) {
    fields_.push_back({kind, bytes_.size(), sizeof(value)});
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    header_bytes_ = bytes_.size();
    return *this;
  }
  Blueprint& Uint32(std::string_view key, uint32_t value) { return Key(key, 4).Put(value); }
  Blueprint& String(std::string_view key, std::string_view value) { return Key(key, 8).Text(value); }
  Blueprint& Tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset);
  // Padding up to the alignment, then the data section.
  Blueprint& Data(size_t alignment, size_t bytes);

 private:
  std::string name_;
  std::string bytes_;
  std::vector<Field> fields_;
  size_t header_bytes_ = 0;
};

// Valid files that between them have every field, value type and weight format.
std::vector<Blueprint> ValidFiles();

// The shards of one valid checkpoint.
std::vector<Blueprint> ValidShards();

}  // namespace tern
