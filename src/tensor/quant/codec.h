#pragma once
// What every format header starts from, and how a row of a format is read and written.
//
// A format is a struct `name` in tensor/quant/<name>.h, in tern::TERN_ISA_NS and an unnamed namespace, so
// that one header compiles into the portable registry and again into every ISA's decode tables
// (backends/cpu/decode):
//
//   kWeights        weights per block: a divisor or multiple of 32, at most 256
//   kGgufType       ggml type id on disk
//   Block           a block's bytes as they lie on disk: [[gnu::packed]], a file may hold them at any address
//   Encode, Decode  kWeights floats to and from a block; Decode is bit-identical to the format's reference,
//                   a block with a NaN or an infinity in it decodes to NaN or infinity, never to plain
//                   numbers. Where there is something to choose, Encode takes kWeights importances after the
//                   floats and makes the sum of importance * error^2 small
//   kTolerance      worst |x - Decode(Encode(x))| as a share of max|x| within the block
//   kIntForm, Unpack  optional (tensor/int_form.h): int8 kernels on every ISA, instead of decoding to f32
//   kCodes, PackCodes  optional, beside Unpack: how many codes there are, and what writes kWeights of them
//                   into a block whose scales stay
//   RowPrefix       optional: what lies before a row's blocks, [[gnu::packed]]. Then there is also
//                     EncodePrefix(row, n, prefix) (or with a RowImportance after the row), and Encode,
//                     Decode, Unpack take the prefix before the block
//   kFiniteOnly     optional, true where no bits stand for infinities and NaNs

#include <cstddef>
#include <cstdint>

#include "base/float16.h"
#include "tensor/int_form.h"

#ifndef TERN_ISA_NS  // outside ISA files, formats compile for the portable ISA
#define TERN_ISA_NS isa_none
#endif

namespace tern::TERN_ISA_NS {
namespace {

// GCC and Clang make these of the widest vectors that the ISA has. Never parameters of functions: how they
// are passed depends on the ISA.
typedef float Floats8 __attribute__((vector_size(32)));
typedef int32_t Ints8 __attribute__((vector_size(32)));

// Blocks handled in one pass of constant length: loops over tiny blocks (f16: one weight) vectorise too. So
// does everything here by __restrict, or bytes of a block could change with each float that is written.
template <class F>
constexpr size_t kStrip = F::kWeights < 32 ? 32 / F::kWeights : 1;

template <class F>
constexpr bool kHasPrefix = requires {
  typename F::RowPrefix;
};

// Format::decode and Format::encode.
template <class F>
void DecodeRow(const void* __restrict row, size_t first, float* __restrict out, size_t n) {
  const size_t count = n / F::kWeights;
  size_t i = 0;
  if constexpr (kHasPrefix<F>) {
    const auto& prefix = *static_cast<const typename F::RowPrefix*>(row);
    const auto* block = reinterpret_cast<const typename F::Block*>(&prefix + 1) + first / F::kWeights;
    for (; i < count; ++i) F::Decode(prefix, block[i], out + i * F::kWeights);
  } else {
    const auto* block = static_cast<const typename F::Block*>(row) + first / F::kWeights;
    for (; i + kStrip<F> <= count; i += kStrip<F>) {
      for (size_t j = 0; j < kStrip<F>; ++j) F::Decode(block[i + j], out + (i + j) * F::kWeights);
    }
    for (; i < count; ++i) F::Decode(block[i], out + i * F::kWeights);
  }
}

// What squared errors count for in a row of weights, in units of the row's mean. Inputs that calibration
// never saw still count a little, or their weights would be lost; importances that are no numbers or all zero
// count as equal.
class RowImportance {
 public:
  RowImportance(const float* importance, size_t n) {
    double sum = 0;
    for (size_t i = 0; importance != nullptr && i < n; ++i) sum += importance[i];
    if (!(sum > 0) || !(sum < __builtin_inf())) return;
    importance_ = importance;
    per_mean_ = static_cast<float>(static_cast<double>(n) / sum);
  }
  bool equal() const { return importance_ == nullptr; }
  // Of weights first .. first + count - 1, in `out`.
  void Fill(size_t first, size_t count, float* out) const {
    constexpr float kLeast = 1e-6f;
    for (size_t i = 0; i < count; ++i) {
      const float relative = equal() ? 1.f : importance_[first + i] * per_mean_;
      out[i] = relative > kLeast ? relative : kLeast;
    }
  }

 private:
  const float* importance_ = nullptr;
  float per_mean_ = 1;
};

template <class F>
void EncodeRow(const float* in, const float* importance, void* row, size_t n) {
  const RowImportance shares(importance, n);
  [[maybe_unused]] float w[F::kWeights];
  if constexpr (kHasPrefix<F>) {
    auto& prefix = *static_cast<typename F::RowPrefix*>(row);
    auto* block = reinterpret_cast<typename F::Block*>(&prefix + 1);
    if constexpr (requires { F::EncodePrefix(in, shares, n, prefix); }) {
      F::EncodePrefix(in, shares, n, prefix);
    } else {
      F::EncodePrefix(in, n, prefix);
    }
    for (size_t i = 0; i < n / F::kWeights; ++i) {
      const float* x = in + i * F::kWeights;
      if constexpr (requires { F::Encode(x, w, prefix, *block); }) {
        shares.Fill(i * F::kWeights, F::kWeights, w);
        F::Encode(x, w, prefix, block[i]);
      } else {
        F::Encode(x, prefix, block[i]);
      }
    }
  } else {
    auto* block = static_cast<typename F::Block*>(row);
    for (size_t i = 0; i < n / F::kWeights; ++i) {
      const float* x = in + i * F::kWeights;
      if constexpr (requires { F::Encode(x, w, *block); }) {
        shares.Fill(i * F::kWeights, F::kWeights, w);
        F::Encode(x, w, block[i]);
      } else {
        F::Encode(x, block[i]);
      }
    }
  }
}

// Format::unpack.
template <class F>
void UnpackBlock(const void* row, size_t first, IntBlock* out) {
  if constexpr (kHasPrefix<F>) {
    const auto& prefix = *static_cast<const typename F::RowPrefix*>(row);
    F::Unpack(prefix, reinterpret_cast<const typename F::Block*>(&prefix + 1)[first / F::kWeights], out);
  } else {
    F::Unpack(static_cast<const typename F::Block*>(row)[first / F::kWeights], out);
  }
}

// Format::pack.
template <class F>
void PackBlock(const uint8_t* code, void* row, size_t first) {
  F::PackCodes(code, &static_cast<typename F::Block*>(row)[first / F::kWeights]);
}

// For Unpack of formats with one scale per block.
inline void SetScale(IntBlock* out, float d, float minimum = 0) {
  out->d = d;
  out->dmin = minimum;
  for (int8_t& sc : out->sc) sc = 1;
  for (uint8_t& mn : out->mn) mn = 1;
}

// `form` with codes of 4 bits that stand for these levels.
constexpr IntForm WithLevels(IntForm form, const int8_t (&levels)[16]) {
  form.bits = 4;
  for (size_t i = 0; i < 16; ++i) form.levels[i] = static_cast<uint8_t>(levels[i] + form.zero);
  return form;
}

// Decode by way of Unpack, for formats whose reference is the integer form's formula with exact products:
// then one function knows the layout. The products are exact while d has 11 bits, sc 8 and a code 5 or 6
// besides their signs.
template <class F>
inline void DecodeByUnpack(const typename F::Block& block, float* out) {
  IntBlock ints;
  F::Unpack(block, &ints);
  constexpr IntForm form = F::kIntForm;
  for (size_t g = 0; g < F::kWeights / form.group; ++g) {
    const float scale = ints.d * static_cast<float>(ints.sc[g]);
    const float minimum = ints.dmin * static_cast<float>(ints.mn[g]);
    for (size_t i = g * form.group; i < (g + 1) * form.group; ++i) {
      const float product = scale * static_cast<float>(ints.code[i] - form.zero);
      out[i] = form.has_min ? product - minimum : product;
    }
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
