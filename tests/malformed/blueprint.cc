#include "malformed/blueprint.h"

#include "tensor/format.h"

namespace tern {
namespace {

enum : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64
};
constexpr uint32_t kF32 = 0;

Blueprint Tiny(uint32_t version) {
  Blueprint file("tiny, version " + std::to_string(version));
  file.Header(2, 2, version).String("general.architecture", "llama").Uint32("llama.block_count", 1);
  file.Tensor("token_embd.weight", {8, 3}, kF32, 0).Tensor("output_norm.weight", {8}, kF32, 96);
  return file.Data(32, 96 + 32);
}

Blueprint EveryValueType() {
  Blueprint file("every value type");
  file.Header(0, 24);
  file.Key("u8", kUint8).Put<uint8_t>(200).Key("i8", kInt8).Put<int8_t>(-100);
  file.Key("u16", kUint16).Put<uint16_t>(60000).Key("i16", kInt16).Put<int16_t>(-30000);
  file.Key("u32", kUint32).Put<uint32_t>(4000000000).Key("i32", kInt32).Put<int32_t>(-2000000000);
  file.Key("u64", kUint64).Put<uint64_t>(1ULL << 63).Key("i64", kInt64).Put<int64_t>(-(1LL << 62));
  file.Key("f32", kFloat32).Put(1.5f).Key("f64", kFloat64).Put(1e300);
  file.Key("bool", kBool).Put<uint8_t>(1, FieldKind::kBool).String("string", "text");
  file.Array("u8s", kUint8, 3).Put<uint8_t>(1).Put<uint8_t>(2).Put<uint8_t>(3);
  file.Array("i8s", kInt8, 1).Put<int8_t>(-1).Array("u16s", kUint16, 1).Put<uint16_t>(1);
  file.Array("i16s", kInt16, 1).Put<int16_t>(-1).Array("u32s", kUint32, 2).Put<uint32_t>(1).Put<uint32_t>(2);
  file.Array("i32s", kInt32, 1).Put<int32_t>(-1).Array("u64s", kUint64, 1).Put<uint64_t>(1);
  file.Array("i64s", kInt64, 1).Put<int64_t>(-1).Array("f32s", kFloat32, 2).Put(0.5f).Put(-0.5f);
  file.Array("f64s", kFloat64, 1).Put(2.5);
  file.Array("bools", kBool, 2).Put<uint8_t>(1, FieldKind::kBool).Put<uint8_t>(0, FieldKind::kBool);
  return file.Array("strings", kString, 3).Text("a").Text("").Text("ccc");
}

Blueprint EveryFormat() {
  Blueprint file("every weight format");
  const auto formats = AllFormats();
  file.Header(formats.size(), 1).String("general.architecture", "llama");
  uint64_t offset = 0, end = 0;
  for (const Format* format : formats) {
    file.Tensor("blk.0." + std::string(format->name), {format->block_weights, 2}, format->gguf_type, offset);
    end = offset + 2 * BlockOffset(*format, format->block_weights);
    offset = (end + 31) / 32 * 32;
  }
  return file.Data(32, end);
}

Blueprint OtherAlignment() {
  Blueprint file("alignment 64, a gap, tensors out of order");
  file.Header(3, 2).Key("general.alignment", kUint32).Put<uint32_t>(64, FieldKind::kAlignment);
  file.String("general.name", "\xE2\x96\x81 and more");
  file.Tensor("c", {5}, kF32, 256).Tensor("a", {16}, kF32, 0).Tensor("\xC3\xA9", {2, 2, 2, 2}, kF32, 64);
  return file.Data(64, 256 + 20);
}

Blueprint Vocabulary() {
  constexpr uint64_t kTokens = 24;
  Blueprint file("vocabulary only");
  file.Header(0, 5).String("general.architecture", "llama").String("tokenizer.ggml.model", "llama");
  file.Array("tokenizer.ggml.tokens", kString, kTokens);
  for (uint64_t i = 0; i < kTokens; ++i) file.Text(i == 3 ? "\xFF\xFE" : "t" + std::to_string(i));
  file.Array("tokenizer.ggml.scores", kFloat32, kTokens);
  for (uint64_t i = 0; i < kTokens; ++i) file.Put(-static_cast<float>(i));
  file.Array("tokenizer.ggml.token_type", kInt32, kTokens);
  for (uint64_t i = 0; i < kTokens; ++i) file.Put<int32_t>(i < 3 ? 3 : 1);
  return file;
}

Blueprint EveryRank() {
  Blueprint file("tensors of 0 to 4 dimensions");
  file.Header(5, 0);
  file.Tensor("r0", {}, kF32, 0).Tensor("r1", {4}, kF32, 32).Tensor("r2", {4, 2}, kF32, 64);
  file.Tensor("r3", {4, 2, 2}, kF32, 96).Tensor("r4", {4, 1, 2, 2}, kF32, 160);
  return file.Data(32, 160 + 64);
}

}  // namespace

std::string_view NameOf(FieldKind kind) {
  constexpr std::string_view kNames[] = {
      "magic",     "version",    "tensor count", "key count",    "length", "name",
      "text",      "value type", "element type", "array length", "bool",   "number",
      "alignment", "dimensions", "size",         "tensor type",  "offset"};
  return kNames[static_cast<size_t>(kind)];
}

uint64_t Blueprint::ValueOf(const Field& field) const {
  uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + field.offset, field.bytes < 8 ? field.bytes : 8);
  return value;
}

Blueprint& Blueprint::Header(uint64_t tensors, uint64_t keys, uint32_t version) {
  bytes_ = "GGUF";
  fields_.push_back({FieldKind::kMagic, 0, 4});
  return Put(version, FieldKind::kVersion)
      .Put(tensors, FieldKind::kTensorCount)
      .Put(keys, FieldKind::kKeyCount);
}

Blueprint& Blueprint::Key(std::string_view key, uint32_t type) {
  return Text(key, FieldKind::kName).Put(type, FieldKind::kValueType);
}

Blueprint& Blueprint::Text(std::string_view text, FieldKind kind) {
  Put<uint64_t>(text.size(), FieldKind::kLength);
  if (!text.empty()) fields_.push_back({kind, bytes_.size(), text.size()});
  bytes_ += text;
  header_bytes_ = bytes_.size();
  return *this;
}

Blueprint& Blueprint::Array(std::string_view key, uint32_t element_type, uint64_t count) {
  return Key(key, kArray).Put(element_type, FieldKind::kElementType).Put(count, FieldKind::kArrayLength);
}

Blueprint& Blueprint::Tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                             uint64_t offset) {
  Text(name, FieldKind::kName).Put(static_cast<uint32_t>(dims.size()), FieldKind::kDims);
  for (const uint64_t dim : dims) Put(dim, FieldKind::kDim);
  return Put(type, FieldKind::kTensorType).Put(offset, FieldKind::kOffset);
}

Blueprint& Blueprint::Data(size_t alignment, size_t bytes) {
  bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
  bytes_.append(bytes, '\x3A');
  return *this;
}

std::vector<Blueprint> ValidFiles() {
  return {Tiny(3), Tiny(2), EveryValueType(), EveryFormat(), OtherAlignment(), Vocabulary(), EveryRank()};
}

std::vector<Blueprint> ValidShards() {
  std::vector<Blueprint> shards;
  for (uint16_t no = 0; no < 3; ++no) {
    Blueprint file("shard " + std::to_string(no));
    file.Header(1, 4).Key("split.no", kUint16).Put(no).Key("split.count", kUint16).Put<uint16_t>(3);
    file.Key("split.tensors.count", kInt32).Put<int32_t>(3).String("general.architecture", "llama");
    file.Tensor("blk." + std::to_string(no), {4}, kF32, 0).Data(32, 16);
    shards.push_back(std::move(file));
  }
  return shards;
}

}  // namespace tern
