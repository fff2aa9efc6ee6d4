#include "cli/lines.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

namespace tern {

std::string ReadStandardInput() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

Status MapLines(const std::function<Result<std::string>(std::string_view line)>& handle) {
  std::string line;
  for (int number = 1; std::getline(std::cin, line); ++number) {
    const auto result = handle(line);
    if (!result.ok())
      return Error{result.error().code, fmt::format("line {}: {}", number, result.error().what)};
    fmt::print("{}\n", result.value());
    std::fflush(stdout);  // a program may wait for this answer before it asks again
  }
  return {};
}

}  // namespace tern
