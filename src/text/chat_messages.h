#pragma once
// Messages as OpenAI's API has them, put into the shape that chat templates expect.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

namespace tern {

struct MessageShape {
  bool arguments_as_objects = true;  // of tool calls; else as strings of JSON
  bool joins_parts = false;          // a content that is a list of texts becomes one text
};

// A copy in that shape. Members that are null are left out, and reasoning goes by all the names that
// templates know it under, as Transformers does it.
boost::json::array ShapeMessages(const boost::json::array& messages, const MessageShape& shape);

// What a message says: its content, or the texts of its parts together.
std::string MessageText(const boost::json::object& message);

}  // namespace tern
