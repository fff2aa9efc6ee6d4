#include "cli/token_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "base/file.h"

namespace tern {

Result<std::vector<int32_t>> ParseTokens(const std::string& text) {
  std::vector<int32_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    int32_t id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (next != end && *next != ',')) {
      const std::string_view rest(at, static_cast<size_t>(end - at));
      const std::string_view shown = rest.substr(0, std::min<size_t>(rest.find(','), 20));
      return BadInput(
          fmt::format("tokens: item {}: '{}', expected ids separated by commas", ids.size(), shown));
    }
    ids.push_back(id);
    at = next == end ? end : next + 1;
  }
  return ids;
}

Result<std::vector<int32_t>> ParseTokensJson(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(text, error);
  if (error || !json.is_array()) return BadInput("expected a JSON array of token ids");
  std::vector<int32_t> ids;
  for (const boost::json::value& item : json.as_array()) {
    boost::system::error_code wrong;
    const auto id = item.is_number() ? item.to_number<int32_t>(wrong) : -1;
    if (!item.is_number() || wrong) return BadInput(fmt::format("item {}: expected a token id", ids.size()));
    ids.push_back(id);
  }
  return ids;
}

Result<std::vector<int32_t>> ReadTokensFile(const std::string& path) {
  TERN_TRY(const std::string text, ReadFile(path, size_t{256} << 20));
  auto ids = ParseTokensJson(text);
  if (!ids.ok()) return Error{ids.error().code, path + ": " + ids.error().what};
  return ids;
}

}  // namespace tern
