#pragma once
// q8_24: 2:4 sparse. Of every 4 weights at most 2 are not zero: signed bytes, with one f32 scale for a row. 5
// bits per weight, a 32nd of a scale's included. Encoding keeps the two furthest from zero: for weights that
// were trained so, that is all there is; of others it throws away an eighth of their squared size. With
// importances it keeps the two whose loss would count most (Wanda, Sun et al. 2023, arXiv 2306.11695).
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q8_24 {
  static constexpr size_t kWeights = 32, kQuads = kWeights / 4;
  static constexpr uint32_t kGgufType = 1000005;
  struct [[gnu::packed]] RowPrefix {
    float d;
  };
  struct [[gnu::packed]] Block {
    int8_t q[2 * kQuads];        // two of each quad
    uint8_t places[kQuads / 2];  // of quad j 4 bits from 4 (j % 2) on, in byte j / 2: 2 bits where its first
                                 // lies, 2 bits where its second lies, which counts where they are the same
  };
  static_assert(sizeof(Block) == 20);

  struct Pair {
    size_t first, second;
  };
  static Pair PlacesOf(const Block& b, size_t quad) {
    const int bits = b.places[quad / 2] >> (quad % 2 * 4);
    return {static_cast<size_t>(bits & 3), static_cast<size_t>(bits >> 2 & 3)};
  }
  // Of four numbers the two furthest from zero, in their order.
  static Pair Furthest(const float* x) {
    size_t most = 0;
    for (size_t i = 1; i < 4; ++i) most = __builtin_fabsf(x[i]) > __builtin_fabsf(x[most]) ? i : most;
    size_t next = most == 0 ? 1 : 0;
    for (size_t i = next + 1; i < 4; ++i) {
      if (i != most && __builtin_fabsf(x[i]) > __builtin_fabsf(x[next])) next = i;
    }
    return most < next ? Pair{most, next} : Pair{next, most};
  }

  static void Put(Block& b, size_t quad, Pair at, int first, int second) {
    b.q[2 * quad] = static_cast<int8_t>(first);
    b.q[2 * quad + 1] = static_cast<int8_t>(second);
    const int shift = quad % 2 * 4, others = b.places[quad / 2] & 0xf0 >> shift;
    b.places[quad / 2] = static_cast<uint8_t>(others | static_cast<int>(at.first | at.second << 2) << shift);
  }

  static void EncodePrefix(const float* x, size_t n, RowPrefix& row) {
    row.d = __builtin_fabsf(FurthestWeight(x, n)) / 127.f;
  }
  static void Encode(const float* x, const float* w, const RowPrefix& row, Block& b) {
    const float inverse = Inverse(row.d);
    for (size_t j = 0; j < kQuads; ++j, x += 4, w += 4) {
      float counts[4];
      for (size_t i = 0; i < 4; ++i) counts[i] = x[i] * __builtin_sqrtf(w[i]);
      const Pair at = Furthest(counts);
      Put(b, j, at, NearestCode(x[at.first] * inverse, -127, 127),
          NearestCode(x[at.second] * inverse, -127, 127));
    }
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    const float d = row.d;
    for (size_t i = 0; i < kWeights; ++i) x[i] = d * 0.f;
    for (size_t j = 0; j < kQuads; ++j) {
      const Pair at = PlacesOf(b, j);
      x[4 * j + at.first] = d * static_cast<float>(b.q[2 * j]);
      x[4 * j + at.second] = d * static_cast<float>(b.q[2 * j + 1]);
    }
  }
  static constexpr float kTolerance = 1;  // what is dropped may be as large as what is kept

  static constexpr IntForm kIntForm = {.bits = 8, .group = 32, .zero = 128, .sparse = true};
  static void Unpack(const RowPrefix& row, const Block& b, IntBlock* out) {
    SetScale(out, row.d);
    for (size_t i = 0; i < kWeights; ++i) out->code[i] = 128;
    for (size_t j = 0; j < kQuads; ++j) {
      const Pair at = PlacesOf(b, j);
      out->code[4 * j + at.first] = static_cast<uint8_t>(b.q[2 * j] + 128);
      out->code[4 * j + at.second] = static_cast<uint8_t>(b.q[2 * j + 1] + 128);
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
