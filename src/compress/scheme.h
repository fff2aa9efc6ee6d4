#pragma once
// Scheme: what a compressed weight is stored as: a format's own blocks, or whole numbers of which many share
// one scale, laid down in a format that can hold them.
//
//   q4_0, iq4_nl, q6_k, ...   a format of tensor/quant/formats.list
//   int4_g128, int4_g64, ...  4-bit codes with a scale per 128, 64 or 32 weights, laid down as q4_0
//   int4_g128_asym, ...       with a minimum beside the scale, laid down as q4_1
//   int4_channel              with one per row, laid down as q4_0
//   int8_channel              8-bit codes with one scale per row, laid down as q8_0
//   q4_0+low_rank32, ...      any of these with a part beside it (compress/part.h), and how much of it

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/format.h"

namespace tern {

struct PartDesc;

struct Scheme {
  std::string name;
  const Format* format = nullptr;  // how the weight lies in memory and in GGUF
  // Weights that share what the format's block holds beside codes, a multiple of its block; 0: the format's
  // own blocks; kWholeRow: all of a row.
  int64_t group = 0;

  static constexpr int64_t kWholeRow = -1;

  const PartDesc* part = nullptr;  // null: none
  int64_t part_size = 0;
};

// The error lists what there is.
Result<Scheme> ParseScheme(std::string_view name);
// Whether rows of this width can be stored so, apart from what a part needs.
bool Fits(const Scheme& scheme, int64_t columns);

}  // namespace tern
