#include "io/safetensors_writer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "io/files.h"

namespace tern {
namespace {

std::string Path(const char* name) { return testing::TempDir() + name; }

TEST(SafetensorsWriter, WritesWhatTheReaderReads) {
  const std::string path = Path("written.safetensors");
  const SafetensorsEntry kEntries[] = {{"b", RawType::kF32, {2, 3}}, {"a", RawType::kF16, {5}}};
  const std::string data = "0123456789abcdefghijklmnABCDEFGHIJ";
  {
    auto writer = SafetensorsWriter::Create(path, kEntries);
    ASSERT_TRUE(writer.ok()) << writer.error().what;
    ASSERT_TRUE(writer.value().Append(data.substr(0, 30)).ok());  // pieces need not end where tensors do
    ASSERT_TRUE(writer.value().Append(data.substr(30)).ok());
    ASSERT_TRUE(writer.value().Commit().ok());
  }
  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok());
  const auto read = ParseSafetensors(file.value().bytes(), path);
  ASSERT_TRUE(read.ok()) << read.error().what;
  ASSERT_EQ(read.value().size(), 2u);
  for (const auto& [name, tensor] : read.value()) {
    const bool is_first = name == "b";
    EXPECT_EQ(tensor.shape, (is_first ? Shape{2, 3} : Shape{5})) << name;
    EXPECT_EQ(tensor.type, is_first ? RawType::kF32 : RawType::kF16);
    EXPECT_EQ(std::memcmp(tensor.data, data.data() + (is_first ? 0 : 24), tensor.bytes()), 0);
  }
}

TEST(SafetensorsWriter, RefusesTooLittleTooMuchAndTwice) {
  const SafetensorsEntry kEntries[] = {{"a", RawType::kF32, {2}}, {"a", RawType::kF32, {2}}};
  const std::string path = Path("refused.safetensors");
  EXPECT_FALSE(SafetensorsWriter::Create(path, kEntries).ok());
  auto writer = SafetensorsWriter::Create(path, std::span(kEntries).first(1));
  ASSERT_TRUE(writer.ok());
  EXPECT_FALSE(writer.value().Append("123456789").ok());
  EXPECT_TRUE(writer.value().Append("1234567").ok());
  EXPECT_FALSE(writer.value().Commit().ok());
  EXPECT_FALSE(IsFile(path));
}

}  // namespace
}  // namespace tern
