#pragma once
// Writes panels (panel_layout.h) from a weight's rows.

#include "backends/cpu/decode/decode.h"
#include "backends/cpu/linear/panel_layout.h"
#include "tensor/tensor.h"

namespace tern {

// Whether a weight can be packed in planes: q8_0.
bool HasPlanes(const Format& format);
// The layout that holds a format's integers without loss.
PanelLayout LayoutOfFormat(const Format& format);
// Channels first_channel .. + 31 of `weight`; those past its last row become zeros.
void PackIntPanel(const Tensor& weight, const PanelLayout& layout, int64_t first_channel, uint8_t* out);
// The same in planes (panel_layout.h).
void PackPlanesPanel(const Tensor& weight, int64_t first_channel, uint8_t* out, uint8_t* low);
// Any 32 rows of q8_0 as a panel of its own layout.
void PackQ8Rows(const uint8_t* const* rows, size_t width, uint8_t* out);
// [K][32] elements of 2 or 4 bytes, as they lie in the rows.
void PackFloatPanel(const Tensor& weight, int64_t first_channel, uint8_t* out);
// bf16 weights in pairs of inputs (bf16_layout.h).
void PackBf16Panel(const Tensor& weight, int64_t first_channel, uint8_t* out);
// f32, f16 or bf16 weights as int16 codes (int16_layout.h).
void PackInt16Panel(const Tensor& weight, int64_t first_channel, uint8_t* out);

// f32 [K][32] of any format. `chunk` is working memory of kDecodeChunkFloats.
inline constexpr size_t kDecodeWidth = 256;                 // inputs decoded per row at a time
inline constexpr size_t kDecodeStride = kDecodeWidth + 16;  // keeps 32 rows out of the same cache sets
inline constexpr size_t kDecodeChunkFloats = kPanelWidth * kDecodeStride;
void DecodePanel(const Tensor& weight, DecodeRowFn decode, int64_t first_channel, float* chunk, float* out);

}  // namespace tern
