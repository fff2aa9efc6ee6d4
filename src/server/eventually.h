#pragma once
// For tests: what another thread does soon.

#include <chrono>
#include <thread>

namespace tern {

// Whether it holds within 20 seconds.
template <class Holds>
bool Eventually(const Holds& holds) {
  for (int i = 0; i < 40000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  return holds();
}

}  // namespace tern
