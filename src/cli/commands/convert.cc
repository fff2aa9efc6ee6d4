#include "models/convert.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "io/files.h"
#include "io/hf_folder.h"
#include "models/hf/checkpoint.h"
#include "text/hf/gguf_tokenizer.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::string out, dtype, pre;
  bool leaves_tokenizer = false;
};

// A GGUF file's own tokenizer is copied with the rest of its metadata.
Result<Metadata> DescribeTokenizer(const Checkpoint& checkpoint, const Options& o) {
  const std::string folder(checkpoint.path());
  const Tensor* table = checkpoint.Find("token_embd.weight");
  if (o.leaves_tokenizer || table == nullptr || !IsDirectory(folder) || !HasTokenizerFiles(folder)) {
    return Metadata();
  }
  TERN_TRY(const std::string architecture, checkpoint.metadata().Str("general.architecture"));
  auto described = DescribeTokenizerForGguf(
      folder, {.vocabulary = table->rows(), .architecture = architecture, .pre = o.pre});
  if (!described.ok()) {
    const Error& error = described.error();
    return Error{error.code, error.what + "; --no-tokenizer writes the model without it"};
  }
  for (const std::string& warning : described.value().warnings) fmt::print(stderr, "tern: {}\n", warning);
  return std::move(described.value().metadata);
}

Status Convert(const Options& o) {
  TERN_TRY(const std::string path, FindModelFile(o.model));
  std::error_code error;
  if (std::filesystem::equivalent(path, o.out, error)) {
    return BadInput(o.out + ": is the model itself, expected another file");
  }
  TERN_TRY(const auto checkpoint, OpenModelCheckpoint(path));
  Progress progress("convert", Progress::Unit::kBytes);
  const auto update = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  TERN_TRY(Metadata tokenizer, DescribeTokenizer(*checkpoint, o));
  TERN_TRY_STATUS(ConvertToGguf(*checkpoint, o.out,
                                {.dtype = o.dtype, .more = std::move(tokenizer), .progress = update}));
  progress.Finish();
  fmt::print("{}  {}\n", Styled(1, Style::kBold, Printable(o.out)), HumanBytes(FileBytes(o.out)));
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Option("OUT", &o->out, "the file to write").Required();
  args.Option("--dtype", &o->dtype, "of matrices that are not quantized; else they stay as they are")
      .Choices({"f32", "f16", "bf16"});
  args.Option("--pre", &o->pre,
              "tokenizer.ggml.pre of a byte-level BPE, where the folder's way to cut text is not recognised");
  args.Flag("--no-tokenizer", &o->leaves_tokenizer, "leave a folder's tokenizer out");
  args.Run([o] { return Convert(*o); });
}

}  // namespace

extern const CommandDesc k_command_convert;
const CommandDesc k_command_convert = {
    .name = "convert",
    .summary = "write a model as GGUF",
    .example = "tern convert path/to/huggingface-folder model.gguf --dtype bf16",
    .setup = Setup,
};

}  // namespace tern
