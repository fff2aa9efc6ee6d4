#include "text/hf/proto_reader.h"

#include <bit>

namespace tern {

float ProtoReader::Field::AsFloat() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }

bool ProtoReader::ReadVarint(uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return false;
    const auto byte = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    *value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool ProtoReader::ReadFixed(size_t size, uint64_t* value) {
  if (rest_.size() < size) return false;
  *value = 0;
  for (size_t i = 0; i < size; ++i) *value |= uint64_t{static_cast<unsigned char>(rest_[i])} << 8 * i;
  rest_.remove_prefix(size);
  return true;
}

bool ProtoReader::ReadValue(uint64_t wire_type, Field* field) {
  switch (wire_type) {
    case 0:
      field->kind = Field::kVarint;
      return ReadVarint(&field->value);
    case 1:
      field->kind = Field::kFixed64;
      return ReadFixed(8, &field->value);
    case 2: {
      field->kind = Field::kBytes;
      uint64_t size = 0;
      if (!ReadVarint(&size) || size > rest_.size()) return false;
      field->bytes = rest_.substr(0, static_cast<size_t>(size));
      rest_.remove_prefix(static_cast<size_t>(size));
      return true;
    }
    case 5:
      field->kind = Field::kFixed32;
      return ReadFixed(4, &field->value);
    default:  // groups, which nobody writes any more
      return false;
  }
}

bool ProtoReader::Next(Field* field) {
  if (rest_.empty()) return false;
  uint64_t tag = 0;
  *field = {};
  broken_ = !ReadVarint(&tag) || tag >> 3 == 0 || tag >> 32 != 0 || !ReadValue(tag & 7, field);
  field->number = static_cast<uint32_t>(tag >> 3);
  return !broken_;
}

}  // namespace tern
