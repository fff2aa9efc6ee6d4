#include "cli/text_lines.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/json_lines.h"
#include "cli/lines.h"

namespace tern {
namespace {

constexpr size_t kAtOnce = 1024;
constexpr size_t kBytesAtOnce = size_t{16} << 20;

}  // namespace

std::vector<EncoderText> TextsOf(const std::vector<std::string>& arguments) {
  std::vector<EncoderText> texts;
  for (const std::string& text : arguments) texts.push_back({.first = text});
  if (texts.empty()) texts.push_back({.first = ReadStandardInput()});
  return texts;
}

Status MapTextLines(
    const std::function<Result<std::vector<std::string>>(std::span<const EncoderText>)>& answer) {
  std::vector<EncoderText> texts;
  size_t bytes = 0;
  const auto flush = [&]() -> Status {
    if (texts.empty()) return {};
    TERN_TRY(const std::vector<std::string> lines, answer(texts));
    for (const std::string& line : lines) fmt::print("{}\n", line);
    std::fflush(stdout);  // a program may wait for this answer before it asks again
    texts.clear();
    bytes = 0;
    return {};
  };
  const Status status = EachLine([&](std::string_view line, bool more) -> Status {
    auto text = JsonString(line);
    if (!text.ok()) {
      TERN_TRY_STATUS(flush());
      return text.error();
    }
    bytes += text.value().size();
    texts.push_back({.first = std::move(text).value()});
    return more && texts.size() < kAtOnce && bytes < kBytesAtOnce ? Status() : flush();
  });
  return status.ok() ? flush() : status;
}

}  // namespace tern
