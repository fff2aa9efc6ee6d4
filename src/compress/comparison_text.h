#pragma once
// What engine/compare.h finds, for people and for programs. docs/quality.md says what the figures mean.

#include <boost/json/object.hpp>
#include <string>

#include "engine/compare.h"

namespace tern {

// Lines of a name and a figure, and a table of the domains where there are several.
std::string ComparisonText(const Comparison& comparison, bool has_reference);
// {"tokens", "windows", "perplexity"}, and with a reference {"reference_perplexity", "ln_ppl_ratio": {"mean",
// "interval"}, "kld": {"mean", "interval", "median", "p99", "p999", "max"}, "top1", "rms_delta_p",
// "by_position": [{"first", "last", "tokens", "kld"}]}; "domains": the same of each, by name. An interval is
// [low, high] or null.
boost::json::object ComparisonJson(const Comparison& comparison, bool has_reference);

}  // namespace tern
