#pragma once
// What a server that runs says of its schedule, for people: who waits, and why.

#include <string>

#include "base/result.h"

namespace tern {

// Of `tern serve` at `url`, "http://127.0.0.1:8080": the answer of its `path`, "/debug/schedule". `key`: an
// API key; empty: none.
Result<std::string> FetchDebug(const std::string& url, const std::string& path, const std::string& key);
// That answer in lines. Errors: it is something else.
Result<std::string> ScheduleText(const std::string& schedule);

}  // namespace tern
