#pragma once
// Tools for models whose chat template has no place for them: a system message tells of them, and calls and
// their results are written into messages, in the format "hermes".

#include <boost/json/array.hpp>

namespace tern {

boost::json::array TellTools(const boost::json::array& messages, const boost::json::array& tools);

}  // namespace tern
