#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

#include "cli/command.h"
#include "cli/encoder_flags.h"
#include "cli/progress.h"
#include "cli/text_lines.h"

namespace tern {
namespace {

struct Options {
  EncoderFlags encoder;
  std::vector<std::string> texts;
  bool jsonl = false;
  bool time = false;
};

// What --time says of.
struct Spent {
  uint64_t texts = 0;
  std::chrono::duration<double> time{};
};

Result<std::vector<std::string>> Embed(TextEncoder& encoder, std::span<const EncoderText> texts,
                                       Spent* spent) {
  const auto start = std::chrono::steady_clock::now();
  TERN_TRY(const auto vectors, encoder.Embed(texts));
  spent->time += std::chrono::steady_clock::now() - start;
  spent->texts += texts.size();
  std::vector<std::string> lines;
  for (const std::vector<float>& vector : vectors)
    lines.push_back(fmt::format("[{}]", fmt::join(vector, ",")));
  return lines;
}

Status Run(const Options& o) {
  TERN_TRY(const auto encoder, OpenEncoder(o.encoder));
  Spent spent;
  if (o.jsonl && o.texts.empty()) {
    Progress progress("embed", Progress::Unit::kCount);
    TERN_TRY_STATUS(MapTextLines([&](std::span<const EncoderText> texts) {
      auto lines = Embed(*encoder, texts, &spent);
      progress.Update(spent.texts, 0);
      return lines;
    }));
  } else {
    TERN_TRY(const std::vector<std::string> lines, Embed(*encoder, TextsOf(o.texts), &spent));
    for (const std::string& line : lines) fmt::print("{}\n", line);
  }
  if (o.time) fmt::print(stderr, "{} texts in {:.4f} s\n", spent.texts, spent.time.count());
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
    .example = "tern embed minilm 'A bird flies.' 'A plane lands.'",
    .setup = Setup,
};

}  // namespace tern
