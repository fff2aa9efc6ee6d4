#pragma once
// The machine's limits, as commands print them and read them again.

#include <boost/json/object.hpp>
#include <string>

#include "backends/cpu/limits/limits.h"
#include "base/result.h"

namespace tern {

// "limits of 2 threads: read 41.9 GB/s, int8 912 GOP/s, bf16 ..., fp32 ..."
std::string LimitsText(const MachineLimits& limits);
boost::json::object LimitsJson(const MachineLimits& limits);
// From a file with the JSON of `tern bench` or `tern explain`. The error names the file and the member.
Result<MachineLimits> ReadLimits(const std::string& path);

}  // namespace tern
