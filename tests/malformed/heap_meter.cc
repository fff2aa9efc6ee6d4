#include "malformed/heap_meter.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

size_t live = 0, start = 0, peak = 0;

void* TryTake(size_t bytes) {
  void* block = std::malloc(bytes == 0 ? 1 : bytes);
  if (block == nullptr) return nullptr;
  live += malloc_usable_size(block);
  peak = std::max(peak, live);
  return block;
}

void* Take(size_t bytes) {
  void* block = TryTake(bytes);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void Give(void* block) {
  if (block != nullptr) live -= malloc_usable_size(block);
  std::free(block);
}

}  // namespace

void* operator new(size_t bytes) { return Take(bytes); }
void* operator new[](size_t bytes) { return Take(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return TryTake(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return TryTake(bytes); }
void operator delete(void* block) noexcept { Give(block); }
void operator delete[](void* block) noexcept { Give(block); }
void operator delete(void* block, size_t) noexcept { Give(block); }
void operator delete[](void* block, size_t) noexcept { Give(block); }

namespace tern {

void HeapMeter::Start() { start = peak = live; }
size_t HeapMeter::Peak() { return peak - start; }

}  // namespace tern
