#pragma once
// AdoptRead: KV of blocks that came from elsewhere, into an engine's memory, where the prefix tree keeps it
// as if it had been computed.

#include <cstddef>
#include <span>
#include <vector>

#include "engine/runner.h"
#include "kv/disk_block.h"
#include "sched/scheduler.h"

namespace tern {

// Of a waiting request's tokens, from place `*next` on as far as places have all their parts that are
// `wanted`: these leave `read`, which is in the order of places. False: there is no room for more.
bool AdoptRead(Runner& runner, Scheduler& scheduler, RequestId request, std::span<const PlaceParts> wanted,
               size_t* next, std::vector<DiskBlock>* read);

}  // namespace tern
