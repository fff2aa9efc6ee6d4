#include "cli/explain_tuning.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "base/cpu_count.h"
#include "cli/adaptation_flags.h"
#include "server/adaptation_json.h"

namespace tern {
namespace {

namespace json = boost::json;

std::string Text(const json::value& v) { return std::string(v.as_string()); }

std::string Age(const json::value& seconds) {
  const double s = seconds.to_number<double>();
  if (s < 120) return fmt::format("{:.0f} s ago", s);
  return s < 7200 ? fmt::format("{:.0f} min ago", s / 60) : fmt::format("{:.1f} h ago", s / 3600);
}

std::string Values(const json::value& knob) {
  std::string text;
  for (const json::value& v : knob.at("values").as_array()) {
    const int value = v.at("value").to_number<int>();
    if (value == knob.at("value").to_number<int>()) continue;
    text += fmt::format("    {}: ", value);
    if (v.at("tried").to_number<int>() == 0) {
      text += "not tried\n";
      continue;
    }
    const json::value* age = v.as_object().if_contains("age_s");
    text += fmt::format("{}, {:.2f} times what {} takes, {}\n", Text(v.at("verdict")),
                        v.at("ratio").to_number<double>(), v.at("against").to_number<int>(),
                        age == nullptr ? "in an earlier run" : Age(*age));
  }
  return text;
}

std::string KnobLines(const json::array& knobs) {
  std::string text;
  for (const json::value& knob : knobs) {
    const int value = knob.at("value").to_number<int>(), first = knob.at("at_first").to_number<int>();
    text += fmt::format("{}: {}", Text(knob.at("name")), value);
    if (knob.at("fixed").as_bool()) text += ", by --fix";
    if (value != first) text += fmt::format(", without measurements {}", first);
    text += fmt::format(" ({})\n", Text(knob.at("summary")));
    text += Values(knob);
  }
  return text;
}

std::string Lines(const json::value& told) {
  std::string text = KnobLines(told.at("knobs").as_array());
  if (told.at("static").as_bool()) text += "nothing moves (--static)\n";
  if (const json::value* trying = told.as_object().if_contains("trying")) {
    text +=
        fmt::format("{} {} is being tried\n", Text(trying->at("knob")), trying->at("value").to_number<int>());
  }
  text += fmt::format("of {:.1f} s of steps, {:.1f} s had a value on trial, which cost {:.2f} s\n",
                      told.at("steps_s").to_number<double>(), told.at("on_trial_s").to_number<double>(),
                      told.at("trials_cost_s").to_number<double>());
  const json::array& history = told.at("history").as_array();
  text += fmt::format("{} move{}\n", told.at("moves").to_number<int64_t>(),
                      told.at("moves").to_number<int64_t>() == 1 ? "" : "s");
  for (const json::value& move : history) {
    text += fmt::format("  {}: {} {} -> {}{}: {}\n", Age(move.at("age_s")), Text(move.at("knob")),
                        move.at("from").to_number<int>(), move.at("to").to_number<int>(),
                        move.at("back").as_bool() ? " again" : "", Text(move.at("reason")));
  }
  return text;
}

// Answers something until all threads of decode steps were tried, or the time is over.
Status TuneDecode(Engine& engine, const bool& is_found) {
  constexpr std::chrono::milliseconds kMost{3000};
  Status failure;
  RequestId last = -1;
  const auto end = std::chrono::steady_clock::now() + kMost;
  while (!is_found && failure.ok() && std::chrono::steady_clock::now() < end) {
    if (!engine.idle()) {
      engine.Step();
      continue;
    }
    Request request;
    request.prompt = {0};
    request.ignore_end = true;
    request.on_finish = [&failure](const Outcome& outcome) {
      if (outcome.reason == FinishReason::kFailed) failure = outcome.error;
    };
    TERN_TRY(last, engine.Submit(std::move(request)));
  }
  engine.Cancel(last);
  return failure;
}

json::object Tuning(const std::string& name, const Engine& engine, const Backend& device) {
  AdaptationView view;
  engine.LookAtAdaptation(&view);
  json::array knobs, choices;
  const json::object told = JsonOf(view);
  for (size_t i = 0; i < view.knobs.size(); ++i) {
    if (view.knobs[i].desc->is_kept) knobs.push_back(told.at("knobs").as_array()[i]);
  }
  for (const BackendChoice& choice : device.choices()) {
    choices.push_back({{"name", choice.name}, {"value", choice.value}, {"why", choice.why}});
  }
  return {{"model", name},
          {"cpu", CpuModel()},
          {"device", device.description()},
          {"knobs", std::move(knobs)},
          {"sizes", std::move(choices)}};
}

}  // namespace

Result<std::string> AdaptationText(const std::string& adaptation) try {
  return Lines(json::parse(adaptation));
} catch (const std::exception&) {
  return BadInput("the server's answer: expected what /debug/adaptation says");
}

Status ExplainTuning(const std::shared_ptr<const LoadedModel>& model, const std::string& name,
                     RunnerOptions options, bool as_json) {
  TERN_TRY(auto runner, Runner::Make(model, options));
  EngineOptions engine_options;
  SetAdaptation({}, *runner, options, &engine_options);
  bool is_found = !engine_options.adaptation.start.empty() || runner->threads() == 1;
  engine_options.adaptation.on_kept =
      [&is_found, keep = std::move(engine_options.adaptation.on_kept)](const std::vector<KeptKnob>& knobs) {
        is_found = true;
        keep(knobs);
      };
  Engine engine(std::move(runner), std::move(engine_options));
  TERN_TRY_STATUS(TuneDecode(engine, is_found));
  const json::object told = Tuning(name, engine, *engine.runner().backend());
  if (as_json) {
    fmt::print("{}\n", json::serialize(told));
    return {};
  }
  fmt::print("{} on {}: {}\n\nby measuring, while answers are computed:\n{}\nfixed:\n", name,
             Text(told.at("cpu")), Text(told.at("device")), KnobLines(told.at("knobs").as_array()));
  for (const json::value& size : told.at("sizes").as_array()) {
    fmt::print("{}: {} ({})\n", Text(size.at("name")), Text(size.at("value")), Text(size.at("why")));
  }
  return {};
}

}  // namespace tern
