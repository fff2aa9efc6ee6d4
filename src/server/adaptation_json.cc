#include "server/adaptation_json.h"

#include <boost/json/array.hpp>

namespace tern {
namespace {

namespace json = boost::json;

std::string_view NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter:
      return "better";
    case Verdict::kNotBetter:
      return "not better";
    case Verdict::kMuchWorse:
      return "much worse";
    case Verdict::kTooDear:
      return "too dear to try on";
    case Verdict::kGoesOn:
      break;
  }
  return "not tried";
}

json::array Values(const KnobView& knob, double at_s) {
  json::array values;
  for (const TriedValue& v : knob.values) {
    json::object told{{"value", v.value}, {"tried", v.times}};
    if (v.times > 0) {
      told["verdict"] = NameOf(v.verdict);
      told["ratio"] = v.ratio;
      told["against"] = v.against;
      if (v.at_s > 0) told["age_s"] = at_s - v.at_s;  // else it was in an earlier run
    }
    values.push_back(std::move(told));
  }
  return values;
}

}  // namespace

json::object JsonOf(const AdaptationMove& move, double at_s) {
  return {{"knob", move.knob},    {"from", move.from},     {"to", move.to},
          {"back", move.is_back}, {"reason", move.reason}, {"age_s", at_s - move.at_s}};
}

json::object JsonOf(const AdaptationView& view) {
  json::array knobs, history;
  for (const KnobView& knob : view.knobs) {
    knobs.push_back({{"name", knob.desc->name},
                     {"summary", knob.desc->summary},
                     {"value", knob.value},
                     {"at_first", knob.start},
                     {"fixed", knob.is_fixed},
                     {"steps", knob.steps},
                     {"us_per_row", 1e6 * knob.row_s},
                     {"values", Values(knob, view.at_s)}});
  }
  for (const AdaptationMove& move : view.history) history.push_back(JsonOf(move, view.at_s));
  json::object told{
      {"static", view.is_static || !view.is_on}, {"knobs", std::move(knobs)}, {"moves", view.moves},
      {"history", std::move(history)},           {"steps_s", view.steps_s},   {"on_trial_s", view.tried_s},
      {"trials_cost_s", view.excess_s}};
  if (!view.trying.empty()) told["trying"] = {{"knob", view.trying}, {"value", view.trying_value}};
  return told;
}

}  // namespace tern
