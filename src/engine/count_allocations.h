#pragma once
// For tests: how often this process asked the heap for memory.

#include <cstddef>

namespace tern {

size_t HeapAllocations();

}  // namespace tern
