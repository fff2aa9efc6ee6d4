// Who runs, who waits and why, in numbers and in words. It names no prompt, no answer and no key: keys by
// their place in the list of them.

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

json::value MillisecondsOrNull(double seconds) {
  return std::isfinite(seconds) && seconds > 0 ? json::value(1e3 * seconds) : json::value();
}

json::object ByClass(const SecondsByClass& seconds) {
  json::object times;
  for (size_t i = 0; i < seconds.size(); ++i) times[kPriorityNames[i]] = MillisecondsOrNull(seconds[i]);
  return times;
}

json::object Request(const ScheduleView& view, const ScheduledRequest& request) {
  return {{"id", request.id},
          {"class", kPriorityNames[static_cast<size_t>(request.policy.priority)]},
          {"key", request.policy.account},
          {"age_ms", 1e-6 * static_cast<double>(view.now_ns - request.policy.arrival_ns)},
          {"prompt_tokens", request.prompt_tokens},
          {"preemptions", request.policy.preemptions}};
}

json::array Waiting(const ScheduleView& view) {
  json::array waiting;
  for (const ScheduledRequest& request : view.waiting) {
    waiting.push_back(Request(view, request));
    waiting.back().get_object()["why"] = WhyItWaits(view, request);
  }
  return waiting;
}

json::array Running(const ScheduleView& view) {
  json::array running;
  for (const ScheduledRequest& request : view.running) {
    json::object told = Request(view, request);
    told["computed_tokens"] = request.computed;
    told["answer_tokens"] = request.tokens - request.prompt_tokens;
    told["paused"] = request.paused;
    running.push_back(std::move(told));
  }
  return running;
}

json::array Keys(const ScheduleView& view) {
  json::array keys;
  for (const Account& account : view.accounts) {
    keys.push_back({{"key", account.id},
                    {"weight", account.weight},
                    {"served", account.served},
                    {"running", account.running},
                    {"waiting", account.waiting}});
  }
  return keys;
}

json::object Step(const ScheduleView& view) {
  json::object cost;
  for (const StepCostField& field : kStepCostFields) cost[field.name] = view.cost.*field.member;
  return {{"words", StepInWords(view)},
          {"rows", view.step.rows},
          {"answers", view.decodes},
          {"held_back", view.held_back},
          {"expected_ms", view.cost_is_known ? MillisecondsOrNull(view.predicted_s) : json::value()},
          {"limit_ms", MillisecondsOrNull(view.limit_s)},
          {"cost_is_known", view.cost_is_known},
          {"cost", std::move(cost)}};
}

// When a request of each class would have its first token that came now, with a prompt of so many tokens.
json::object FirstTokens(const ScheduleView& view) {
  constexpr int kPromptTokens = 256;
  json::object first{{"prompt_tokens", kPromptTokens}};
  for (size_t i = 0; i < kPriorityNames.size(); ++i) {
    const auto seconds =
        PredictFirstToken(view, {.priority = static_cast<Priority>(i), .prompt_tokens = kPromptTokens});
    first[fmt::format("{}_ms", kPriorityNames[i])] = seconds ? MillisecondsOrNull(*seconds) : json::value();
  }
  return first;
}

void Handle(ServerContext& context, RouteRequest r) {
  if (context.host == nullptr) {
    return r.Refuse({.status = 404,
                     .message = "the model generates no text: nothing is scheduled",
                     .code = "no_schedule"});
  }
  const ScheduleView view = context.host->schedule();
  const json::object told{
      {"policy", view.policy->name},
      {"slo", {{"ttft_ms", ByClass(view.slo.ttft_s)}, {"itl_ms", ByClass(view.slo.itl_s)}}},
      {"places", {{"most", view.most_running}, {"by_promise", view.places}, {"taken", view.running.size()}}},
      {"step", Step(view)},
      {"first_token", FirstTokens(view)},
      {"keys", Keys(view)},
      {"running", Running(view)},
      {"waiting", Waiting(view)}};
  r.exchange->Reply({.body = json::serialize(told), .headers = {{"cache-control", "no-store"}}});
}

}  // namespace

extern const RouteDesc k_route_debug_schedule;
const RouteDesc k_route_debug_schedule = {
    .method = "GET",
    .path = "/debug/schedule",
    .summary = "who runs, who waits and why, and what a step may take",
    .is_probe = true,
    .shows_model = true,
    .handle = Handle,
};

}  // namespace tern
