#include "backends/cpu/linear/pack.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/cpu/linear/bf16_layout.h"
#include "backends/cpu/linear/int16_layout.h"
#include "base/float16.h"
#include "ops/quantized_rows.h"
#include "tensor/quant/q8_24.h"

namespace tern {
namespace {

using Blocks = std::array<IntBlock, kPanelWidth>;

// One vector of 32 f16, or bf16: d or dmin of every channel.
uint8_t* PutHalves(const Blocks& blocks, float IntBlock::*field, uint8_t* out, bool wide = false) {
  for (size_t c = 0; c < kPanelWidth; ++c) {
    const float x = blocks[c].*field;
    const uint16_t half = wide ? F32ToBf16(x) : F32ToF16(x);
    std::memcpy(out + 2 * c, &half, 2);
  }
  return out + 2 * kPanelWidth;
}

void PutHeader(const Blocks& blocks, const PanelLayout& layout, size_t first_k, uint8_t* out) {
  const size_t first_group = first_k / static_cast<size_t>(layout.group);
  const size_t groups = static_cast<size_t>(layout.groups());
  uint8_t* min = out + layout.scale_bytes();
  for (size_t g = 0; g < groups; ++g) {
    const size_t at = g * kPanelWidth;
    if (!layout.two_level) {
      PutHalves(blocks, &IntBlock::d, out + 2 * at, layout.wide_scale);
      if (layout.has_min) PutHalves(blocks, &IntBlock::dmin, min + 2 * at);
      continue;
    }
    for (size_t c = 0; c < kPanelWidth; ++c) {
      out[at + c] = static_cast<uint8_t>(blocks[c].sc[first_group + g]);
      if (layout.has_min) min[at + c] = blocks[c].mn[first_group + g];
    }
  }
}

// Four codes as they lie in memory; shifts and masks below work on all four at once.
uint32_t Quad(const IntBlock& block, size_t k) {
  uint32_t quad;
  std::memcpy(&quad, block.code + k, 4);
  return quad;
}
void PutQuad(uint8_t* line, size_t c, uint32_t quad) { std::memcpy(line + 4 * c, &quad, 4); }

void PutCodes8(const Blocks& blocks, size_t first_k, uint8_t* out) {
  for (size_t k = 0; k < kStep; k += 4, out += 128) {
    for (size_t c = 0; c < kPanelWidth; ++c) PutQuad(out, c, Quad(blocks[c], first_k + k));
  }
}

// The nibble line of one quad.
void PutNibbles(const Blocks& blocks, size_t k, uint8_t* line) {
  for (size_t c = 0; c < 16; ++c) {
    const uint32_t low = Quad(blocks[c], k) & 0x0f0f0f0f, high = Quad(blocks[c + 16], k) & 0x0f0f0f0f;
    PutQuad(line, c, low | high << 4);
  }
}

// The line of upper bits of the `span` quads from k on.
void PutUpper(const Blocks& blocks, size_t k, int upper_bits, size_t span, uint8_t* line) {
  const uint32_t mask = upper_bits == 1 ? 0x01010101 : 0x03030303;
  for (size_t c = 0; c < 16; ++c) {
    uint32_t bits = 0;
    for (size_t q = 0; q < span; ++q) {
      const size_t shift = q * 2 * static_cast<size_t>(upper_bits);
      bits |= (Quad(blocks[c], k + 4 * q) >> 4 & mask) << shift;
      bits |= (Quad(blocks[c + 16], k + 4 * q) >> 4 & mask) << (shift + static_cast<size_t>(upper_bits));
    }
    PutQuad(line, c, bits);
  }
}

void PutCodes(const Blocks& blocks, int bits, size_t first_k, uint8_t* out) {
  if (bits == 8) return PutCodes8(blocks, first_k, out);
  const size_t span = bits == 5 ? 4 : bits == 6 ? 2 : 1;
  for (size_t k = first_k; k < first_k + kStep; k += 4 * span) {
    if (bits != 4) {
      PutUpper(blocks, k, bits - 4, span, out);
      out += 64;
    }
    for (size_t q = 0; q < span; ++q, out += 64) PutNibbles(blocks, k + 4 * q, out);
  }
}

// One channel's part of a step, from its places on.
void PutSparse(const uint8_t* codes, uint8_t* out) {
  for (size_t quad = 0; quad < kStep / 4; ++quad) {
    const size_t p = quad / 2, byte = quad % 2 * 2;
    float weights[4];
    for (size_t i = 0; i < 4; ++i) weights[i] = static_cast<float>(codes[4 * quad + i] - 128);
    const auto [first, second] = isa_none::q8_24::Furthest(weights);
    for (const size_t place : {first, second}) {
      const size_t at = byte + (place == second ? 1 : 0);
      out[at] |= static_cast<uint8_t>(place << 2 * p);
      out[128 * (p + 1) + at] = static_cast<uint8_t>(codes[4 * quad + place] - 128);
    }
  }
}

void PackSparsePanel(const Tensor& weight, const PanelLayout& layout, int64_t first_channel, uint8_t* out) {
  const auto channels = static_cast<size_t>(std::min<int64_t>(kPanelWidth, weight.rows() - first_channel));
  for (size_t c = 0; c < channels; ++c) {
    const void* row = weight.row(first_channel + static_cast<int64_t>(c));
    uint8_t* step = out + layout.lead_bytes() + 4 * c;
    IntBlock block;
    for (size_t k = 0; k < static_cast<size_t>(weight.cols()); k += kStep, step += layout.step_bytes()) {
      weight.format->unpack(row, k, &block);
      PutSparse(block.code, step);
    }
    std::memcpy(out + 4 * c, &block.d, sizeof(block.d));
  }
}

// Four rows of four words to columns.
typedef uint32_t Words4 __attribute__((vector_size(16)));
std::array<Words4, 4> Columns(const std::array<Words4, 4>& row) {
  const Words4 low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const Words4 low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const Words4 high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const Words4 high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  return {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
          __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
          __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
          __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
}

// in [32][kDecodeStride] to out [n][32], four by four.
void Transpose(const float* in, size_t n, float* out) {
  size_t k = 0;
  for (; k + 4 <= n; k += 4) {
    for (size_t c = 0; c < kPanelWidth; c += 4) {
      std::array<Words4, 4> row;
      for (size_t i = 0; i < 4; ++i) std::memcpy(&row[i], in + (c + i) * kDecodeStride + k, 16);
      const std::array<Words4, 4> column = Columns(row);
      for (size_t i = 0; i < 4; ++i) std::memcpy(out + (k + i) * kPanelWidth + c, &column[i], 16);
    }
  }
  for (; k < n; ++k) {
    for (size_t c = 0; c < kPanelWidth; ++c) out[k * kPanelWidth + c] = in[c * kDecodeStride + k];
  }
}

}  // namespace

bool HasPlanes(const Format& format) { return format.name == "q8_0"; }

PanelLayout LayoutOfFormat(const Format& format) { return LayoutOfForm(format.int_form); }

namespace {

// 16 codes of four rows of q8_0, quad by quad, as unsigned bytes. Unrolled, or else all goes through memory.
void PutFourRows(const std::array<const uint8_t*, 4>& codes, uint8_t* out) {
  std::array<Words4, 4> row;
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    std::memcpy(&row[i], codes[i], 16);
    row[i] ^= 0x80808080;
  }
  const std::array<Words4, 4> quads = Columns(row);
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) std::memcpy(out + 128 * i, &quads[i], 16);
}

}  // namespace

void PackQ8Rows(const uint8_t* const* rows, size_t width, uint8_t* out) {
  constexpr size_t kBlockBytes = 2 + kStep, kStepBytes = 64 + kStep * kPanelWidth;
  // Steps of which the panel stays in L1 while all rows come by, each as a stream of its own.
  constexpr size_t kRun = 16;
  const size_t steps = width / kStep;
  for (size_t first = 0; first < steps; first += kRun) {
    for (size_t c = 0; c < kPanelWidth; c += 4) {
      // The rows to come are too short, and too many, for the hardware to see them coming.
      const bool last = c + 4 == kPanelWidth;
      const uint8_t* const* next = last ? rows : rows + c + 4;
      const size_t ahead = last ? kRun : 0;
      for (size_t step = first; step < std::min(steps, first + kRun); ++step) {
        std::array<const uint8_t*, 4> low, high;
        uint8_t* to = out + step * kStepBytes;
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; ++i) {
          __builtin_prefetch(next[i] + (step + ahead) * kBlockBytes);
          const uint8_t* block = rows[c + i] + step * kBlockBytes;
          std::memcpy(to + 2 * (c + i), block, 2);
          low[i] = block + 2;
          high[i] = block + 18;
        }
        PutFourRows(low, to + 64 + 4 * c);
        PutFourRows(high, to + 64 + 4 * (128 + c));
      }
    }
  }
}

void PackIntPanel(const Tensor& weight, const PanelLayout& layout, int64_t first_channel, uint8_t* out) {
  if (layout.sparse) return PackSparsePanel(weight, layout, first_channel, out);
  const Format& format = *weight.format;
  const int64_t channels = std::min<int64_t>(kPanelWidth, weight.rows() - first_channel);
  const auto width = static_cast<size_t>(weight.cols());
  const size_t row_bytes = weight.row_bytes();
  const auto* rows = static_cast<const uint8_t*>(weight.row(first_channel));
  if (HasPlanes(format) && channels == kPanelWidth) {
    const uint8_t* row[kPanelWidth];
    for (size_t c = 0; c < kPanelWidth; ++c) row[c] = rows + c * row_bytes;
    return PackQ8Rows(row, width, out);
  }
  Blocks blocks{};
  for (size_t first = 0; first < width; first += format.block_weights) {
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      format.unpack(rows + c * row_bytes, first, &blocks[c]);
    }
    if (layout.two_level) {
      out = PutHalves(blocks, &IntBlock::d, out);
      if (layout.has_min) out = PutHalves(blocks, &IntBlock::dmin, out);
    }
    for (size_t k = 0; k < format.block_weights; k += kStep) {
      PutHeader(blocks, layout, k, out);
      PutCodes(blocks, layout.bits, k, out + layout.header_bytes());
      out += layout.step_bytes();
    }
  }
}

namespace {

// The lower 3 bits of the codes of 4 quads: a line for each bit.
void PutLowPlanes(const Blocks& blocks, size_t first_k, uint8_t* out) {
  for (size_t bit = 0; bit < 3; ++bit, out += 64) {
    for (size_t c = 0; c < 16; ++c) {
      uint32_t bits = 0;
      for (size_t q = 0; q < 4; ++q) {
        const size_t k = first_k + 4 * q;
        bits |= (Quad(blocks[c], k) >> bit & 0x01010101) << 2 * q;
        bits |= (Quad(blocks[c + 16], k) >> bit & 0x01010101) << (2 * q + 1);
      }
      PutQuad(out, c, bits);
    }
  }
}

// What screens need of a channel: how far its weights are from those of the upper plane, and how large they
// are.
struct ChannelNorms {
  double low = 0, scale = 0, weight = 0;  // squared

  void Add(const IntBlock& block) {
    int low_codes = 0, codes = 0;
    for (size_t i = 0; i < kStep; ++i) {
      const int halves = 2 * (block.code[i] & 7) - static_cast<int>(2 * kPlaneMiddle);
      const int code = block.code[i] - 128;
      low_codes += halves * halves;
      codes += code * code;
    }
    const double d2 = static_cast<double>(block.d) * static_cast<double>(block.d);
    low += d2 * low_codes / 4;
    scale += d2;
    weight += d2 * codes;
  }
  // What is lost per |x|, and per |x - x'|: screen.h says why so.
  float Error(int64_t width) const {
    const double rounding = static_cast<double>(width / kStep + 8) * 0x1p-22;
    return Up(std::sqrt(low) + 4.0 / 127 * std::sqrt(scale) + rounding * Most());
  }
  float LowError() const { return Up(Most()); }

 private:
  double Most() const { return std::sqrt(weight) + std::sqrt(low); }
  static float Up(double x) {
    return static_cast<float>(x * (1 + 0x1p-20)) + std::numeric_limits<float>::min();
  }
};

}  // namespace

void PackPlanesPanel(const Tensor& weight, int64_t first_channel, uint8_t* out, uint8_t* low) {
  const Format& format = *weight.format;
  const auto channels = static_cast<size_t>(std::min<int64_t>(kPanelWidth, weight.rows() - first_channel));
  const size_t row_bytes = weight.row_bytes();
  const auto* rows = static_cast<const uint8_t*>(weight.row(first_channel));
  const PanelLayout layout = PlanesOfForm(format.int_form);
  uint8_t* error = out + layout.steps_bytes(weight.cols());
  ChannelNorms norms[kPanelWidth];
  Blocks blocks{}, upper{};
  for (size_t k = 0; k < static_cast<size_t>(weight.cols()); k += kStep) {
    for (size_t c = 0; c < channels; ++c) {
      format.unpack(rows + c * row_bytes, k, &blocks[c]);
      norms[c].Add(blocks[c]);
      for (size_t i = 0; i < kStep; ++i) upper[c].code[i] = blocks[c].code[i] >> 3;
    }
    PutHeader(blocks, layout, 0, out);
    PutCodes(upper, kUpperPlane.bits, 0, out + layout.header_bytes());
    out += layout.step_bytes();
    for (size_t quads = 0; quads < kStep; quads += 16, low += 192) PutLowPlanes(blocks, quads, low);
  }
  for (size_t c = 0; c < channels; ++c) {
    const float errors[] = {norms[c].Error(weight.cols()), norms[c].LowError()};
    for (size_t i = 0; i < 2; ++i) std::memcpy(error + 4 * (kPanelWidth * i + c), &errors[i], 4);
  }
}

namespace {

// The first `words` words of every row, word by word.
template <size_t kBytes>
void PackWords(const Tensor& weight, int64_t first_channel, size_t words, uint8_t* out) {
  const int64_t channels = std::min<int64_t>(kPanelWidth, weight.rows() - first_channel);
  constexpr size_t kRun = 64;  // words per pass: output lines stay in cache while all rows come by
  for (size_t first = 0; first < words; first += kRun) {
    const size_t end = std::min(words, first + kRun);
    for (int64_t c = 0; c < channels; ++c) {
      const auto* row = static_cast<const uint8_t*>(weight.row(first_channel + c));
      uint8_t* column = out + static_cast<size_t>(c) * kBytes;
      for (size_t k = first; k < end; ++k) {
        std::memcpy(column + k * kPanelWidth * kBytes, row + k * kBytes, kBytes);
      }
    }
  }
}

}  // namespace

void PackFloatPanel(const Tensor& weight, int64_t first_channel, uint8_t* out) {
  const auto width = static_cast<size_t>(weight.cols());
  if (weight.format->block_bytes == 2) return PackWords<2>(weight, first_channel, width, out);
  PackWords<4>(weight, first_channel, width, out);
}

// A pair is a word.
void PackBf16Panel(const Tensor& weight, int64_t first_channel, uint8_t* out) {
  const size_t width = static_cast<size_t>(weight.cols()), whole = width / 2;
  const int64_t channels = std::min<int64_t>(kPanelWidth, weight.rows() - first_channel);
  PackWords<4>(weight, first_channel, whole, out);
  if (width % 2 == 0) return;
  for (int64_t c = 0; c < channels; ++c) {
    const auto* row = static_cast<const uint8_t*>(weight.row(first_channel + c));
    std::memcpy(out + whole * kBf16PairBytes + 4 * static_cast<size_t>(c), row + 4 * whole, 2);
  }
}

namespace {

// One channel's codes of a group, two to a pair's line; returns the scale. NaN where the group holds a NaN
// or an infinity.
float PutInt16(const float* x, size_t n, uint8_t* out) {
  float max = 0;
  bool finite = true;
  for (size_t i = 0; i < n; ++i) {
    max = std::max(max, std::abs(x[i]));
    finite = finite && std::isfinite(x[i]);
  }
  if (!finite) return std::numeric_limits<float>::quiet_NaN();
  if (max < kActTiny) return 0;
  const float inverse = kInt16Max / max;
  for (size_t i = 0; i < n; ++i) {
    const auto code = static_cast<int16_t>(std::lrintf(x[i] * inverse));
    std::memcpy(out + i / 2 * kInt16PairBytes + i % 2 * 2, &code, 2);
  }
  return max / kInt16Max;
}

}  // namespace

void PackInt16Panel(const Tensor& weight, int64_t first_channel, uint8_t* out) {
  const auto width = static_cast<size_t>(weight.cols()), group = static_cast<size_t>(kInt16Group);
  const auto channels = static_cast<size_t>(std::min<int64_t>(kPanelWidth, weight.rows() - first_channel));
  for (size_t first = 0; first < width; first += group) {
    const size_t n = std::min(group, width - first);
    for (size_t c = 0; c < channels; ++c) {
      float x[kInt16Group];
      weight.format->decode(weight.row(first_channel + static_cast<int64_t>(c)), first, x, n);
      const float scale = PutInt16(x, n, out + kInt16HeaderBytes + 4 * c);
      std::memcpy(out + 4 * c, &scale, 4);
    }
    out += kInt16HeaderBytes + (n + 1) / 2 * kInt16PairBytes;
  }
}

void DecodePanel(const Tensor& weight, DecodeRowFn decode, int64_t first_channel, float* chunk, float* out) {
  const size_t width = static_cast<size_t>(weight.cols());
  const size_t channels = static_cast<size_t>(std::min<int64_t>(kPanelWidth, weight.rows() - first_channel));
  std::fill(chunk, chunk + kDecodeChunkFloats, 0.0f);
  for (size_t first_k = 0; first_k < width; first_k += kDecodeWidth) {
    const size_t n = std::min(kDecodeWidth, width - first_k);
    for (size_t c = 0; c < channels; ++c) {
      decode(weight.row(first_channel + static_cast<int64_t>(c)), first_k, chunk + c * kDecodeStride, n);
    }
    Transpose(chunk, n, out);
    out += n * kPanelWidth;
  }
}

}  // namespace tern
