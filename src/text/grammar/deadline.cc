#include "text/grammar/deadline.h"

#include <ctime>

namespace tern::grammar {
namespace {

std::chrono::nanoseconds ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Deadline::Deadline(int milliseconds) : end_(ProcessorTime() + std::chrono::milliseconds(milliseconds)) {}

void Deadline::Look() {
  steps_ = 0;
  is_over_ |= ProcessorTime() > end_;
}

}  // namespace tern::grammar
