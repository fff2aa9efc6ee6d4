#include "cli/adaptation_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/adaptation/knob_file.h"

namespace tern {
namespace {

Result<KnobValue> ParseFixed(const std::string& text) {
  const size_t equals = std::min(text.find('='), text.size());
  KnobValue fixed{.name = text.substr(0, equals)};
  const char* const end = text.data() + text.size();
  const char* const from = std::min(text.data() + equals + 1, end);
  const auto [at, error] = std::from_chars(from, end, fixed.value);
  std::string names;
  for (const KnobDesc* knob : AllKnobs()) names += fmt::format("{}{}", names.empty() ? "" : ", ", knob->name);
  if (FindKnob(fixed.name) == nullptr)
    return BadInput(fmt::format("--fix {}: expected one of {}", text, names));
  if (error != std::errc() || at != end || from == end) {
    return BadInput(fmt::format("--fix {}: expected {}=NUMBER", text, fixed.name));
  }
  return fixed;
}

std::vector<KnobValue> FixedOf(const AdaptationFlags& flags) {
  std::vector<KnobValue> fixed;
  for (const std::string& text : flags.fixed) {
    const auto parsed = ParseFixed(text);
    if (parsed.ok()) fixed.push_back(parsed.value());
  }
  return fixed;
}

}  // namespace

void AddAdaptationFlags(Arguments& args, AdaptationFlags* flags) {
  args.Section("Adaptation");
  args.Flag("--static", &flags->is_static,
            "nothing moves by what steps take: threads, chunks and the like stay as the flags say, and what "
            "earlier runs found out is not used");
  args.Option(
          "--fix", &flags->fixed,
          "what one of these stays at, as decode-threads=8 (repeatable): " +
              [] {
                std::string names;
                for (const KnobDesc* knob : AllKnobs()) {
                  names += fmt::format("{}{}, {}", names.empty() ? "" : "; ", knob->name, knob->summary);
                }
                return names;
              }())
      .ValueName("KNOB=N");
  args.Section("");
  args.Check([flags]() -> Status {
    for (const std::string& text : flags->fixed) {
      if (const auto fixed = ParseFixed(text); !fixed.ok()) return fixed.error();
    }
    return {};
  });
}

void SetAdaptation(const AdaptationFlags& flags, const Runner& runner, const RunnerOptions& options,
                   EngineOptions* engine) {
  const KnobFile file(runner, options);
  engine->adaptation.is_on = true;
  engine->adaptation.is_static = flags.is_static;
  engine->adaptation.fixed = FixedOf(flags);
  if (flags.is_static) return;
  engine->adaptation.start = file.Read();
  engine->adaptation.on_kept = [file](const std::vector<KeptKnob>& knobs) { file.Write(knobs); };
}

Status CheckFixed(const AdaptationFlags& flags, const Engine& engine) {
  AdaptationView view;
  engine.LookAtAdaptation(&view);
  for (const KnobValue& fixed : FixedOf(flags)) {
    const auto knob =
        std::ranges::find_if(view.knobs, [&](const KnobView& k) { return k.desc->name == fixed.name; });
    if (knob == view.knobs.end() || knob->value == fixed.value) continue;
    return BadInput(fmt::format("--fix {}={}: expected {} {} here", fixed.name, fixed.value,
                                knob->value < fixed.value ? "at most" : "at least", knob->value));
  }
  return {};
}

std::string MoveText(const AdaptationMove& move) {
  return fmt::format("{} {} -> {}{}: {}", move.knob, move.from, move.to, move.is_back ? " again" : "",
                     move.reason);
}

}  // namespace tern
