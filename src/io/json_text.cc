#include "io/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/stream_parser.hpp>
#include <set>
#include <string>

namespace tern {

Result<boost::json::value> ParseJson(std::string_view text, std::string_view name, size_t max_depth) {
  boost::json::parse_options limits;
  limits.max_depth = max_depth;
  boost::json::stream_parser parser({}, limits);
  boost::system::error_code error;
  const size_t read = parser.write_some(text.data(), text.size(), error);
  size_t end = read;
  while (!error && end < text.size() &&
         (text[end] == ' ' || text[end] == '\n' || text[end] == '\r' || text[end] == '\t'))
    ++end;
  if (!error && end < text.size())
    return BadInput(fmt::format("{}: byte {}: more text behind the JSON", name, end));
  if (!error) parser.finish(error);
  if (error) return BadInput(fmt::format("{}: byte {}: {}, expected JSON", name, read, error.message()));
  return parser.release();
}

std::string_view RepeatedKey(std::string_view text) {
  std::set<std::string, std::less<>> keys;
  int depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    depth += text[at] == '{' || text[at] == '[';
    depth -= text[at] == '}' || text[at] == ']';
    if (text[at] != '"') continue;
    const size_t begin = at++;
    while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    const std::string_view quoted = text.substr(begin, at + 1 - begin);
    const size_t next = std::min(text.find_first_not_of(" \t\r\n", at + 1), text.size() - 1);
    if (depth != 1 || text[next] != ':') continue;
    // Two spellings of one key are one key.
    const std::string key(boost::json::parse(quoted).get_string());
    if (!keys.insert(key).second) return quoted;
  }
  return {};
}

}  // namespace tern
