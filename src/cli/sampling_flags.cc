#include "cli/sampling_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <variant>

namespace tern {
namespace {

using Member = std::variant<float SamplingOptions::*, int SamplingOptions::*, uint64_t SamplingOptions::*>;
struct Flag {
  std::string_view name, help;
  Member member;
};

constexpr Flag kFlags[] = {
    {"temperature", "0: always the likeliest token", &SamplingOptions::temperature},
    {"top-k", "keep the k likeliest; 0: off", &SamplingOptions::top_k},
    {"top-p", "keep the likeliest that make up this share; 1: off", &SamplingOptions::top_p},
    {"min-p", "keep what is at least this share of the likeliest; 0: off", &SamplingOptions::min_p},
    {"typical-p", "locally typical sampling; 1: off", &SamplingOptions::typical_p},
    {"repetition-penalty", "divide the odds of what occurred, in the prompt too; 1: off",
     &SamplingOptions::repetition_penalty},
    {"presence-penalty", "subtract once from what the answer has said; 0: off",
     &SamplingOptions::presence_penalty},
    {"frequency-penalty", "subtract per occurrence in the answer; 0: off",
     &SamplingOptions::frequency_penalty},
    {"penalty-last-n", "how far back penalties look; -1: everything", &SamplingOptions::penalty_last_n},
    {"dry-multiplier", "penalize repeating sequences (DRY); 0: off", &SamplingOptions::dry_multiplier},
    {"dry-base", "DRY: growth per repeated token", &SamplingOptions::dry_base},
    {"dry-allowed-length", "DRY: repetitions up to here are free", &SamplingOptions::dry_allowed_length},
    {"dry-last-n", "DRY: how far back; -1: everything", &SamplingOptions::dry_last_n},
    {"xtc-probability", "chance to exclude top choices (XTC); 0: off", &SamplingOptions::xtc_probability},
    {"xtc-threshold", "XTC: what counts as a top choice", &SamplingOptions::xtc_threshold},
    {"mirostat", "2: Mirostat 2.0, instead of top-k, top-p, min-p, typical and XTC; 0: off",
     &SamplingOptions::mirostat},
    {"mirostat-tau", "Mirostat: target surprise", &SamplingOptions::mirostat_tau},
    {"mirostat-eta", "Mirostat: learning rate", &SamplingOptions::mirostat_eta},
    {"seed", "random seed; 0: a new one each time", &SamplingOptions::seed},
};

template <class T>
Status Parse(std::string_view name, const std::string& text, T* into) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return BadInput(fmt::format("{}: '{}', expected a number", name, text));
  }
  *into = value;
  return {};
}

// "64=-1.5": one entry of logit_bias.
Status ParseBias(const std::string& text, SamplingOptions* options) {
  const size_t equals = text.find('=');
  int32_t id = 0;
  float bias = 0;
  if (equals == std::string::npos) return BadInput("--logit-bias: '" + text + "', expected ID=BIAS");
  TERN_TRY_STATUS(Parse("--logit-bias", text.substr(0, equals), &id));
  TERN_TRY_STATUS(Parse("--logit-bias", text.substr(equals + 1), &bias));
  options->logit_bias[id] = bias;
  return {};
}

}  // namespace

void AddSamplingFlags(Arguments& args, SamplingOptions* options) {
  args.Section("Sampling");
  for (const Flag& flag : kFlags) {
    const std::string name = "--" + std::string(flag.name);
    std::visit([&](auto member) { args.Option(name, &(options->*member), flag.help); }, flag.member);
  }
  args.Option("--dry-sequence-breaker", &options->dry_breakers,
              "DRY: a text that ends a sequence (repeatable, instead of the default); none: nothing does")
      .ValueName("TEXT")
      .KeepsCommas()
      .Default("newline : \" *");
  args.Option("--samplers", &options->order, "which steps run, in which order, as in top_k,temperature")
      .ValueName("NAMES")
      .Choices(NamesOf(AllSamplers()));
  auto biases = std::make_shared<std::vector<std::string>>();
  args.Option("--logit-bias", biases.get(), "add to a token's logit (repeatable)").ValueName("ID=BIAS");
  args.Section("");
  args.Check([biases, options]() -> Status {
    for (const std::string& bias : *biases) TERN_TRY_STATUS(ParseBias(bias, options));
    std::vector<std::string>& breakers = options->dry_breakers;
    const auto none = std::find(breakers.rbegin(), breakers.rend(), "none");
    breakers.erase(breakers.begin(), none.base());
    const Status status = Validate(*options);
    return status.ok() ? status : BadInput("--" + status.error().what);
  });
}

Status SetSamplingOption(SamplingOptions* options, std::string_view name, const std::string& value) {
  for (const Flag& flag : kFlags) {
    if (flag.name != name) continue;
    SamplingOptions changed = *options;
    TERN_TRY_STATUS(
        std::visit([&](auto member) { return Parse(name, value, &(changed.*member)); }, flag.member));
    TERN_TRY_STATUS(Validate(changed));
    *options = std::move(changed);
    return {};
  }
  std::string known;
  for (const Flag& flag : kFlags) known += (known.empty() ? "" : ", ") + std::string(flag.name);
  return BadInput(fmt::format("{}: no such option; there are {}", name, known));
}

std::string DescribeSampling(const SamplingOptions& options) {
  std::string text;
  for (const Flag& flag : kFlags) {
    std::visit([&](auto member) { text += fmt::format("  {:<20} {}\n", flag.name, options.*member); },
               flag.member);
  }
  return text;
}

}  // namespace tern
