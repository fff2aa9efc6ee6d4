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

constexpr size_t kScaleBytes = kKvBlockTokens * sizeof(float);  // in front of int8 codes

// Writes one token's head into its slot of a block.
class RowWriter {
 public:
  RowWriter(const KvEncoders& encoders, KvType type, const KvLayer& layer, void* scratch)
      : encoders_(encoders),
        type_(type),
        head_dim_(static_cast<size_t>(layer.head_dim)),
        v_dim_(static_cast<size_t>(layer.value_dim())),
        scratch_(scratch) {}

  // [head_dim][16]: element c of the token lies 16 elements behind element c - 1.
  void WriteK(void* part, int slot, const float* x) const {
    const auto at = static_cast<size_t>(slot);
    char* codes = Codes(part);
    Encode(x, head_dim_, scratch_, part, slot);
    switch (type_) {
      case KvType::kF32:
        return Scatter(static_cast<const uint32_t*>(scratch_), reinterpret_cast<uint32_t*>(codes) + at);
      case KvType::kF16:
      case KvType::kBf16:
        return Scatter(static_cast<const uint16_t*>(scratch_), reinterpret_cast<uint16_t*>(codes) + at);
      case KvType::kInt8:
        return Scatter(static_cast<const int8_t*>(scratch_), reinterpret_cast<int8_t*>(codes) + at);
    }
  }

  // [16][v_dim]
  void WriteV(void* part, int slot, const float* x) const {
    const size_t element = type_ == KvType::kF32 ? 4 : type_ == KvType::kInt8 ? 1 : 2;
    Encode(x, v_dim_, Codes(part) + static_cast<size_t>(slot) * v_dim_ * element, part, slot);
  }

 private:
  char* Codes(void* part) const {
    return static_cast<char*>(part) + (type_ == KvType::kInt8 ? kScaleBytes : 0);
  }

  void Encode(const float* x, size_t n, void* out, void* part, int slot) const {
    switch (type_) {
      case KvType::kF32:
        std::memcpy(out, x, n * sizeof(float));
        return;
      case KvType::kF16:
        return encoders_.f16(x, n, static_cast<uint16_t*>(out));
      case KvType::kBf16:
        return encoders_.bf16(x, n, static_cast<uint16_t*>(out));
      case KvType::kInt8:
        static_cast<float*>(part)[slot] = encoders_.int8(x, n, static_cast<int8_t*>(out));
        return;
    }
  }

  template <class T>
  void Scatter(const T* from, T* to) const {
    for (size_t c = 0; c < head_dim_; ++c) to[c * kKvBlockTokens] = from[c];
  }

  const KvEncoders& encoders_;
  KvType type_;
  size_t head_dim_, v_dim_;
  void* scratch_;
};

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const int layer = static_cast<int>(c.node.attrs.Int("layer"));
  const auto columns = static_cast<size_t>(c.input(0).type.shape[1]);
  return MakeRowStep(columns * sizeof(float), [&encoders = PickKvEncoders(c.isa), layer](
                                                  const OpArgs& args, int64_t r, const StepMemory& memory) {
    const auto& sequences = args.batch.sequences;
    const auto after = std::upper_bound(sequences.begin(), sequences.end(), r,
                                        [](int64_t row, const SequenceSpan& s) { return row < s.first_row; });
    const SequenceSpan& sequence = *std::prev(after);
    const int position = sequence.first_position + static_cast<int>(r) - sequence.first_row;
    const int32_t block = sequence.blocks[static_cast<size_t>(position / kKvBlockTokens)];
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
