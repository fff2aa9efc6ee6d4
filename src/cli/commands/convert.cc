#include "models/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/tokenizer_metadata.h"
#include "io/files.h"
#include "models/hf/checkpoint.h"
#include "text/hf/tokenizer_files.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::string out, to, dtype, pre;
  int shard_mb = 5000;
  bool leaves_tokenizer = false;
};

// A GGUF file's own tokenizer is copied with the rest of its metadata.
Result<Metadata> DescribeTokenizer(const Checkpoint& checkpoint, const Options& o) {
  if (o.leaves_tokenizer) return Metadata();
  auto described = TokenizerMetadata(checkpoint, o.pre);
  if (described.ok()) return described;
  const Error& error = described.error();
  return Error{error.code, error.what + "; --no-tokenizer writes the model without it"};
}

Status WriteGgufFile(const std::string& path, const Options& o, ConvertOptions options) {
  TERN_TRY(const auto checkpoint, OpenModelCheckpoint(path));
  TERN_TRY(options.more, DescribeTokenizer(*checkpoint, o));
  return ConvertToGguf(*checkpoint, o.out, options);
}

Status WriteFolder(const std::string& path, const Options& o, const ConvertOptions& options) {
  if (IsDirectory(path)) return ConvertToSafetensors(path, o.out, options);
  TERN_TRY(const auto checkpoint, OpenModelCheckpoint(path));
  std::vector<FolderFile> files;
  if (!o.leaves_tokenizer) {
    TERN_TRY(const auto texts, TokenizerFilesOf(checkpoint->metadata()));
    for (const auto& [name, text] : texts) files.push_back({name, text});
  }
  return ConvertGgufToFolder(*checkpoint, o.out, options, files);
}

// "model.ggfu" is a slip of the hand, "Qwen2.5-0.5B" the name of a folder.
Status CheckEnding(const Options& o) {
  const std::string ending = std::filesystem::path(o.out).extension();
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool file = ending.size() > 1 && std::all_of(ending.begin() + 1, ending.end(), is_letter);
  if (!o.to.empty() || !file || ending == ".gguf") return {};
  return BadInput(fmt::format("{}: ending {}, expected .gguf; --to says what to write under another name",
                              o.out, ending));
}

Status Convert(const Options& o) {
  TERN_TRY(const std::string path, FindModelFile(o.model));
  std::error_code error;
  if (std::filesystem::equivalent(path, o.out, error)) {
    return BadInput(o.out + ": is the model itself, expected another file");
  }
  const bool to_gguf = o.to.empty() ? o.out.ends_with(".gguf") : o.to == "gguf";
  Progress progress("convert", Progress::Unit::kBytes);
  const InterruptScope scope;
  const ConvertOptions options{.dtype = o.dtype,
                               .shard_bytes = static_cast<uint64_t>(o.shard_mb) * 1'000'000,
                               .progress = [&](uint64_t done, uint64_t total) {
                                 progress.Update(done, total);
                                 return InterruptedStatus();
                               }};
  TERN_TRY_STATUS(to_gguf ? WriteGgufFile(path, o, options) : WriteFolder(path, o, options));
  progress.Finish();
  fmt::print("{}{}\n", Styled(1, Style::kBold, Printable(o.out)),
             to_gguf ? "  " + HumanBytes(FileBytes(o.out)) : "");
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Option("OUT", &o->out, "the .gguf file, or the folder of safetensors, to write").Required();
  args.Option("--to", &o->to, "the form to write")
      .Choices({"gguf", "safetensors"})
      .Default("by OUT's ending");
  args.Option(
          "--dtype", &o->dtype,
          "of weights: in GGUF, of matrices that are not quantized; in safetensors, of all; else they "
          "stay as they are, and what is quantized becomes bf16 in safetensors. q8_24: GGUF for Tern, which "
          "keeps the 2 largest of each 4 weights of layers, at a loss")
      .Choices({"f32", "f16", "bf16", "q8_24"});
  args.Option("--pre", &o->pre,
              "tokenizer.ggml.pre of a byte-level BPE, where the folder's way to cut text is not recognised");
  args.Option("--shard-mb", &o->shard_mb, "safetensors: megabytes of a file, beyond which the next begins")
      .Range(1, 1'000'000);
  args.Flag("--no-tokenizer", &o->leaves_tokenizer, "leave the tokenizer out");
  args.Check([o] { return CheckEnding(*o); });
  args.Run([o] { return Convert(*o); });
}

}  // namespace

extern const CommandDesc k_command_convert;
const CommandDesc k_command_convert = {
    .name = "convert",
    .summary = "write a model as GGUF or as a folder of safetensors",
    .example = "tern convert path/to/huggingface-folder model.gguf --dtype bf16",
    .setup = Setup,
};

}  // namespace tern
