#pragma once
// Confine: takes from this process what reading bytes from outside does not need. Internal to
// base/sandbox.cc.

#include <sys/types.h>

#include "base/sandbox.h"

namespace tern {

// There is no way back. Afterwards memory can be had up to the limit and bytes written to `answer_fd`.
// `mapped_bytes`: the address space in use, 0 where that is not known.
SandboxLayers Confine(int answer_fd, uint64_t mapped_bytes, const SandboxLimits& limits);

}  // namespace tern
