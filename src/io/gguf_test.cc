#include "io/gguf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace tern {
namespace {

// Builds files byte by byte, so that tests can break them.
class Bytes {
 public:
  template <class T>
  Bytes& Put(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Bytes& Text(std::string_view text) {
    Put<uint64_t>(text.size());
    text_ += text;
    return *this;
  }
  Bytes& Header(uint64_t tensors, uint64_t keys) {
    text_ += "GGUF";
    return Put<uint32_t>(3).Put(tensors).Put(keys);
  }
  Bytes& Tensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type, uint64_t offset) {
    Text(name).Put<uint32_t>(static_cast<uint32_t>(dims.size()));
    for (const uint64_t d : dims) Put(d);
    return Put(type).Put(offset);
  }
  Bytes& Pad(size_t alignment) {
    while (text_.size() % alignment != 0) text_ += '\0';
    return *this;
  }
  Bytes& Zeros(size_t count) {
    text_.append(count, '\0');
    return *this;
  }
  Result<GgufFile> Parse() const { return ParseGguf(std::as_bytes(std::span(text_)), "m.gguf"); }
  std::string Error() const {
    auto file = Parse();
    return file.ok() ? "loads" : file.error().what;
  }

 private:
  std::string text_;
};

constexpr uint32_t kF32 = 0, kQ8_0 = 8;
constexpr uint32_t kTypeU32 = 4, kTypeArray = 9, kTypeString = 8, kTypeBool = 7;

TEST(GgufTest, ReadsMetadataAndTensors) {
  Bytes bytes;
  bytes.Header(2, 2).Text("general.name").Put(kTypeString).Text("tiny");
  bytes.Text("scores").Put(kTypeArray).Put<uint32_t>(6).Put<uint64_t>(2).Put(1.5f).Put(-2.0f);
  bytes.Tensor("a", {3, 2}, kF32, 0).Tensor("b", {32}, kQ8_0, 32).Pad(32).Zeros(32 + 34);
  auto file = bytes.Parse();
  ASSERT_TRUE(file.ok()) << file.error().what;
  const GgufFile& gguf = file.value();
  EXPECT_EQ(gguf.metadata.Str("general.name").value(), "tiny");
  EXPECT_EQ(*gguf.metadata.Find("scores"), MetaValue(std::vector<double>{1.5, -2}));
  ASSERT_EQ(gguf.tensors.size(), 2u);
  EXPECT_EQ(gguf.tensors[0].second.shape, (Shape{2, 3}));  // slowest first
  EXPECT_EQ(gguf.tensors[1].second.format->name, "q8_0");
  EXPECT_EQ(static_cast<const char*>(gguf.tensors[1].second.data) -
                static_cast<const char*>(gguf.tensors[0].second.data),
            32);
}

// Messages are part of the interface: file, place, value, expectation.
TEST(GgufTest, ErrorsNameThePlaceAndTheValue) {
  EXPECT_EQ(Bytes().Put('x').Error(), "m.gguf: header (offset 0): magic needs 4 bytes, the file has 1 left");
  EXPECT_EQ(Bytes().Header(0, 1).Text("k").Put(kTypeBool).Put<char>(2).Error(),
            "m.gguf: metadata key \"k\" (offset 38): bool is 2, expected 0 or 1");
  EXPECT_EQ(Bytes().Header(1, 0).Tensor("w", {31}, kQ8_0, 0).Error(),
            "m.gguf: tensor \"w\" (offset 57): rows have 31 elements, q8_0 expects a multiple of 32");
  EXPECT_EQ(
      Bytes().Header(1, 0).Tensor("w", {64, 2}, kF32, 0).Pad(32).Zeros(100).Error(),
      "m.gguf: tensor \"w\": 512 bytes at offset 0 of the data section, which has 100 bytes: the file is "
      "cut short or the offset is wrong");
}

}  // namespace
}  // namespace tern
