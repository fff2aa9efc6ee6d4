#pragma once
// Standard input, line by line or whole, for commands that other programs pipe into.

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tern {

// All of it. `waiting` is called once if that takes longer than a second.
std::string ReadStandardInput(const std::function<void()>& waiting = {});
// Calls `handle` with each line of standard input, without its end. `more`: the next line is there already,
// nobody need be waited for. An error names the line number and ends the run.
Status EachLine(const std::function<Status(std::string_view line, bool more)>& handle);
// The same, and prints what it returns as one line.
Status MapLines(const std::function<Result<std::string>(std::string_view line)>& handle);

}  // namespace tern
