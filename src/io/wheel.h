#pragma once
// Taking one file out of a Python wheel (a zip file). The wheel is data: nothing in it is run or imported.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/pull_events.h"

namespace tern {

// Names of all members.
Result<std::vector<std::string>> WheelMembers(const std::string& wheel);

// Appends the member's content to the open file `fd` at its position and returns the number of bytes. More
// than `limit_bytes`, or a wrong CRC, is an error. `out_path` is for messages.
Result<uint64_t> AppendWheelMember(const std::string& wheel, const std::string& member, int fd,
                                   const std::string& out_path, uint64_t limit_bytes,
                                   const PullEvents& events);

}  // namespace tern
