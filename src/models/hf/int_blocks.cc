#include "models/hf/int_blocks.h"

#include <algorithm>
#include <cstring>

#include "base/float16.h"
#include "tensor/quant/q8_24.h"

namespace tern {
namespace {

struct IntFormat {
  std::string_view name;
  int low, high;
};
constexpr IntFormat kFormats[] = {{"q4_0", -8, 7}, {"q5_0", -16, 15}, {"q8_0", -128, 127}};

// In kFormats; -1: is none of them.
int WidthOf(const Format& format) {
  for (size_t i = 0; i < std::size(kFormats); ++i) {
    if (format.name == kFormats[i].name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

const Format* IntFormatFor(int low, int high) {
  for (const IntFormat& format : kFormats) {
    if (low >= format.low && high <= format.high) return FindFormat(format.name);
  }
  return nullptr;
}

// The layouts are those of docs/formats/quantized-weights.md.
void PutIntBlock(const Format& format, const int16_t* codes, float d, uint8_t* out) {
  const uint16_t half = F32ToF16(d);
  std::memcpy(out, &half, sizeof(half));
  out += sizeof(half);
  if (format.name == "q8_0") {
    for (size_t i = 0; i < kIntBlockWeights; ++i) out[i] = static_cast<uint8_t>(codes[i]);
    return;
  }
  const int zero = format.name == "q4_0" ? 8 : 16;
  uint32_t fifth = 0;
  for (size_t i = 0; i < kIntBlockWeights; ++i)
    fifth |= static_cast<uint32_t>((codes[i] + zero) >> 4 & 1) << i;
  if (zero == 16) {
    std::memcpy(out, &fifth, sizeof(fifth));
    out += sizeof(fifth);
  }
  for (size_t i = 0; i < kIntBlockWeights / 2; ++i) {
    const int low = (codes[i] + zero) & 15, high = (codes[i + kIntBlockWeights / 2] + zero) & 15;
    out[i] = static_cast<uint8_t>(low | high << 4);
  }
}

void PutSparseRow(const int16_t* codes, size_t n, float d, uint8_t* out) {
  using isa_none::q8_24;
  std::memcpy(out, &d, sizeof(d));
  out += sizeof(q8_24::RowPrefix);
  for (size_t first = 0; first < n; first += q8_24::kWeights, out += sizeof(q8_24::Block)) {
    auto& block = *reinterpret_cast<q8_24::Block*>(out);
    for (size_t quad = 0; quad < q8_24::kQuads; ++quad, codes += 4) {
      const float four[4] = {static_cast<float>(codes[0]), static_cast<float>(codes[1]),
                             static_cast<float>(codes[2]), static_cast<float>(codes[3])};
      const q8_24::Pair at = q8_24::Furthest(four);
      q8_24::Put(block, quad, at, codes[at.first], codes[at.second]);
    }
  }
}

const Format& CommonFormat(const std::vector<Tensor>& tensors) {
  const Format* widest = tensors.front().format;
  for (const Tensor& tensor : tensors) {
    if (tensor.format == widest) continue;
    const int width = WidthOf(*tensor.format), so_far = WidthOf(*widest);
    if (width < 0 || so_far < 0) return F32();
    if (width > so_far) widest = tensor.format;
  }
  return *widest;
}

void WriteIn(const Format& format, const Tensor& tensor, uint8_t* out) {
  const auto cols = static_cast<size_t>(tensor.cols());
  const size_t bytes = tensor.row_bytes();
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    const void* row = tensor.row(r);
    if (tensor.format == &format) {
      std::memcpy(out, row, bytes);
      out += bytes;
      continue;
    }
    if (&format == &F32()) {
      tensor.format->decode(row, 0, reinterpret_cast<float*>(out), cols);
      out += cols * sizeof(float);
      continue;
    }
    for (size_t first = 0; first < cols; first += kIntBlockWeights, out += format.block_bytes) {
      IntBlock block;
      int16_t codes[kIntBlockWeights];
      tensor.format->unpack(row, first, &block);
      for (size_t i = 0; i < kIntBlockWeights; ++i)
        codes[i] = static_cast<int16_t>(block.code[i] - tensor.format->int_form.zero);
      PutIntBlock(format, codes, block.d, out);
    }
  }
}

}  // namespace tern
