#pragma once
// HeapMeter: how much `operator new` handed out at once since Start(). Linking heap_meter.cc replaces the
// global operators. For single-threaded test drivers.

#include <cstddef>

namespace tern {

class HeapMeter {
 public:
  static void Start();   // counts from here
  static size_t Peak();  // most bytes at once since Start(), beyond what was live then
};

}  // namespace tern
