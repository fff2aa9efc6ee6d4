#include "io/json_text.h"

#include <fmt/format.h>

#include <boost/json/stream_parser.hpp>

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

}  // namespace tern
