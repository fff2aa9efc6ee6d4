#include "engine/count_allocations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<size_t> g_allocations{0};
}

void* operator new(size_t bytes) {
  ++g_allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
// Where only one of the two is inlined, GCC takes them for strangers.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace tern {

size_t HeapAllocations() { return g_allocations; }

TEST(CountAllocations, SeesThem) {
  const size_t before = HeapAllocations();
  auto* volatile number = new int(1);
  delete number;
  EXPECT_EQ(HeapAllocations() - before, 1u);
}

}  // namespace tern
