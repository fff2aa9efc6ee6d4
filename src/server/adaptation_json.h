#pragma once
// What an engine's knobs are set to and why, as JSON.

#include <boost/json/object.hpp>

#include "engine/adaptation/adaptation.h"

namespace tern {

// `at_s`: a time that its own is told as the age of.
boost::json::object JsonOf(const AdaptationMove& move, double at_s);
boost::json::object JsonOf(const AdaptationView& view);

}  // namespace tern
