#include "io/gguf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "io/refused_types.h"

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
  Bytes& Header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    text_ += "GGUF";
    return Put(version).Put(tensors).Put(keys);
  }
  Bytes& Key(std::string_view key, uint32_t type) { return Text(key).Put(type); }
  Bytes& Array(std::string_view key, uint32_t type, uint64_t count) {
    return Key(key, 9).Put(type).Put(count);
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

constexpr uint32_t kF32 = 0, kQ8_0 = 8;  // tensor types
constexpr uint32_t kUint32 = 4, kFloat32 = 6, kBool = 7, kString = 8, kArray = 9;

TEST(GgufTest, ReadsMetadataAndTensors) {
  Bytes bytes;
  bytes.Header(2, 2).Key("general.name", kString).Text("tiny");
  bytes.Array("scores", kFloat32, 2).Put(1.5f).Put(-2.0f);
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

TEST(GgufTest, ReadsVersion2AndOtherAlignments) {
  Bytes bytes;
  bytes.Header(2, 1, 2).Key("general.alignment", kUint32).Put<uint32_t>(8);
  bytes.Tensor("a", {1}, kF32, 8).Tensor("b", {}, kF32, 0).Pad(8).Zeros(12);
  auto file = bytes.Parse();
  ASSERT_TRUE(file.ok()) << file.error().what;
  EXPECT_EQ(file.value().tensors[1].second.shape, Shape{1});  // no dimensions: one number
}

// Vocabulary-only files end after the metadata.
TEST(GgufTest, AFileMayHoldNoTensors) { EXPECT_EQ(Bytes().Header(0, 0).Error(), "loads"); }

// Messages are part of the interface: file, place, offset, value, expectation.
TEST(GgufTest, HeadersThatAreRefused) {
  EXPECT_EQ(Bytes().Error(), "m.gguf: header (offset 0): magic needs 4 bytes, the file has 0 left");
  EXPECT_EQ(Bytes().Zeros(30).Error(),
            R"(m.gguf: not a GGUF file: starts with "\x00\x00\x00\x00", expected "GGUF")");
  EXPECT_EQ(Bytes().Header(0, 0, 1).Error(), "m.gguf: version 1, expected 2 or 3");
  EXPECT_EQ(Bytes().Header(0, 0, 0x03000000).Error(),
            "m.gguf: version 3: a big-endian GGUF file, expected little-endian");
  EXPECT_EQ(
      Bytes().Header(uint64_t{1} << 63, 0).Error(),
      "m.gguf: header (offset 16): tensor count is 9223372036854775808, the file has room for at most 0");
  EXPECT_EQ(Bytes().Header(0, 5).Zeros(28).Error(),
            "m.gguf: header (offset 24): metadata key count is 5, the file has room for at most 2");
}

TEST(GgufTest, MetadataThatIsRefused) {
  const auto one = [] { return std::move(Bytes().Header(0, 1)); };
  EXPECT_EQ(one().Key("", kBool).Zeros(9).Error(), "m.gguf: metadata key 1 of 1 (offset 32): key is empty");
  EXPECT_EQ(one().Key("\xC0k", kBool).Zeros(1).Error(),
            R"(m.gguf: metadata key 1 of 1 (offset 34): key "\xc0k" is not valid UTF-8)");
  EXPECT_EQ(one().Put(uint64_t{1} << 40).Zeros(20).Error(),
            "m.gguf: metadata key 1 of 1 (offset 32): key needs 1099511627776 bytes, the file has 20 left");
  EXPECT_EQ(one().Key(std::string(1025, 'k'), kBool).Zeros(9).Error(),
            "m.gguf: metadata key 1 of 1 (offset 32): key has a length of 1025 bytes, expected at most 1024");
  EXPECT_EQ(one().Key("k", 13).Zeros(8).Error(),
            R"(m.gguf: metadata key "k" (offset 37): value type is 13, expected 0 to 12)");
  EXPECT_EQ(one().Key("k", kBool).Put<char>(2).Error(),
            R"(m.gguf: metadata key "k" (offset 38): bool is 2, expected 0 or 1)");
  EXPECT_EQ(
      one().Array("k", kArray, 1).Zeros(100).Error(),
      R"(m.gguf: metadata key "k" (offset 41): array of arrays, expected an array of numbers, bools or strings)");
  EXPECT_EQ(one().Array("k", 13, 1).Zeros(8).Error(),
            R"(m.gguf: metadata key "k" (offset 41): array element type is 13, expected 0 to 12)");
  EXPECT_EQ(
      one().Array("k", kUint32, UINT64_MAX / 4 + 2).Zeros(8).Error(),
      R"(m.gguf: metadata key "k" (offset 49): array length is 4611686018427387905, the file has room for at most 2)");
  EXPECT_EQ(one().Array("k", kString, 2).Text("ok").Put<uint64_t>(9).Error(),
            R"(m.gguf: metadata key "k" (offset 67): string in array needs 9 bytes, the file has 0 left)");
  Bytes twice;
  twice.Header(0, 2).Key("k", kBool).Zeros(1).Key("k", kBool).Zeros(1);
  EXPECT_EQ(twice.Error(), R"(m.gguf: metadata key "k" (offset 52): occurs twice)");
}

TEST(GgufTest, AlignmentsThatAreRefused) {
  const auto error = [](uint32_t alignment) {
    return Bytes().Header(0, 1).Key("general.alignment", kUint32).Put(alignment).Error();
  };
  const std::string before = R"(m.gguf: metadata key "general.alignment" (offset 57): is )";
  const std::string after = ", expected a power of two from 8 to 1048576";
  for (const uint32_t alignment : {0U, 1U, 3U, 4U, 48U, 1U << 21, 1U << 31, UINT32_MAX}) {
    EXPECT_EQ(error(alignment), before + std::to_string(alignment) + after);
  }
  EXPECT_EQ(error(1 << 20), "loads");
  EXPECT_EQ(
      Bytes().Header(0, 1).Key("general.alignment", kBool).Zeros(1).Error(),
      R"(m.gguf: metadata key "general.alignment" (offset 54): is no integer, expected a power of two)");
}

TEST(GgufTest, TensorsThatAreRefused) {
  const auto with = [](std::vector<uint64_t> dims, uint32_t type, uint64_t offset) {
    return Bytes().Header(1, 0).Tensor("w", std::move(dims), type, offset).Pad(32).Zeros(100).Error();
  };
  const std::string w = R"(m.gguf: tensor "w" )";
  EXPECT_EQ(with({1, 1, 1, 1, 1}, kF32, 0), w + "(offset 37): has 5 dimensions, expected at most 4");
  EXPECT_EQ(with({4, 0}, kF32, 0), w + "(offset 53): dimension 1 is 0, expected at least 1");
  EXPECT_EQ(
      with({1, uint64_t{1} << 63}, kF32, 0),
      w + "(offset 53): dimension 1 is 9223372036854775808: the number of elements does not fit in 64 bits");
  EXPECT_EQ(with({uint64_t{1} << 32, uint64_t{1} << 32}, kF32, 0),
            w + "(offset 53): dimension 1 is 4294967296: the number of elements does not fit in 64 bits");
  // 2^62 elements fit, their 2^64 bytes do not.
  EXPECT_EQ(with({uint64_t{1} << 31, uint64_t{1} << 31}, kF32, 0),
            w + "(offset 65): shape [2147483648, 2147483648]: the size does not fit in 64 bits");
  EXPECT_TRUE(
      with({1}, 77, 0).starts_with(w + "(offset 49): type is 77, expected one of bf16 (30), f16 (1), "));
  EXPECT_EQ(
      with({1}, 4, 0),
      w + "(offset 49): type is 4, q4_2: retired; expected q4_0: convert the original checkpoint again");
  EXPECT_EQ(with({1}, 26, 0), w + "(offset 49): type is 26, i32: no type of weights");
  EXPECT_EQ(with({1}, 339, 0),
            w + "(offset 49): type is 339, iq4_k_r4: its rows are interleaved for kernels of ik_llama.cpp; "
                "expected iq4_k: get the file as it was before repacking, or quantize again without it");
  EXPECT_EQ(with({31}, kQ8_0, 0), w + "(offset 57): rows have 31 elements, q8_0 expects a multiple of 32");
  EXPECT_EQ(with({1}, kF32, 4),
            w + "(offset 57): data offset is 4, expected a multiple of the alignment, 32");
  const std::string short_by =
      "of the data section, which has 100 bytes: the file is cut short or the offset is wrong";
  EXPECT_EQ(with({26}, kF32, 0), "m.gguf: tensor \"w\": 104 bytes at offset 0 " + short_by);
  EXPECT_EQ(with({25}, kF32, 32), "m.gguf: tensor \"w\": 100 bytes at offset 32 " + short_by);
  EXPECT_EQ(with({25}, kF32, 0), "loads");
  EXPECT_EQ(with({8}, kF32, UINT64_MAX - 31),
            "m.gguf: tensor \"w\": 32 bytes at offset 18446744073709551584 " + short_by);
}

TEST(GgufTest, ATypeIsReadOrRefusedNotBoth) {
  size_t refused = 0;
  for (uint32_t type = 0; type < 1000; ++type) {
    if (DescribeRefusedType(type).empty()) continue;
    EXPECT_EQ(FindGgufType(type), nullptr) << type;
    ++refused;
  }
  EXPECT_EQ(refused, 54u);
}

// A prefix belongs to each row: two rows of 256 weights, an f32 and 136 bytes each.
TEST(GgufTest, RowsMayHaveAPrefix) {
  const uint32_t iq4_ks = FindFormat("iq4_ks")->gguf_type;
  const auto with = [&](size_t bytes) {
    return Bytes().Header(1, 0).Tensor("w", {256, 2}, iq4_ks, 0).Pad(32).Zeros(bytes).Error();
  };
  EXPECT_EQ(
      with(279),
      "m.gguf: tensor \"w\": 280 bytes at offset 0 of the data section, which has 279 bytes: the file is "
      "cut short or the offset is wrong");
  EXPECT_EQ(with(280), "loads");
}

TEST(GgufTest, TensorsThatDisagreeAreRefused) {
  const auto two = [](std::string_view a, std::string_view b, uint64_t offset) {
    return Bytes()
        .Header(2, 0)
        .Tensor(a, {9}, kF32, offset)
        .Tensor(b, {8}, kF32, 0)
        .Pad(32)
        .Zeros(128)
        .Error();
  };
  EXPECT_EQ(two("a", "b", 32), "loads");  // any order, and gaps
  EXPECT_EQ(two("a", "a", 32), R"(m.gguf: tensor "a" occurs twice)");
  EXPECT_EQ(two("a", "b", 0),
            R"(m.gguf: tensors "a" and "b" overlap: 36 bytes at offset 0 and 32 bytes at 0)");
  Bytes last;
  last.Header(2, 0).Tensor("a", {8}, kF32, 32).Tensor("b", {9}, kF32, 0).Pad(32).Zeros(128);
  EXPECT_EQ(last.Error(), R"(m.gguf: tensors "b" and "a" overlap: 36 bytes at offset 0 and 32 bytes at 32)");
}

}  // namespace
}  // namespace tern
