#include "server/answer_writer.h"

#include <boost/json/serialize.hpp>

namespace tern {

std::string AnswerWriter::Error(const AnswerState&, const ApiError& error) {
  return "data: " + ErrorBody(error, errors_) + "\n\n";
}

std::string SseData(const boost::json::value& data) {
  return "data: " + boost::json::serialize(data) + "\n\n";
}

std::string SseEvent(std::string_view name, const boost::json::value& data) {
  return "event: " + std::string(name) + "\n" + SseData(data);
}

}  // namespace tern
