#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <string>

namespace tern {
namespace {

std::string File(const std::string& header, size_t data_bytes) {
  std::string file(8, '\0');
  for (size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(header.size() >> 8 * i & 255);
  return file + header + std::string(data_bytes, '\1');
}

Result<NamedRawTensors> Parse(const std::string& file) {
  return ParseSafetensors({reinterpret_cast<const std::byte*>(file.data()), file.size()}, "f");
}

std::string ErrorOf(const std::string& header, size_t data_bytes) {
  const auto parsed = Parse(File(header, data_bytes));
  return parsed.ok() ? "" : parsed.error().what;
}

TEST(Safetensors, ReadsTensorsInFileOrder) {
  const std::string file =
      File(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
           R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )",
           16);
  const auto parsed = Parse(file);
  ASSERT_TRUE(parsed.ok()) << parsed.error().what;
  ASSERT_EQ(parsed.value().size(), 2u);
  EXPECT_EQ(parsed.value()[0].first, "a");
  EXPECT_EQ(parsed.value()[1].second.type, RawType::kBf16);
  EXPECT_EQ(parsed.value()[1].second.shape, (Shape{2, 3}));
  EXPECT_EQ(static_cast<const char*>(parsed.value()[1].second.data), file.data() + file.size() - 12);
}

TEST(Safetensors, SaysWhatIsWrong) {
  struct Case {
    const char* header;
    size_t data_bytes;
    const char* error;
  };
  const Case cases[] = {
      {"[]", 0, "f: header: expected JSON that starts with '{'"},
      {"{", 0, "f: header: byte 1: incomplete JSON, expected JSON"},
      {R"({"a":1})", 0, "f: tensor \"a\": is no object, expected dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F3","shape":[1],"data_offsets":[0,4]}})", 4,
       "f: tensor \"a\": dtype: \"F3\", supported: BOOL, U8, I8, F8_E4M3, F8_E5M2, F8_E8M0, I16, U16, F16, "
       "BF16, I32, "
       "U32, F32, I64, U64, F64"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4,
       "f: tensor \"a\": shape: expected whole numbers from 0 to 2^53"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 4,
       "f: tensor \"a\": data_offsets: 0 to 8, but the file holds 4 bytes of data"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
       "f: tensor \"a\": data_offsets: 4 bytes, expected 8 for F32 [2]"},
      {R"({"a":{"dtype":"F64","shape":[9007199254740992,9007199254740992],"data_offsets":[0,4]}})", 4,
       "f: tensor \"a\": size does not fit in 64 bits"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3,
       "f: tensor \"b\": data_offsets: starts at 1, expected 2: tensors may neither overlap nor leave holes"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
       "f: tensor \"a\": data_offsets: starts at 1, expected 0: tensors may neither overlap nor leave holes"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, "f: tensor \"\\u0061\": is described twice"},
      {R"({"a\n":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
       "f: tensor \"a\\x0a\": name: expected 1 to 512 bytes, no control characters"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2,
       "f: its tensors end at byte 1 of the data, the file has 2"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorOf(c.header, c.data_bytes), c.error);
}

TEST(Safetensors, AHeaderLongerThanTheFileIsRefused) {
  EXPECT_FALSE(Parse("").ok());
  EXPECT_FALSE(Parse(std::string(7, '\0')).ok());
  EXPECT_EQ(Parse(std::string(8, '\377')).error().what,
            "f: header: 18446744073709551615 bytes, expected at most 0");
}

}  // namespace
}  // namespace tern
