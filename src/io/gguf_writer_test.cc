#include "io/gguf_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <limits>

namespace tern {
namespace {

constexpr std::array<float, 6> kNumbers = {1, 2, 3, 4, 5, 6};

NamedTensors TwoTensors() {
  const Tensor wide{&F32(), {2, 3}, kNumbers.data()};
  const Tensor one{&F32(), {1}, kNumbers.data() + 5};
  return {{"wide", wide}, {"one", one}};
}

Metadata EveryKind() {
  Metadata metadata;
  metadata.Set("bool", true);
  metadata.Set("int", int64_t{-5});
  metadata.Set("int.wide", std::numeric_limits<int64_t>::min());
  metadata.Set("uint", uint64_t{7});
  metadata.Set("uint.wide", std::numeric_limits<uint64_t>::max());
  metadata.Set("float", 0.5);
  metadata.Set("float.wide", 1e300);
  metadata.Set("string", std::string("with \0 zero", 11));
  metadata.Set("bools", std::vector<bool>{true, false, true});
  metadata.Set("ints", std::vector<int64_t>{-1, int64_t{1} << 40});
  metadata.Set("uints", std::vector<uint64_t>{1, 2, 3});
  metadata.Set("floats", std::vector<double>{1, -2.25});
  metadata.Set("strings", std::vector<std::string>{"", "\xFF not UTF-8", "b"});
  metadata.Set("empty", std::vector<std::string>{});
  metadata.Set("split.no", uint64_t{0});
  return metadata;
}

TEST(GgufWriterTest, WhatIsWrittenIsReadBack) {
  const Metadata metadata = EveryKind();
  const auto bytes = GgufBytes(metadata, TwoTensors());
  ASSERT_TRUE(bytes.ok()) << bytes.error().what;
  const auto file = ParseGguf(std::as_bytes(std::span(bytes.value())), "m.gguf");
  ASSERT_TRUE(file.ok()) << file.error().what;
  EXPECT_EQ(file.value().metadata.all(), metadata.all());
  ASSERT_EQ(file.value().tensors.size(), 2u);
  const auto& [name, one] = file.value().tensors[1];
  EXPECT_EQ(name, "one");
  EXPECT_EQ(*static_cast<const float*>(one.data), 6);
  EXPECT_EQ(file.value().tensors[0].second.shape, (Shape{2, 3}));
}

// Other readers refuse a key whose type is not the usual one.
TEST(GgufWriterTest, NumbersTakeTheUsualTypes) {
  Metadata metadata;
  metadata.Set("split.count", uint64_t{3});
  const std::string bytes = GgufBytes(metadata, {}).value();
  EXPECT_EQ(bytes.substr(24 + 8 + 11, 6), std::string("\x02\0\0\0\x03\0", 6));
  metadata = Metadata();
  metadata.Set("eps", 1e-5);
  EXPECT_EQ(GgufBytes(metadata, {}).value()[24 + 8 + 3], 6);  // f32, though rounded
}

TEST(GgufWriterTest, RefusesWhatTheReaderWouldRefuse) {
  const auto refusal = [](const Metadata& metadata, const NamedTensors& tensors) {
    const auto bytes = GgufBytes(metadata, tensors);
    return bytes.ok() ? "accepted" : bytes.error().what;
  };
  const auto with = [](const std::string& key, MetaValue value) {
    Metadata metadata;
    metadata.Set(key, std::move(value));
    return metadata;
  };
  EXPECT_EQ(refusal(with("general.alignment", uint64_t{48}), {}),
            "general.alignment: 48, expected a power of two from 8 to 1048576");
  EXPECT_EQ(refusal(with("\xFF", true), {}), "metadata key \"\\xff\": is not valid UTF-8");
  EXPECT_EQ(refusal(with("split.no", uint64_t{70000}), {}), "split.no: 70000, expected 0 to 65535");
  const NamedTensors two = TwoTensors();
  EXPECT_EQ(refusal({}, {two[0], two[0]}), "wide: occurs twice");
  Tensor odd{FindFormat("q8_0"), {2, 33}, kNumbers.data()};
  EXPECT_EQ(refusal({}, {{"w", odd}}).substr(0, 3), "w: ");
  odd.shape = {0};
  EXPECT_EQ(refusal({}, {{"w", odd}}), "w: shape [0], expected 1 to 4 positive dimensions");
}

TEST(GgufWriterTest, DataComesInAnyPiecesButWhole) {
  const std::string path = testing::TempDir() + "tern_pieces.gguf";
  std::filesystem::remove(path);
  const std::vector<GgufTensor> tensors = {{"wide", &F32(), {2, 3}}, {"one", &F32(), {1}}};
  auto writer = GgufWriter::Create(path, {}, tensors);
  ASSERT_TRUE(writer.ok());
  const std::string data(28, 'x');
  ASSERT_TRUE(writer.value().Append(data.substr(0, 5)).ok());
  EXPECT_EQ(writer.value().Commit().error().what, "data of 0 of 2 tensors was written");
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(writer.value().Append(data.substr(5)).ok());
  EXPECT_FALSE(writer.value().Append("x").ok());
  ASSERT_TRUE(writer.value().Commit().ok());
  const auto opened = OpenCheckpoint(path);
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  EXPECT_EQ(std::string(static_cast<const char*>(opened.value()->Find("one")->data), 4), "xxxx");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tern
