#include "plan/machine_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <memory>

namespace tern {
namespace {

namespace json = boost::json;

constexpr double kMostSeconds = 1e6;
constexpr int kManyTokens = 1 << 30;

// Reads members of one object, whose place in the file is `where`.
struct Members {
  const json::object& object;
  std::string where;

  Error Expected(std::string_view key, std::string_view expected) const {
    const json::value* got = object.if_contains(key);
    return BadInput(fmt::format("{}: {}: {}, expected {}", where, key,
                                got == nullptr ? "missing" : json::serialize(*got), expected));
  }
  Result<double> Number(std::string_view key, double least, double most) const {
    const json::value* value = object.if_contains(key);
    const double number = value != nullptr && value->is_number() ? value->to_number<double>() : NAN;
    if (number >= least && number <= most) return number;
    return Expected(key, fmt::format("a number from {} to {}", least, most));
  }
  Status Seconds(std::string_view key, double* into) const {
    if (!object.contains(key)) return {};
    TERN_TRY(*into, Number(key, 0, kMostSeconds));
    return {};
  }
  Status Count(std::string_view key, int least, int* into) const {
    if (!object.contains(key)) return {};
    TERN_TRY(const double number, Number(key, least, kManyTokens));
    *into = static_cast<int>(number);
    return {};
  }
};

Result<StepPoint> ReadPoint(const json::value& value, const std::string& where) {
  if (!value.is_object()) return BadInput(where + ": expected an object");
  const Members members{value.get_object(), where};
  StepPoint point;
  const json::value* test = members.object.if_contains("test");
  if (test == nullptr || (*test != "prefill" && *test != "decode")) {
    return members.Expected("test", "\"prefill\" or \"decode\"");
  }
  point.is_prefill = *test == "prefill";
  TERN_TRY_STATUS(members.Count("tokens", 1, &point.tokens));
  TERN_TRY_STATUS(members.Count("batch", 1, &point.batch));
  TERN_TRY_STATUS(members.Count("depth", 0, &point.depth));
  TERN_TRY(const double rate, members.Number("tokens_per_s", 1e-6, 1e12));
  point.seconds = (point.is_prefill ? point.tokens : point.batch) / rate;
  return point;
}

Result<StepCostCoefficients> ReadStepCost(const Members& members) {
  StepCostCoefficients cost;
  for (const StepCostField& field : kStepCostFields) {
    TERN_TRY_STATUS(members.Seconds(field.name, &(cost.*field.member)));
  }
  if (StepSeconds(cost, {.rows = 1, .outputs = 1}) <= 0) {
    return BadInput(members.where + ": a step takes no time, expected seconds as step_s and row_s");
  }
  return cost;
}

Result<StepCostCoefficients> FitResults(const Members& members, int step_tokens) {
  const json::value* results = members.object.if_contains("results");
  if (results == nullptr || !results->is_array()) {
    return BadInput(members.where +
                    ": neither step_cost nor results, expected what `tern bench --step-cost --json` prints");
  }
  std::vector<StepPoint> points;
  for (size_t i = 0; i < results->get_array().size(); ++i) {
    TERN_TRY(const StepPoint point,
             ReadPoint(results->get_array()[i], fmt::format("{}: results[{}]", members.where, i)));
    if (!point.is_prefill || point.tokens <= step_tokens) points.push_back(point);
  }
  auto fit = FitSteps(points);
  if (!fit.ok()) return BadInput(members.where + ": results: " + fit.error().what);
  return fit.value().cost;
}

// That a server learnt from its own steps, in its /debug/schedule.
const json::value* LearntCost(const json::object& object) {
  const json::value* step = object.if_contains("step");
  return step == nullptr || !step->is_object() ? nullptr : step->get_object().if_contains("cost");
}

}  // namespace

StepShape StepPoint::shape() const {
  StepShape shape;
  if (is_prefill) {
    shape.Add(depth, tokens, 1);
    return shape;
  }
  for (int i = 0; i < batch; ++i) shape.Add(depth + tokens / 2, 1, 1);
  return shape;
}

Result<StepFit> FitSteps(std::span<const StepPoint> points) {
  // Each of these is a median already. It fits at every sixteenth that it sees: the last one is among these.
  constexpr int kTimes = 16;
  const auto cost = std::make_unique<StepCost>();
  for (const StepPoint& point : points) {
    for (int i = 0; i < kTimes; ++i) cost->Observe(point.shape(), point.seconds);
  }
  if (!cost->is_known()) {
    return BadInput(
        fmt::format("{} of use, expected some of at most 8 rows and some of 24 or more", points.size()));
  }
  StepFit fit{.cost = cost->coefficients()};
  fit.cost.spread = fit.cost.tail = 1;  // how much medians differ says nothing of how much steps do
  for (const StepPoint& point : points) {
    fit.worst = std::max(fit.worst, std::abs(StepSeconds(fit.cost, point.shape()) / point.seconds - 1));
  }
  return fit;
}

Result<MachineCost> ParseMachineCost(std::string_view text, const std::string& name) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return BadInput(name + ": not a JSON object, expected one");
  const Members members{value.get_object(), name};
  MachineCost cost;
  if (const json::value* model = members.object.if_contains("model");
      model != nullptr && model->is_string()) {
    cost.model = std::string(std::string_view(model->get_string()));
  }
  TERN_TRY_STATUS(members.Count("context", 1, &cost.context));
  TERN_TRY_STATUS(members.Count("kv_tokens", 0, &cost.kv_tokens));
  TERN_TRY_STATUS(members.Count("step_tokens", 1, &cost.step_tokens));
  TERN_TRY_STATUS(members.Seconds("token_s", &cost.token_s));
  TERN_TRY_STATUS(members.Seconds("request_s", &cost.request_s));
  const json::value* step = members.object.if_contains("step_cost");
  if (step == nullptr) step = LearntCost(members.object);
  if (step != nullptr) {
    if (!step->is_object()) return members.Expected("step_cost", "an object");
    TERN_TRY(cost.step, ReadStepCost({step->get_object(), name + ": step_cost"}));
  } else {
    TERN_TRY(cost.step, FitResults(members, cost.step_tokens));
    TERN_TRY_STATUS(members.Seconds("spread", &cost.step.spread));
    TERN_TRY_STATUS(members.Seconds("tail", &cost.step.tail));
  }
  return cost;
}

std::string FormatMachineCost(const MachineCost& cost) {
  json::object step;
  for (const StepCostField& field : kStepCostFields) step[field.name] = cost.step.*field.member;
  return json::serialize(json::object{{"model", cost.model},
                                      {"context", cost.context},
                                      {"kv_tokens", cost.kv_tokens},
                                      {"step_tokens", cost.step_tokens},
                                      {"token_s", cost.token_s},
                                      {"request_s", cost.request_s},
                                      {"step_cost", step}}) +
         "\n";
}

}  // namespace tern
