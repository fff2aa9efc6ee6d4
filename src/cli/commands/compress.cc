#include "compress/compress.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/byte_size.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/compared_prompts.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/tokenizer_metadata.h"
#include "compress/comparison_text.h"
#include "compress/trim_vocabulary.h"
#include "compress/write_compressed.h"
#include "io/files.h"
#include "text/hf/tokenizer_files.h"

namespace tern {
namespace {

constexpr size_t kMaxRecipeBytes = size_t{16} << 20, kMaxTokenizerBytes = size_t{1} << 30;

struct Options {
  ModelFlags model;
  std::string size, speed, out, recipe, recipe_out, report, keep_vocabulary;
  std::optional<double> kld;
  CompressOptions compress;
  CalibrationOptions data;
  int calibration_tokens = 16384;
  bool pareto = false, fresh = false;

  std::string work_path() const { return out + ".work"; }
  bool to_folder() const { return !out.ends_with(".gguf"); }
};

std::vector<std::string_view> MethodNames() {
  std::vector<std::string_view> names;
  for (const MethodDesc* method : AllMethods()) names.push_back(method->name);
  return names;
}

Result<CompressTarget> ParseTarget(const Options& o) {
  CompressTarget target;
  if (!o.size.empty()) {
    TERN_TRY(target.file_bytes, ParseSize(o.size));
  }
  if (!o.speed.empty()) {
    TERN_TRY(target.speed, ParseSpeed(o.speed));
  }
  target.kld = o.kld;
  return target;
}

bool HasTarget(const Options& o) { return !o.size.empty() || !o.speed.empty() || o.kld; }

Status CheckTarget(const Options& o) {
  TERN_TRY(const CompressTarget target, ParseTarget(o));
  if (target.kld && !(*target.kld > 0))
    return BadInput(fmt::format("kld {}, expected a number above 0", *target.kld));
  for (const std::string& name : o.compress.schemes) {
    TERN_TRY([[maybe_unused]] const Scheme scheme, ParseScheme(name));
  }
  const bool has_target = HasTarget(o);
  if (has_target != o.recipe.empty() && (has_target || o.keep_vocabulary.empty()))
    return BadInput("expected --size, --kld or --speed, or else --recipe or --keep-vocabulary");
  if (!o.recipe.empty() && !o.keep_vocabulary.empty())
    return BadInput("--keep-vocabulary: not with --recipe, which says itself which tokens stay");
  return {};
}

// Beside the model's name, where the command runs.
std::string DefaultOut(const Options& o) {
  std::string name = std::filesystem::path(o.model.model).filename().string();
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  std::string suffix = o.size.empty() ? o.kld ? fmt::format("kld{}", *o.kld) : o.speed : o.size;
  if (!o.recipe.empty()) suffix = std::filesystem::path(o.recipe).stem().string();
  if (suffix.empty()) suffix = "trimmed";
  return fmt::format("{}-{}.gguf", name, suffix);
}

// What is said of a model before it is written, and after.
void PrintBill(const CompressionReport& report) {
  const ReportModel &before = report.reference, &after = report.model;
  fmt::print("bits per weight  {:.2f} -> {:.2f}\n", before.bits_per_weight, after.bits_per_weight);
  if (after.decode_tokens_per_s > 0) {
    fmt::print("writes           {:.1f} -> {:.1f} tokens/s ({:.2f}x)\n", before.decode_tokens_per_s,
               after.decode_tokens_per_s, after.decode_tokens_per_s / before.decode_tokens_per_s);
    fmt::print("reads            {:.0f} -> {:.0f} tokens/s\n", before.prefill_tokens_per_s,
               after.prefill_tokens_per_s);
  }
  fmt::print("{}", ComparisonText(report.quality, true));
  for (const std::string& note : report.notes) fmt::print("note: {}\n", note);
}

// How many weights and bytes are in each scheme.
void PrintMix(const CompressionReport& report) {
  std::map<std::string, std::pair<int, uint64_t>> mix;
  for (const ReportTensor& tensor : report.tensors) {
    if (tensor.method.empty()) continue;
    auto& [count, bytes] = mix[fmt::format("{} ({})", tensor.to, tensor.method)];
    ++count;
    bytes += tensor.bytes;
  }
  for (const auto& [name, counted] : mix)
    fmt::print("{:<24} {:>4} weights  {}\n", name, counted.first, HumanBytes(counted.second));
}

void PrintFront(const CompressionReport& report) {
  fmt::print("{:>14} {:>10} {:>9}\n", "bytes", "KLD", "tokens/s");
  for (const ReportPoint& point : report.points) {
    fmt::print("{:>14} {:>10.4g} {:>9.1f}  {}\n", point.file_bytes, point.kld, point.decode_tokens_per_s,
               point.name);
  }
}

Result<CompressOptions> ToCompressOptions(const Options& o, const LoadedModel& model, const Metadata& more,
                                          Progress* progress) {
  CompressOptions options = o.compress;
  options.model_name = o.model.model;
  TERN_TRY(options.target, ParseTarget(o));
  options.data = o.data.data;
  options.calibration_tokens = o.calibration_tokens;
  options.threads = o.model.threads;
  options.work_path = o.work_path();
  options.to_folder = o.to_folder();
  options.front_points = o.pareto || !o.report.empty() ? 24 : 0;
  TERN_TRY(options.header_bytes, GgufHeaderBytes(*model.checkpoint, more));
  if (!o.report.empty()) {
    TERN_TRY(options.prompts, ComparedPrompts(model));
  }
  options.progress = [progress](std::string_view what, int64_t done, int64_t total) {
    progress->SetLabel(std::string(what));
    progress->Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
    return InterruptedStatus();
  };
  options.estimate = [progress](double seconds) {
    progress->Finish();
    fmt::print(stderr, "this will take about {}\n", HumanSeconds(seconds));
  };
  return options;
}

// The files of a model's tokenizer, for a folder.
Result<std::vector<FolderFile>> TokenizerFiles(const Checkpoint& checkpoint) {
  std::vector<FolderFile> files;
  const std::string path(checkpoint.path());
  if (IsDirectory(path)) {
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                             "tokenizer.model", "chat_template.jinja", "generation_config.json"}) {
      if (!IsFile(path + "/" + name)) continue;
      TERN_TRY(std::string text, ReadFile(path + "/" + name, kMaxTokenizerBytes));
      files.push_back({name, std::move(text)});
    }
    return files;
  }
  TERN_TRY(const auto texts, TokenizerFilesOf(checkpoint.metadata()));
  for (const auto& [name, text] : texts) files.push_back({name, text});
  return files;
}

Status WriteModel(const Options& o, const Compressed& compressed, const Metadata& more) {
  if (!o.to_folder()) return WriteCompressedGguf(compressed, o.out, more);
  TERN_TRY(std::vector<FolderFile> files, TokenizerFiles(*compressed.model->checkpoint));
  return WriteCompressedFolder(compressed, o.out, std::move(files));
}

Status Write(const Options& o, const Compressed& compressed, const Metadata& more) {
  TERN_TRY_STATUS(WriteModel(o, compressed, more));
  const std::string recipe_out = o.recipe_out.empty() ? o.out + ".toml" : o.recipe_out;
  TERN_TRY_STATUS(WriteFileAtomic(recipe_out, RecipeToml(compressed.recipe)));
  if (!o.report.empty()) TERN_TRY_STATUS(WriteFileAtomic(o.report, ReportPage(compressed.report)));
  return {};
}

Result<CalibrationData> GatherText(const std::shared_ptr<const LoadedModel>& model,
                                   const CalibrationOptions& options) {
  Progress progress("gathering text", Progress::Unit::kCount);
  return GatherCalibrationData(model, options, [&](int64_t done, int64_t total) {
    progress.Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
  });
}

// Of a file, or of all in a folder.
uint64_t BytesOf(const std::string& path) {
  if (!IsDirectory(path)) return FileBytes(path);
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) bytes += FileBytes(entry.path());
  return bytes;
}

// A model of fewer tokens, where that is asked for.
struct Trimming {
  std::shared_ptr<const LoadedModel> whole;
  TrimmedModel trimmed;
  RecipeVocabulary recipe;
};

Result<std::optional<Trimming>> Trim(const Options& o, const Recipe* recipe,
                                     const std::shared_ptr<const LoadedModel>& model, const Metadata& more) {
  Trimming t{.whole = model, .trimmed = {}, .recipe = {.text = o.keep_vocabulary, .hash = {}}};
  if (recipe != nullptr) t.recipe = recipe->vocabulary;
  if (t.recipe.text.empty()) return std::optional<Trimming>();
  TERN_TRY(const std::vector<Document> documents, ReadDocuments(t.recipe.text));
  std::vector<std::string> texts;
  for (const Document& document : documents) texts.push_back(document.text);
  TERN_TRY(t.trimmed, TrimVocabulary(model, more, texts));
  const auto tokens = static_cast<int64_t>(t.trimmed.kept.size());
  if (!t.recipe.hash.empty() && t.recipe.hash != t.trimmed.hash) {
    return BadInput(fmt::format("{}: its tokens are other ones than the recipe's ({} of them, expected {})",
                                t.recipe.text, tokens, t.recipe.tokens));
  }
  t.recipe.hash = t.trimmed.hash;
  t.recipe.tokens = tokens;
  return std::optional<Trimming>(std::move(t));
}

// What trimming cost, in the report.
Status DescribeTrimming(const Trimming& t, const CalibrationData& data, int threads,
                        CompressionReport* report) {
  constexpr WindowOptions kWindows{.window = 512, .score_from = 1, .windows = 8};
  const auto windows = CutWindows(data.part(DataPart::kEvaluate), kWindows, WindowBos(*t.trimmed.model));
  TERN_TRY(const double loss, TrimmingLoss(t.whole, t.trimmed, windows, threads));
  const std::string kept = fmt::format("{} of {} tokens", t.recipe.tokens, t.whole->hparams().vocabulary);
  report->facts.emplace_back("vocabulary", fmt::format("{}, those of {}", kept, t.recipe.text));
  report->notes.push_back(
      fmt::format("{} were kept: their logits are what they were; all else here is measured against the "
                  "model of these tokens. That "
                  "others cannot be said costs {:.3g} nats per token more, on text that they can spell",
                  kept, loss));
  return {};
}

Status Run(const Options& given) {
  Options o = given;
  if (o.out.empty()) o.out = DefaultOut(o);
  TERN_TRY(const std::string path, FindModelFile(o.model));
  std::error_code error;
  if (o.to_folder() && std::filesystem::exists(o.out, error))
    return BadInput(o.out + ": is there already, expected a new folder");
  if (std::filesystem::equivalent(path, o.out, error))
    return BadInput(o.out + ": is the model itself, expected another file");
  const std::string parent = std::filesystem::absolute(o.out).parent_path().string();
  if (!IsDirectory(parent))
    return NotFound(fmt::format("{}: no such folder, {} cannot be written", parent, o.out));
  std::optional<Recipe> recipe;
  if (!o.recipe.empty()) {
    TERN_TRY(const std::string text, ReadFile(o.recipe, kMaxRecipeBytes));
    TERN_TRY(recipe, ParseRecipe(text, o.recipe));
    o.data.data = recipe->data;
    if (o.compress.imatrix.empty()) o.compress.imatrix = recipe->imatrix;
    if (recipe->calibration_tokens > 0) o.calibration_tokens = static_cast<int>(recipe->calibration_tokens);
  }
  TERN_TRY(auto model, LoadModel(path));
  TERN_TRY_STATUS(CheckFinite(*model));  // before the model writes text
  TERN_TRY(Metadata more, TokenizerMetadata(*model->checkpoint, ""));
  TERN_TRY(const auto trimming, Trim(o, recipe ? &*recipe : nullptr, model, more));
  if (trimming) {
    model = trimming->trimmed.model;
    more = {};
    if (!recipe && !HasTarget(o)) recipe.emplace();
  }
  const InterruptScope scope;
  o.data.threads = o.model.threads;
  TERN_TRY(const CalibrationData data, GatherText(model, o.data));
  Progress progress("compress", Progress::Unit::kShare);
  TERN_TRY(CompressOptions options, ToCompressOptions(o, *model, more, &progress));
  options.fresh = o.fresh;
  if (recipe) options.recipe = &*recipe;
  if (trimming) options.vocabulary = trimming->recipe;
  TERN_TRY(Compressed compressed, Compress(model, data, options));
  progress.Finish();
  if (trimming) TERN_TRY_STATUS(DescribeTrimming(*trimming, data, o.model.threads, &compressed.report));
  compressed.report.title = fmt::format("tern compress {} --{}", o.model.model, compressed.recipe.target);
  TERN_TRY_STATUS(Write(o, compressed, more));
  if (o.pareto) PrintFront(compressed.report);
  PrintMix(compressed.report);
  PrintBill(compressed.report);
  fmt::print("{}  {}\n", Styled(1, Style::kBold, Printable(o.out)), HumanBytes(BytesOf(o.out)));
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Section("Target");
  args.Option("--size", &o->size, "of the file, at most: 90M is 90,000,000 bytes, 90MiB 94,371,840")
      .ValueName("BYTES");
  args.Option("--kld", &o->kld,
              "how far it may be from MODEL: mean KL divergence in nats per token, at most");
  args.Option("--speed", &o->speed, "how many times as fast it shall write on this machine, at least")
      .ValueName("1.5x");
  args.Option("--recipe", &o->recipe, "instead of a target: make what this recipe says, to the same bytes")
      .ValueName("FILE");
  args.Section("");
  args.Option("-o,--out", &o->out,
              "the .gguf file to write; without that ending a folder of compressed-tensors")
      .ValueName("FILE")
      .Default("MODEL-TARGET.gguf");
  args.Option("--recipe-out", &o->recipe_out, "where the recipe is written")
      .ValueName("FILE")
      .Default("OUT.toml");
  args.Option("--report", &o->report, "write a report, one HTML page that needs nothing else")
      .ValueName("FILE");
  args.Flag("--pareto", &o->pareto, "print what other sizes would cost");
  args.Option("--method", &o->compress.method, "how weights are encoded").Choices(MethodNames());
  args.Option("--schemes", &o->compress.schemes, "formats to choose from (repeatable)")
      .ValueName("NAME")
      .Default("those of GGUF");
  args.Option(
          "--data", &o->data.data,
          "text to calibrate with, a file or a folder; none: what the model writes itself, and README files, "
          "code and translations of this machine")
      .ValueName("FILE|DIR");
  args.Option("--calibration-tokens", &o->calibration_tokens, "how many tokens of it").Range(64, 1 << 24);
  args.Option("--generated-tokens", &o->data.generated_tokens, "how many tokens the model writes for that")
      .Range(0, 1 << 24);
  args.Option("--keep-vocabulary", &o->keep_vocabulary,
              "keep only the tokens of this text, a file or a folder, and what they are made of")
      .ValueName("FILE|DIR");
  args.Option("--imatrix", &o->compress.imatrix,
              "an importance matrix of llama.cpp's, instead of reading text to calibrate with")
      .ValueName("FILE")
      .ExistingFile();
  args.Option("--imatrix-out", &o->compress.imatrix_out,
              "write what was seen of inputs as an importance matrix")
      .ValueName("FILE");
  args.Option("--windows", &o->compress.windows,
              "measure the result on this many windows of text; 0: all of the protocol")
      .Range(0, 1 << 20);
  args.Flag("--fresh", &o->fresh, "start anew: forget what a run that was ended has left in OUT.work");
  args.Option("-t,--threads", &o->model.threads, "threads; 0: one per core").Range(0, 1024);
  args.Check([o] { return CheckTarget(*o); });
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_compress;
const CommandDesc k_command_compress = {
    .name = "compress",
    .summary = "make a model smaller, to a size, a loss or a speed, and say what it cost",
    .example = "tern compress smollm2 --size 80M -o smaller.gguf",
    .setup = Setup,
};

}  // namespace tern
