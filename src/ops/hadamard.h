#pragma once
// The normalized Walsh-Hadamard transform of groups of numbers, in the order of the butterflies. It is its
// own inverse, and leaves dot products of what is transformed alike.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tern {

// The largest power of two that divides `width`: how many numbers of a head can be transformed together.
inline int64_t HadamardGroup(int64_t width) { return width & -width; }

// Sums and differences of `count` numbers with those `count` behind them, for loops whose length is known: a
// compiler makes vectors of these.
template <size_t count, class T>
inline void Butterflies(T* x, T* y) {
  T a[count], b[count];
  std::copy_n(x, count, a);
  std::copy_n(y, count, b);
  for (size_t i = 0; i < count; ++i) x[i] = a[i] + b[i];
  for (size_t i = 0; i < count; ++i) y[i] = a[i] - b[i];
}

// In place; `size` is a power of two.
template <class T>
inline void Hadamard(T* x, size_t size) {
  for (size_t i = 0; i + 1 < size; i += 2) Butterflies<1>(x + i, x + i + 1);
  for (size_t i = 0; i + 2 < size; i += 4) Butterflies<2>(x + i, x + i + 2);
  for (size_t half = 4; half < size; half *= 2) {
    for (size_t first = 0; first < size; first += 2 * half) {
      for (size_t i = first; i < first + half; i += 4) Butterflies<4>(x + i, x + i + half);
    }
  }
  const T by = 1 / std::sqrt(static_cast<T>(size));
  for (size_t i = 0; i < size; ++i) x[i] *= by;
}

}  // namespace tern
