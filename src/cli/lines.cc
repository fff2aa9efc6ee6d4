#include "cli/lines.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

namespace tern {

std::string ReadStandardInput() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

Status EachLine(const std::function<Status(std::string_view line)>& handle) {
  std::string line;
  for (int number = 1; std::getline(std::cin, line); ++number) {
    const Status status = handle(line);
    if (!status.ok())
      return Error{status.error().code, fmt::format("line {}: {}", number, status.error().what)};
  }
  return {};
}

Status MapLines(const std::function<Result<std::string>(std::string_view line)>& handle) {
  return EachLine([&](std::string_view line) -> Status {
    TERN_TRY(const std::string result, handle(line));
    fmt::print("{}\n", result);
    std::fflush(stdout);  // a program may wait for this answer before it asks again
    return {};
  });
}

}  // namespace tern
