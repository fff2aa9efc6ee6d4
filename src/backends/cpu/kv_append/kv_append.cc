#include "backends/cpu/kv_append/kv_append.h"

#include <algorithm>
#include <cstring>

#include "backends/cpu/step.h"
#include "base/isa.h"

namespace tern {

const KvEncoders& PickKvEncoders([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return name;
#include "backends/cpu/kv_append/kernels.inc"
#undef KERNEL
  return kv_encode_none;
}

namespace {

constexpr size_t kScaleBytes = kKvBlockTokens * sizeof(float);  // in front of codes

// Writes one token's head into its slot of a block.
class RowWriter {
 public:
  RowWriter(const KvEncoders& encoders, KvType type, const KvLayer& layer, void* scratch)
      : encoders_(encoders),
        type_(type),
        head_dim_(static_cast<size_t>(layer.head_dim)),
        v_dim_(static_cast<size_t>(layer.value_dim())),
        key_most_(static_cast<float>(MostKeyCode(type, layer.head_dim))),
        value_most_(static_cast<float>(MostValueCode(type))),
        scratch_(scratch) {}

  // Element c of the token, or pair c of elements, lies 16 elements or pairs behind c - 1.
  void WriteK(void* part, int slot, const float* x) const {
    const auto at = static_cast<size_t>(slot);
    char* to = Elements(part);
    Encode(x, head_dim_, key_most_, scratch_, part, slot);
    switch (type_) {
      case KvType::kF32:
        return Scatter<uint32_t>(head_dim_, kKvBlockTokens, to, at);
      case KvType::kF16:
      case KvType::kBf16:
        return Scatter<uint16_t>(head_dim_, kKvBlockTokens, to, at);
      case KvType::kInt8:
        static_cast<int8_t*>(scratch_)[head_dim_] = 0;
        return Scatter<uint16_t>((head_dim_ + 1) / 2, kKvBlockTokens, to, at);
      case KvType::kInt16:
        static_cast<int16_t*>(scratch_)[head_dim_] = 0;
        return Scatter<uint32_t>((head_dim_ + 1) / 2, kKvBlockTokens, to, at);
    }
  }

  // As one row, or codes as every second one of a row.
  void WriteV(void* part, int slot, const float* x) const {
    const auto at = static_cast<size_t>(slot);
    char* to = Elements(part);
    const size_t element = type_ == KvType::kF32 ? 4 : type_ == KvType::kInt8 ? 1 : 2;
    if (!IsCodes(type_)) return Encode(x, v_dim_, 0, to + at * v_dim_ * element, part, slot);
    Encode(x, v_dim_, value_most_, scratch_, part, slot);
    const size_t first = at / 2 * CodeWidth(v_dim_) * 2 + at % 2;
    if (type_ == KvType::kInt8) return Scatter<uint8_t>(v_dim_, 2, to, first);
    Scatter<uint16_t>(v_dim_, 2, to, first);
  }

 private:
  char* Elements(void* part) const { return static_cast<char*>(part) + (IsCodes(type_) ? kScaleBytes : 0); }

  void Encode(const float* x, size_t n, float most, void* out, void* part, int slot) const {
    switch (type_) {
      case KvType::kF32:
        std::memcpy(out, x, n * sizeof(float));
        return;
      case KvType::kF16:
        return encoders_.f16(x, n, static_cast<uint16_t*>(out));
      case KvType::kBf16:
        return encoders_.bf16(x, n, static_cast<uint16_t*>(out));
      case KvType::kInt8:
        static_cast<float*>(part)[slot] = encoders_.int8(x, n, most, static_cast<int8_t*>(out));
        return;
      case KvType::kInt16:
        static_cast<float*>(part)[slot] = encoders_.int16(x, n, most, static_cast<int16_t*>(out));
        return;
    }
  }

  // Element i of what was encoded to element first + i * stride.
  template <class T>
  void Scatter(size_t count, size_t stride, char* to, size_t first) const {
    const T* from = static_cast<const T*>(scratch_);
    T* out = reinterpret_cast<T*>(to) + first;
    for (size_t i = 0; i < count; ++i) out[i * stride] = from[i];
  }

  const KvEncoders& encoders_;
  KvType type_;
  size_t head_dim_, v_dim_;
  float key_most_, value_most_;
  void* scratch_;
};

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const int layer = static_cast<int>(c.node.attrs.Int("layer"));
  const auto columns = static_cast<size_t>(std::max(c.input(0).type.shape[1], c.input(1).type.shape[1]));
  return MakeRowStep(
      (columns + 1) * sizeof(float),
      [&encoders = PickKvEncoders(c.isa), layer](const OpArgs& args, int64_t r, const StepMemory& memory) {
        const auto& sequences = args.batch.sequences;
        const auto after =
            std::upper_bound(sequences.begin(), sequences.end(), r,
                             [](int64_t row, const SequenceSpan& s) { return row < s.first_row; });
        const SequenceSpan& sequence = *std::prev(after);
        const int position = sequence.first_position + static_cast<int>(r) - sequence.first_row;
        const int32_t block = args.kv->BlockOf(sequence, layer, position / kKvBlockTokens);
        const int slot = position % kKvBlockTokens;
        const KvLayer& kv = args.kv->layer(layer);
        const View &k = args.inputs[0], &v = args.inputs[1];
        TERN_CHECK(k.cols() == int64_t{kv.kv_heads} * kv.head_dim);
        TERN_CHECK(v.cols() == int64_t{kv.kv_heads} * kv.value_dim());
        const RowWriter writer(encoders, args.kv->type(), kv, memory.scratch);
        for (int head = 0; head < kv.kv_heads; ++head) {
          const float* k_row = k.f32() + r * k.cols() + int64_t{head} * kv.head_dim;
          const float* v_row = v.f32() + r * v.cols() + int64_t{head} * kv.value_dim();
          writer.WriteK(args.kv->K(layer, block, head), slot, k_row);
          writer.WriteV(args.kv->V(layer, block, head), slot, v_row);
        }
      });
}

}  // namespace
extern const CpuOpDesc k_cpuop_kv_append;
const CpuOpDesc k_cpuop_kv_append = {
    .name = "kv_append", .supports = SupportsAny, .prepare = Prepare, .row_wise = true};
}  // namespace tern
