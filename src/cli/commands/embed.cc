#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

#include "cli/command.h"
#include "cli/encoder_flags.h"
#include "cli/json_lines.h"
#include "cli/lines.h"
#include "cli/progress.h"

namespace tern {
namespace {

constexpr size_t kAtOnce = 1024;  // texts read before any is computed

struct Options {
  EncoderFlags encoder;
  std::vector<std::string> texts;
  bool jsonl = false;
  bool time = false;
};

Result<std::vector<EncoderText>> ReadTexts(const Options& o) {
  std::vector<EncoderText> texts;
  for (const std::string& text : o.texts) texts.push_back({.first = text});
  if (!texts.empty()) return texts;
  if (!o.jsonl) {
    texts.push_back({.first = ReadStandardInput()});
    return texts;
  }
  TERN_TRY_STATUS(EachLine([&](std::string_view line) -> Status {
    TERN_TRY(std::string text, JsonString(line));
    texts.push_back({.first = std::move(text)});
    return {};
  }));
  return texts;
}

Status Run(const Options& o) {
  TERN_TRY(const auto encoder, OpenEncoder(o.encoder));
  TERN_TRY(const std::vector<EncoderText> texts, ReadTexts(o));
  Progress progress("embed", Progress::Unit::kCount);
  std::chrono::duration<double> seconds{};
  for (size_t begin = 0; begin < texts.size(); begin += kAtOnce) {
    const size_t count = std::min(kAtOnce, texts.size() - begin);
    const auto start = std::chrono::steady_clock::now();
    TERN_TRY(const auto vectors, encoder->Embed(std::span(texts).subspan(begin, count)));
    seconds += std::chrono::steady_clock::now() - start;
    progress.Update(begin + count, texts.size());
    for (const std::vector<float>& vector : vectors) fmt::print("[{}]\n", fmt::join(vector, ","));
  }
  if (o.time) fmt::print(stderr, "{} texts in {:.4f} s\n", texts.size(), seconds.count());
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->encoder.model, true);
  args.Option("TEXT", &o->texts, "texts to embed; none: standard input is one");
  args.Flag("--jsonl", &o->jsonl, "standard input is a JSON string per line");
  args.Flag("--time", &o->time, "say on standard error how long the texts took, loading aside");
  args.Option("--pooling", &o->encoder.pooling, "how tokens become one vector; auto: as the model says")
      .Choices({"auto", "mean", "cls", "last"});
  args.Option("--normalize", &o->encoder.normalize,
              "vectors of length one; auto: as the model says, else yes")
      .Choices({"auto", "yes", "no"});
  AddEncoderFlags(args, &o->encoder);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_embed;
const CommandDesc k_command_embed = {
    .name = "embed",
    .summary = "texts to vectors, a JSON array per line",
    .example = "tern embed path/to/all-MiniLM-L6-v2 'A bird flies.' 'A plane lands.'",
    .setup = Setup,
};

}  // namespace tern
