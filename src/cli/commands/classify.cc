#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "cli/command.h"
#include "cli/encoder_flags.h"
#include "cli/text_lines.h"

namespace tern {
namespace {

struct Options {
  EncoderFlags encoder;
  std::vector<std::string> texts;
  bool jsonl = false;
};

// One label, or labels that may hold together: a sigmoid each; else they exclude each other.
void ToProbabilities(std::vector<float>& x, bool multi_label) {
  if (x.size() == 1 || multi_label) {
    for (float& v : x) v = 1 / (1 + std::exp(-v));
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

using Shares = std::vector<std::vector<float>>;

Result<Shares> Classify(TextEncoder& encoder, std::span<const EncoderText> texts) {
  TERN_TRY(Shares results, encoder.Classify(texts));
  if (encoder.regression()) return results;
  for (std::vector<float>& shares : results) ToProbabilities(shares, encoder.multi_label());
  return results;
}

Result<std::vector<std::string>> ToJson(TextEncoder& encoder, std::span<const EncoderText> texts) {
  TERN_TRY(const Shares results, Classify(encoder, texts));
  std::vector<std::string> lines;
  for (const std::vector<float>& shares : results) {
    boost::json::object object;
    for (size_t i = 0; i < shares.size(); ++i) object[Label(encoder, i)] = shares[i];
    lines.push_back(boost::json::serialize(object));
  }
  return lines;
}

Status Run(const Options& o) {
  TERN_TRY(const auto encoder, OpenEncoder(o.encoder));
  TERN_TRY_STATUS(NeedHead(*encoder, o.encoder));
  if (o.jsonl && o.texts.empty()) {
    return MapTextLines([&](std::span<const EncoderText> texts) { return ToJson(*encoder, texts); });
  }
  TERN_TRY(const Shares results, Classify(*encoder, TextsOf(o.texts)));
  for (const std::vector<float>& shares : results) {
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
    .summary = "how likely each label of a classification head is, or the numbers of one for regression",
    .example = "tern classify path/to/sentiment-model 'What a fine day.'",
    .setup = Setup,
};

}  // namespace tern
