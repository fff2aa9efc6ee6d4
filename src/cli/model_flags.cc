#include "cli/model_flags.h"

#include "cli/model_store_options.h"

namespace tern {

void AddModelArgument(Arguments& args, ModelFlags* flags, bool required) {
  auto model =
      args.Option("MODEL", &flags->model, "catalogue name, hf:org/repo[:quant], https:, file or folder");
  if (required) model.Required();
  args.Flag("--offline", &flags->offline, "never use the network");
}

void AddRunnerFlags(Arguments& args, ModelFlags* flags) {
  args.Section("How it runs");
  args.Option("--precision", &flags->precision, "activations: int8, a mix, int16-class, or fp32")
      .Choices({"fast", "default", "precise", "exact"});
  args.Option("-t,--threads", &flags->threads, "threads; 0: one per core").Range(0, 1024);
  args.Option("-c,--context", &flags->context,
              "most tokens of prompt and answer; 0: what the model was trained for")
      .Range(0, 1 << 30);
  args.Option("--kv-type", &flags->kv_type, "KV cache storage; auto: f16, in exact precision f32")
      .Choices({"auto", "f32", "f16", "bf16", "int8"});
  args.Option("--device", &flags->device, "backend to run on");
  args.Option("--disable-pass", &flags->disabled_passes, "leave out a graph pass (repeatable)")
      .ValueName("PASS");
  args.Section("");
}

Result<std::string> FindModelFile(const ModelFlags& flags) {
  TERN_TRY(const ModelFiles files, ObtainModel(flags.model, flags.offline));
  return files.path;
}

Result<std::shared_ptr<const LoadedModel>> OpenModel(const ModelFlags& flags) {
  TERN_TRY(const std::string path, FindModelFile(flags));
  return LoadModel(path, {.context = flags.context});
}

Result<RunnerOptions> ToRunnerOptions(const ModelFlags& flags) {
  RunnerOptions options;
  options.backend = flags.device;
  options.threads = flags.threads;
  options.context = flags.context;
  options.disabled_passes = flags.disabled_passes;
  TERN_TRY(options.precision, ParsePrecision(flags.precision));
  if (flags.kv_type != "auto") {
    TERN_TRY(options.kv_type, ParseKvType(flags.kv_type));
  }
  return options;
}

}  // namespace tern
