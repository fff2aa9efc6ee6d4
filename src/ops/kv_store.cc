#include "ops/kv_store.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/float16.h"

namespace tern {
namespace {

constexpr std::string_view kNames[] = {"f32", "f16", "bf16", "int8"};  // in the order of KvType
constexpr size_t kScaleBytes = kKvBlockTokens * sizeof(float);

size_t ElementBytes(KvType type) { return type == KvType::kF32 ? 4 : type == KvType::kInt8 ? 1 : 2; }

// Bytes of K or V with this many channels: one block of one head.
size_t PartBytes(int channels, KvType type) {
  const size_t elements = static_cast<size_t>(channels) * kKvBlockTokens;
  const size_t bytes = elements * ElementBytes(type) + (type == KvType::kInt8 ? kScaleBytes : 0);
  return (bytes + 63) / 64 * 64;
}

size_t HeadBlockBytes(const KvLayer& layer, KvType type) {
  return PartBytes(layer.head_dim, type) + PartBytes(layer.value_dim(), type);
}
size_t LayerBlockBytes(const KvLayer& layer, KvType type) {
  return static_cast<size_t>(layer.kv_heads) * HeadBlockBytes(layer, type);
}

// Element c of a token lies at first + c * stride.
struct Run {
  size_t first, stride, count;
};

float Int8Scale(const float* x, size_t count) {
  float max = 0;
  for (size_t c = 0; c < count; ++c) {
    if (!std::isfinite(x[c])) return std::numeric_limits<float>::quiet_NaN();
    max = std::max(max, std::abs(x[c]));
  }
  return max / 127.f;
}

void StoreInt8(void* part, int slot, Run run, const float* x) {
  const float scale = Int8Scale(x, run.count);
  static_cast<float*>(part)[slot] = scale;
  int8_t* codes = static_cast<int8_t*>(part) + kScaleBytes;
  for (size_t c = 0; c < run.count; ++c) {
    // The clamp is for subnormal scales, whose own rounding error is large.
    const float code = scale > 0 ? std::nearbyint(x[c] / scale) : 0.f;
    codes[run.first + c * run.stride] = static_cast<int8_t>(std::clamp(code, -127.f, 127.f));
  }
}

void Store(KvType type, void* part, int slot, Run run, const float* x) {
  if (type == KvType::kInt8) return StoreInt8(part, slot, run, x);
  for (size_t c = 0; c < run.count; ++c) {
    const size_t at = run.first + c * run.stride;
    if (type == KvType::kF32) static_cast<float*>(part)[at] = x[c];
    if (type == KvType::kF16) static_cast<uint16_t*>(part)[at] = F32ToF16(Saturate(x[c], kF16Max));
    if (type == KvType::kBf16) static_cast<uint16_t*>(part)[at] = F32ToBf16(Saturate(x[c], kBf16Max));
  }
}

void Load(KvType type, const void* part, int slot, Run run, float* x) {
  for (size_t c = 0; c < run.count; ++c) {
    const size_t at = run.first + c * run.stride;
    if (type == KvType::kF32) x[c] = static_cast<const float*>(part)[at];
    if (type == KvType::kF16) x[c] = F16ToF32(static_cast<const uint16_t*>(part)[at]);
    if (type == KvType::kBf16) x[c] = Bf16ToF32(static_cast<const uint16_t*>(part)[at]);
    if (type == KvType::kInt8) {
      const float code = static_cast<const int8_t*>(part)[kScaleBytes + at];
      x[c] = static_cast<const float*>(part)[slot] * code;
    }
  }
}

Run KRun(const KvLayer& layer, int slot) {
  return {static_cast<size_t>(slot), kKvBlockTokens, static_cast<size_t>(layer.head_dim)};
}
Run VRun(const KvLayer& layer, int slot) {
  const size_t width = static_cast<size_t>(layer.value_dim());
  return {static_cast<size_t>(slot) * width, 1, width};
}

}  // namespace

Result<KvType> ParseKvType(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<KvType>(i);
  }
  return BadInput("KV type: \"" + std::string(name) + "\", expected f32, f16, bf16 or int8");
}

std::string_view KvTypeName(KvType type) { return kNames[static_cast<size_t>(type)]; }

size_t KvStore::BlockBytes(const std::vector<KvLayer>& layers, KvType type) {
  size_t bytes = 0;
  for (const KvLayer& layer : layers) bytes += LayerBlockBytes(layer, type);
  return bytes;
}

KvStore::KvStore(std::vector<KvLayer> layers, KvType type, int blocks)
    : layers_(std::move(layers)), type_(type), blocks_(blocks) {
  TERN_CHECK(blocks >= 0);
  for (const KvLayer& layer : layers_) {
    places_.push_back({block_bytes_, PartBytes(layer.head_dim, type), HeadBlockBytes(layer, type)});
    block_bytes_ += LayerBlockBytes(layer, type);
  }
  buffer_ = Buffer(static_cast<size_t>(blocks) * block_bytes_);
}

void* KvStore::K(int layer, int32_t block, int head) {
  const Place& place = places_[static_cast<size_t>(layer)];
  return static_cast<char*>(buffer_.data()) + static_cast<size_t>(block) * block_bytes_ + place.offset +
         static_cast<size_t>(head) * place.head_bytes;
}

void* KvStore::V(int layer, int32_t block, int head) {
  return static_cast<char*>(K(layer, block, head)) + places_[static_cast<size_t>(layer)].k_bytes;
}

void KvStore::StoreRow(int layer, int32_t block, int head, int slot, const float* k, const float* v) {
  Store(type_, K(layer, block, head), slot, KRun(this->layer(layer), slot), k);
  Store(type_, V(layer, block, head), slot, VRun(this->layer(layer), slot), v);
}

void KvStore::LoadRow(int layer, int32_t block, int head, int slot, float* k, float* v) const {
  Load(type_, K(layer, block, head), slot, KRun(this->layer(layer), slot), k);
  Load(type_, V(layer, block, head), slot, VRun(this->layer(layer), slot), v);
}

}  // namespace tern
