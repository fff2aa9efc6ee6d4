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

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace tern
