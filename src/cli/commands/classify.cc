#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "cli/command.h"
#include "cli/encoder_flags.h"
#include "cli/json_lines.h"
#include "cli/lines.h"

namespace tern {
namespace {

struct Options {
  EncoderFlags encoder;
  std::vector<std::string> texts;
  bool jsonl = false;
};

// One label: its sigmoid; several: they exclude each other.
void ToProbabilities(std::vector<float>& x) {
  if (x.size() == 1) {
    x[0] = 1 / (1 + std::exp(-x[0]));
    return;
  }
  const float top = *std::max_element(x.begin(), x.end());
  float sum = 0;
  for (float& v : x) sum += v = std::exp(v - top);
  for (float& v : x) v /= sum;
}

std::string Label(const TextEncoder& encoder, size_t i) {
  return i < encoder.labels().size() ? encoder.labels()[i] : fmt::format("LABEL_{}", i);
}

Result<std::vector<float>> Classify(TextEncoder& encoder, const std::string& text) {
  const EncoderText input{.first = text};
  TERN_TRY(std::vector<std::vector<float>> results, encoder.Classify({&input, 1}));
  ToProbabilities(results[0]);
  return std::move(results[0]);
}

Status Run(const Options& o) {
  TERN_TRY(const auto encoder, OpenEncoder(o.encoder));
  if (o.jsonl) {
    return MapLines([&](std::string_view line) -> Result<std::string> {
      TERN_TRY(const std::string text, JsonString(line));
      TERN_TRY(const std::vector<float> shares, Classify(*encoder, text));
      boost::json::object object;
      for (size_t i = 0; i < shares.size(); ++i) object[Label(*encoder, i)] = shares[i];
      return boost::json::serialize(object);
    });
  }
  std::vector<std::string> texts = o.texts;
  if (texts.empty()) texts.push_back(ReadStandardInput());
  for (const std::string& text : texts) {
    TERN_TRY(const std::vector<float> shares, Classify(*encoder, text));
    for (size_t i = 0; i < shares.size(); ++i) fmt::print("{:7.4f}  {}\n", shares[i], Label(*encoder, i));
  }
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->encoder.model, true);
  args.Option("TEXT", &o->texts, "texts to classify; none: standard input is one");
  args.Flag("--jsonl", &o->jsonl,
            "standard input is a JSON string per line; prints an object of shares by label for each");
  AddEncoderFlags(args, &o->encoder);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_classify;
const CommandDesc k_command_classify = {
    .name = "classify",
    .summary = "how likely each label of a classification head is",
    .example = "tern classify path/to/sentiment-model 'What a fine day.'",
    .setup = Setup,
};

}  // namespace tern
