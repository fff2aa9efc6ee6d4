#pragma once
// ProtoReader: the fields of a protocol buffer message, one after the other, each checked against what
// remains (https://protobuf.dev/programming-guides/encoding). Not thread-safe.

#include <cstdint>
#include <string_view>

namespace tern {

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}

  struct Field {
    uint32_t number = 0;
    enum Kind { kVarint, kFixed64, kBytes, kFixed32 } kind = kVarint;
    uint64_t value = 0;           // of a number; of fixed ones the bits
    std::string_view bytes = {};  // of kBytes
    float AsFloat() const;        // of kFixed32
  };
  // False: the message ends, or is broken.
  bool Next(Field* field);
  bool broken() const { return broken_; }

 private:
  bool ReadVarint(uint64_t* value);
  bool ReadFixed(size_t size, uint64_t* value);
  bool ReadValue(uint64_t wire_type, Field* field);

  std::string_view rest_;
  bool broken_ = false;
};

}  // namespace tern
