#pragma once

namespace tern {

// A descriptor field that must be set: leaving it out of a designated initialiser does not compile. A plain
// field would silently become null.
template <class T>
struct Required {
  T value;
  constexpr Required(T v) : value(v) {}
  constexpr operator T() const { return value; }
};

}  // namespace tern
