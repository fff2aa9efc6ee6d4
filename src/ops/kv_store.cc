#include "ops/kv_store.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/float16.h"

namespace tern {
namespace {

constexpr std::string_view kNames[] = {"f32", "f16", "bf16", "int8", "int16"};  // in the order of KvType
constexpr size_t kScaleBytes = kKvBlockTokens * sizeof(float);

size_t ElementBytes(KvType type) { return type == KvType::kF32 ? 4 : type == KvType::kInt8 ? 1 : 2; }

// Bytes of K or V where a token has this many elements, padding included: one block of one head.
size_t PartBytes(size_t elements, KvType type) {
  const size_t bytes = elements * kKvBlockTokens * ElementBytes(type) + (IsCodes(type) ? kScaleBytes : 0);
  return (bytes + 63) / 64 * 64;
}
size_t KeyBytes(const KvLayer& layer, KvType type) {
  const auto dim = static_cast<size_t>(layer.head_dim);
  return PartBytes(IsCodes(type) ? dim + dim % 2 : dim, type);
}
size_t ValueBytes(const KvLayer& layer, KvType type) {
  const auto dim = static_cast<size_t>(layer.value_dim());
  return PartBytes(IsCodes(type) ? CodeWidth(dim) : dim, type);
}

size_t MeanBytes(const KvLayer& layer) {
  return layer.means ? (static_cast<size_t>(layer.head_dim) * sizeof(float) + 63) / 64 * 64 : 0;
}

size_t HeadBlockBytes(const KvLayer& layer, KvType type) {
  return KeyBytes(layer, type) + ValueBytes(layer, type) + MeanBytes(layer);
}
size_t LayerBlockBytes(const KvLayer& layer, KvType type) {
  return static_cast<size_t>(layer.kv_heads) * HeadBlockBytes(layer, type);
}

// One token's keys or values in a part.
struct Row {
  KvType type;
  bool is_key;
  size_t slot, count;
  int most_code;

  // Where channel c lies, in elements behind the scales.
  size_t At(size_t c) const {
    if (!IsCodes(type)) return is_key ? c * kKvBlockTokens + slot : slot * count + c;
    return is_key ? (c / 2 * kKvBlockTokens + slot) * 2 + c % 2
                  : (slot / 2 * CodeWidth(count) + c) * 2 + slot % 2;
  }
};

Row KeyRow(const KvLayer& layer, KvType type, int slot) {
  return {type, true, static_cast<size_t>(slot), static_cast<size_t>(layer.head_dim),
          MostKeyCode(type, layer.head_dim)};
}
Row ValueRow(const KvLayer& layer, KvType type, int slot) {
  return {type, false, static_cast<size_t>(slot), static_cast<size_t>(layer.value_dim()),
          MostValueCode(type)};
}

float CodeScale(const float* x, const Row& row) {
  float max = 0;
  for (size_t c = 0; c < row.count; ++c) {
    if (!std::isfinite(x[c])) return std::numeric_limits<float>::quiet_NaN();
    max = std::max(max, std::abs(x[c]));
  }
  return max / static_cast<float>(row.most_code);
}

template <class Code>
void StoreCodes(void* part, const Row& row, const float* x) {
  const float scale = CodeScale(x, row), most = static_cast<float>(row.most_code);
  static_cast<float*>(part)[row.slot] = scale;
  auto* codes = reinterpret_cast<Code*>(static_cast<char*>(part) + kScaleBytes);
  for (size_t c = 0; c < row.count; ++c) {
    // The clamp is for subnormal scales, whose own rounding error is large.
    const float code = scale > 0 ? std::nearbyint(x[c] / scale) : 0.f;
    codes[row.At(c)] = static_cast<Code>(std::clamp(code, -most, most));
  }
}

void Store(void* part, const Row& row, const float* x) {
  if (row.type == KvType::kInt8) return StoreCodes<int8_t>(part, row, x);
  if (row.type == KvType::kInt16) return StoreCodes<int16_t>(part, row, x);
  for (size_t c = 0; c < row.count; ++c) {
    const size_t at = row.At(c);
    if (row.type == KvType::kF32) static_cast<float*>(part)[at] = x[c];
    if (row.type == KvType::kF16) static_cast<uint16_t*>(part)[at] = F32ToF16(Saturate(x[c], kF16Max));
    if (row.type == KvType::kBf16) static_cast<uint16_t*>(part)[at] = F32ToBf16(Saturate(x[c], kBf16Max));
  }
}

template <class Code>
void LoadCodes(const void* part, const Row& row, float* x) {
  const auto* codes = reinterpret_cast<const Code*>(static_cast<const char*>(part) + kScaleBytes);
  const float scale = static_cast<const float*>(part)[row.slot];
  for (size_t c = 0; c < row.count; ++c) x[c] = scale * static_cast<float>(codes[row.At(c)]);
}

void Load(const void* part, const Row& row, float* x) {
  if (row.type == KvType::kInt8) return LoadCodes<int8_t>(part, row, x);
  if (row.type == KvType::kInt16) return LoadCodes<int16_t>(part, row, x);
  for (size_t c = 0; c < row.count; ++c) {
    const size_t at = row.At(c);
    if (row.type == KvType::kF32) x[c] = static_cast<const float*>(part)[at];
    if (row.type == KvType::kF16) x[c] = F16ToF32(static_cast<const uint16_t*>(part)[at]);
    if (row.type == KvType::kBf16) x[c] = Bf16ToF32(static_cast<const uint16_t*>(part)[at]);
  }
}

}  // namespace

Result<KvType> ParseKvType(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<KvType>(i);
  }
  return BadInput("KV type: \"" + std::string(name) + "\", expected f32, f16, bf16, int8 or int16");
}

std::string_view KvTypeName(KvType type) { return kNames[static_cast<size_t>(type)]; }

int MostKeyCode(KvType type, int head_dim) {
  if (type == KvType::kInt8) return 127;
  const int padded = head_dim + head_dim % 2;
  return static_cast<int>(std::sqrt(std::numeric_limits<int32_t>::max() / static_cast<double>(padded)));
}

int MostValueCode(KvType type) { return type == KvType::kInt8 ? 127 : 4095; }

size_t KvStore::BlockBytes(const std::vector<KvLayer>& layers, KvType type, bool windowed) {
  size_t bytes = 0;
  for (const KvLayer& layer : layers) {
    if (layer.windowed == windowed) bytes += LayerBlockBytes(layer, type);
  }
  return bytes;
}

KvStore::KvStore(std::vector<KvLayer> layers, KvType type, int blocks, int window_blocks)
    : layers_(std::move(layers)), type_(type), blocks_(blocks), window_blocks_(window_blocks) {
  TERN_CHECK(blocks >= 0 && window_blocks >= 0);
  const size_t bytes[] = {BlockBytes(layers_, type, false), BlockBytes(layers_, type, true)};
  size_t offset[] = {0, static_cast<size_t>(blocks) * bytes[0]};
  for (const KvLayer& layer : layers_) {
    const size_t k_bytes = KeyBytes(layer, type);
    places_.push_back({bytes[layer.windowed], offset[layer.windowed], k_bytes,
                       k_bytes + ValueBytes(layer, type), HeadBlockBytes(layer, type)});
    offset[layer.windowed] += LayerBlockBytes(layer, type);
  }
  buffer_ = Buffer(static_cast<size_t>(blocks) * bytes[0] + static_cast<size_t>(window_blocks) * bytes[1]);
}

std::span<std::byte> KvStore::Block(int32_t block, bool windowed) {
  TERN_CHECK(block >= 0 && block < (windowed ? window_blocks_ : blocks_));
  const size_t bytes = block_bytes(windowed);
  const size_t before = windowed ? static_cast<size_t>(blocks_) * block_bytes(false) : 0;
  auto* const all = static_cast<std::byte*>(buffer_.data());
  return {all + before + static_cast<size_t>(block) * bytes, bytes};
}

void KvStore::StoreRow(int layer, int32_t block, int head, int slot, const float* k, const float* v) {
  Store(K(layer, block, head), KeyRow(this->layer(layer), type_, slot), k);
  Store(V(layer, block, head), ValueRow(this->layer(layer), type_, slot), v);
}

void KvStore::LoadRow(int layer, int32_t block, int head, int slot, float* k, float* v) const {
  Load(K(layer, block, head), KeyRow(this->layer(layer), type_, slot), k);
  Load(V(layer, block, head), ValueRow(this->layer(layer), type_, slot), v);
}

}  // namespace tern
