#include "io/header_bytes.h"

#include <gtest/gtest.h>

#include <limits>

#include "io/gguf.h"
#include "io/gguf_value.h"
#include "io/gguf_writer.h"
#include "io/safetensors.h"

namespace tern {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

template <class T>
void Put(T number, std::string* to) {
  to->append(reinterpret_cast<const char*>(&number), sizeof(number));
}
void PutText(std::string_view text, std::string* to) {
  Put(uint64_t{text.size()}, to);
  *to += text;
}

// A GGUF file with a number or array of every type that there is, as large as it may be; and its one tensor.
std::string AllTypes() {
  std::string keys, file = "GGUF";
  uint64_t count = 0;
  const auto key = [&](GgufType type, bool is_array, uint64_t elements) {
    PutText("key." + std::to_string(count++), &keys);
    if (is_array) Put(GgufType::kArray, &keys);
    Put(type, &keys);
    if (is_array) Put(elements, &keys);
  };
  for (uint32_t type = 0; type <= 12; ++type) {
    const auto kind = static_cast<GgufType>(type);
    const auto number = [&](auto zero) {
      using Number = decltype(zero);
      key(kind, false, 0);
      Put(std::numeric_limits<Number>::lowest(), &keys);
      key(kind, true, 2);
      Put(std::numeric_limits<Number>::max(), &keys);
      Put(Number{1}, &keys);
    };
    if (VisitGgufNumber(type, number)) key(kind, true, 0);
  }
  key(GgufType::kBool, false, 0);
  Put('\1', &keys);
  key(GgufType::kBool, true, 3);
  keys += std::string("\1\0\1", 3);
  key(GgufType::kBool, true, 0);
  key(GgufType::kString, false, 0);
  PutText(std::string("\xFFn\0t UTF-8", 9), &keys);
  key(GgufType::kString, false, 0);
  PutText("", &keys);
  key(GgufType::kString, true, 3);
  for (const char* text : {"one", "", "a string that is longer than what fits into an object"})
    PutText(text, &keys);
  key(GgufType::kString, true, 0);
  Put(uint32_t{3}, &file);
  Put(uint64_t{1}, &file);
  Put(count, &file);
  file += keys;
  PutText("tensor", &file);
  Put(uint32_t{2}, &file);
  Put(uint64_t{3}, &file);
  Put(uint64_t{2}, &file);
  Put(uint32_t{0}, &file);
  Put(uint64_t{32}, &file);
  file.resize((file.size() + 31) / 32 * 32 + 32);
  return file + std::string(24, '\2');
}

TEST(HeaderBytesTest, AChildReadsOfGgufWhatThisProcessReads) {
  const std::string text = AllTypes();
  const auto here = ReadGguf(BytesOf(text), "m.gguf", Isolation::kNone);
  const auto there = ReadGguf(BytesOf(text), "m.gguf", Isolation::kChild);
  ASSERT_TRUE(here.ok()) << here.error().what;
  ASSERT_TRUE(there.ok()) << there.error().what;
  const Metadata& metadata = there.value().metadata;
  EXPECT_EQ(metadata.all().size(), 37u);
  EXPECT_EQ(metadata.all(), here.value().metadata.all());
  EXPECT_EQ(*metadata.Find("key.3"), MetaValue(int64_t{-128}));
  EXPECT_EQ(*metadata.Find("key.4"), MetaValue(std::vector<int64_t>{127, 1}));
  EXPECT_EQ(*metadata.Find("key.5"), MetaValue(std::vector<int64_t>{}));
  EXPECT_EQ(*metadata.Find("key.31"), MetaValue(std::vector<bool>{true, false, true}));
  EXPECT_EQ(*metadata.Find("key.33"), MetaValue(std::string("\xFFn\0t UTF-8", 9)));
  EXPECT_EQ(*metadata.Find("key.34"), MetaValue(std::string()));
  EXPECT_EQ(metadata.Strings("key.35")->at(1), "");
  EXPECT_TRUE(metadata.Strings("key.36")->empty());
  ASSERT_EQ(there.value().tensors.size(), 1u);
  const Tensor& tensor = there.value().tensors[0].second;
  EXPECT_EQ(there.value().tensors[0].first, "tensor");
  EXPECT_EQ(tensor.format, &F32());
  EXPECT_EQ(tensor.shape, (Shape{2, 3}));
  EXPECT_EQ(tensor.data, text.data() + text.size() - 24);
  EXPECT_EQ(tensor.data, here.value().tensors[0].second.data);
  EXPECT_EQ(there.value().by_name, here.value().by_name);
}

TEST(HeaderBytesTest, AChildSaysOfBrokenFilesWhatThisProcessSays) {
  const std::string text = AllTypes();
  for (const size_t size : {size_t{3}, size_t{20}, size_t{99}, text.size() / 2, text.size() - 1}) {
    const auto here = ReadGguf(BytesOf(text).first(size), "m.gguf", Isolation::kNone);
    const auto there = ReadGguf(BytesOf(text).first(size), "m.gguf", Isolation::kChild);
    ASSERT_FALSE(here.ok() || there.ok());
    EXPECT_EQ(here.error().what, there.error().what);
    EXPECT_EQ(here.error().code, there.error().code);
  }
}

TEST(HeaderBytesTest, AChildReadsOfSafetensorsWhatThisProcessReads) {
  const std::string header = R"({"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
                             R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                             R"("none":{"dtype":"F64","shape":[0,7],"data_offsets":[16,16]}})";
  std::string text;
  PutText(header, &text);
  text += std::string(16, '\1');
  const auto here = ReadSafetensors(BytesOf(text), "f", Isolation::kNone);
  const auto there = ReadSafetensors(BytesOf(text), "f", Isolation::kChild);
  ASSERT_TRUE(here.ok()) << here.error().what;
  ASSERT_TRUE(there.ok()) << there.error().what;
  ASSERT_EQ(there.value().size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const auto& [name, mine] = here.value()[i];
    const auto& [their_name, theirs] = there.value()[i];
    EXPECT_EQ(name, their_name);
    EXPECT_EQ(mine.type, theirs.type);
    EXPECT_EQ(mine.shape, theirs.shape);
    EXPECT_EQ(mine.data, theirs.data);
  }
  const auto refused = ReadSafetensors(BytesOf(text).first(text.size() - 1), "f", Isolation::kChild);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what,
            "f: tensor \"b\": data_offsets: 4 to 16, but the file holds 15 bytes of data");
}

// What a child in strange hands may write: every cut, every byte changed to some others. Nothing that decodes
// may look beside the file.
TEST(HeaderBytesTest, DamagedBytesAreRefusedOrHarmless) {
  std::string file = "\1";
  Put(GgufType::kString, &file);
  Put(uint64_t{2}, &file);
  PutText("x", &file);
  PutText("yz", &file);
  file += std::string(8, '\0');
  HeaderWriter out;
  out.Count(2);
  out.Value("words", static_cast<uint32_t>(GgufType::kArray), 1);
  out.Value("flag", static_cast<uint32_t>(GgufType::kBool), 0);
  out.Count(1);
  out.Tensor({.name = "w", .type = 0, .shape = {2, 3}, .offset = file.size() - 24});
  const std::string good = out.Take();
  const auto begin = reinterpret_cast<uintptr_t>(file.data()), end = begin + file.size();
  size_t decoded = 0;
  const auto check = [&](const std::string& bytes) {
    const auto read = DecodeGgufHeader(bytes, BytesOf(file), "m");
    if (!read.ok()) {
      EXPECT_EQ(read.error().what,
                "m: the header's reader gave a wrong answer: the file is broken or hostile");
      return;
    }
    ++decoded;
    for (const auto& [name, tensor] : read.value().tensors) {
      const auto at = reinterpret_cast<uintptr_t>(tensor.data);
      EXPECT_TRUE(at >= begin && at + static_cast<uintptr_t>(tensor.rows()) * tensor.row_bytes() <= end);
    }
  };
  check(good);
  ASSERT_EQ(decoded, 1u);
  for (size_t size = 0; size < good.size(); ++size) check(good.substr(0, size));
  ASSERT_EQ(decoded, 1u);
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int value : {0, 1, 2, 9, 127, 128, 255}) {
      std::string bad = good;
      bad[at] = static_cast<char>(value);
      check(bad);
    }
  }
}

}  // namespace
}  // namespace tern
