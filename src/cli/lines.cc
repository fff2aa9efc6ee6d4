#include "cli/lines.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace tern {

std::string ReadStandardInput() {
  std::string text;
  char part[16384];
  for (size_t read; (read = std::fread(part, 1, sizeof(part), stdin)) > 0;) text.append(part, read);
  return text;
}

Status EachLine(const std::function<Status(std::string_view line)>& handle) {
  struct Buffer {
    ~Buffer() { std::free(data); }
    char* data = nullptr;
    size_t size = 0;
  } buffer;
  ssize_t bytes = 0;
  for (int number = 1; (bytes = getline(&buffer.data, &buffer.size, stdin)) > 0; ++number) {
    std::string_view line(buffer.data, static_cast<size_t>(bytes));
    if (line.ends_with('\n')) line.remove_suffix(1);
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
