#include "compress/compare_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/sequences.h"
#include "engine/speed_meter.h"

namespace tern {
namespace {

constexpr int kStepRows = 64;  // of Compare
constexpr int kSpeedRounds = 3, kDecodeTokens = 64, kPrefillTokens = 512;

size_t BytesOf(const Tensor& t) { return static_cast<size_t>(t.rows()) * t.row_bytes(); }

double BitsOf(size_t bytes, int64_t elements) {
  return elements == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(elements);
}

class ModelComparison {
 public:
  ModelComparison(const ComparedModel& reference, const ComparedModel& model,
                  const CompareModelsOptions& options, const CompareProgress& progress)
      : reference_(reference), model_(model), options_(options), progress_(progress) {}

  Status MeasureQuality(std::span<const DomainText> text, CompressionReport* report) {
    const int32_t bos = WindowBos(*reference_.model);
    WindowOptions chosen = ProtocolFor(text, reference_.model->hparams().context, bos >= 0);
    if (options_.windows > 0) chosen.windows = options_.windows;
    const std::vector<TextWindow> windows = CutWindows(text, chosen, bos);
    std::vector<std::string> domains;
    for (const DomainText& part : text) domains.push_back(part.domain);
    RunnerOptions precise = options_.runner;
    precise.precision = Precision::kPrecise;
    precise.granted.clear();
    precise.context = chosen.window;
    precise.step_tokens = precise.step_outputs = kStepRows;
    TERN_TRY(const auto reference, Runner::Make(reference_.model, precise));
    TERN_TRY(const auto model, Runner::Make(model_.model, precise));
    const CompareOptions compare{
        .score_from = chosen.score_from, .by_position_from = 1, .threads = precise.threads};
    TERN_TRY(report->quality, Compare(*model, reference.get(), windows, domains, compare,
                                      [&](int64_t done, int64_t total) { Report("quality", done, total); }));
    report->facts.emplace_back("text", fmt::format("{} windows of {} tokens, scored from position {} on",
                                                   windows.size(), chosen.window, chosen.score_from));
    if (!report->quality.kld_interval) {
      report->notes.push_back(
          fmt::format("{} windows of text, expected at least {}: no intervals, and figures "
                      "that other text may change a lot",
                      report->quality.windows, kWindowsForInterval));
    }
    return {};
  }

  // Runs both in turns: what disturbs the machine disturbs both.
  Status MeasureSpeed(std::span<const int32_t> text, CompressionReport* report) {
    std::array<std::unique_ptr<Runner>, 2> runners;
    TERN_TRY_STATUS(MakeRunners(kPrefillTokens + kDecodeTokens, kPrefillTokens, &runners));
    const SpeedCase cases[] = {{.test = SpeedCase::Test::kDecode, .tokens = kDecodeTokens},
                               {.test = SpeedCase::Test::kPrefill, .tokens = kPrefillTokens}};
    std::array<std::array<std::vector<double>, 2>, 2> speeds;  // [model][case]
    for (int round = 0; round < kSpeedRounds; ++round) {
      for (size_t m = 0; m < 2; ++m) {
        SpeedMeter meter(runners[m].get(), {text.begin(), text.end()});
        for (size_t c = 0; c < 2; ++c) {
          TERN_TRY(const SpeedFigure figure, meter.Measure(cases[c], 1));
          speeds[m][c].push_back(cases[c].tokens / figure.seconds);
        }
      }
      Report("speed", round + 1, kSpeedRounds);
    }
    for (size_t m = 0; m < 2; ++m) {
      for (std::vector<double>& of_case : speeds[m]) std::sort(of_case.begin(), of_case.end());
      ReportModel& side = m == 0 ? report->reference : report->model;
      side.decode_tokens_per_s = speeds[m][0][kSpeedRounds / 2];
      side.prefill_tokens_per_s = speeds[m][1][kSpeedRounds / 2];
    }
    report->facts.emplace_back("machine", runners[0]->device());
    return {};
  }

  Status Write(CompressionReport* report) {
    size_t longest = 0;
    for (const ComparedPrompt& prompt : options_.prompts) longest = std::max(longest, prompt.tokens.size());
    std::array<std::unique_ptr<Runner>, 2> runners;
    TERN_TRY_STATUS(MakeRunners(static_cast<int>(longest) + options_.prompt_tokens + 1, kStepRows, &runners));
    int64_t done = 0;
    for (const ComparedPrompt& prompt : options_.prompts) {
      Report("what they write", done++, static_cast<int64_t>(options_.prompts.size()));
      TERN_TRY(const std::vector<int32_t> reference, WriteGreedily(*runners[0], prompt.tokens));
      TERN_TRY(const std::vector<int32_t> model, WriteGreedily(*runners[1], prompt.tokens));
      report->continuations.push_back(Beside(prompt, reference, model));
    }
    return {};
  }

 private:
  void Report(std::string_view what, int64_t done, int64_t total) const {
    if (progress_) progress_(what, done, total);
  }

  Status MakeRunners(int context, int step_tokens, std::array<std::unique_ptr<Runner>, 2>* runners) const {
    RunnerOptions options = options_.runner;
    options.context = context;
    options.step_tokens = step_tokens;
    TERN_TRY((*runners)[0], Runner::Make(reference_.model, options));
    TERN_TRY((*runners)[1], Runner::Make(model_.model, options));
    return {};
  }

  Result<std::vector<int32_t>> WriteGreedily(Runner& runner, std::span<const int32_t> prompt) const {
    Sequences sequences(&runner);
    TERN_TRY(const SequenceId sequence, sequences.Open());
    std::vector<int32_t> written;
    std::span<const int32_t> next = prompt;
    while (static_cast<int>(written.size()) < options_.prompt_tokens) {
      while (!next.empty()) {
        const auto rows = next.first(std::min(next.size(), static_cast<size_t>(runner.step_tokens())));
        const StepWork work{sequence, rows};
        TERN_TRY_STATUS(sequences.Step({&work, 1}));
        next = next.subspan(rows.size());
      }
      const auto logits = runner.Logits(0);
      written.push_back(
          static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
      if (reference_.model->tokenizer->IsEndOfGeneration(written.back())) break;
      next = std::span(written).last(1);
    }
    return written;
  }

  std::string TextOf(std::span<const int32_t> tokens) const {
    Detokenizer detokenizer(*reference_.model->tokenizer);
    std::string text;
    for (const int32_t token : tokens) detokenizer.Push(token, &text);
    detokenizer.Flush(&text);
    return text;
  }

  ReportContinuation Beside(const ComparedPrompt& prompt, const std::vector<int32_t>& reference,
                            const std::vector<int32_t>& model) const {
    const auto differ = std::mismatch(reference.begin(), reference.end(), model.begin(), model.end());
    ReportContinuation c{.prompt = prompt.text, .reference = TextOf(reference), .model = TextOf(model)};
    c.same_tokens = static_cast<int>(differ.first - reference.begin());
    c.tokens = static_cast<int>(std::max(reference.size(), model.size()));
    const auto bytes = std::mismatch(c.reference.begin(), c.reference.end(), c.model.begin(), c.model.end());
    c.same_bytes = static_cast<size_t>(bytes.first - c.reference.begin());
    // Not within a character, of which the two may share the first bytes.
    while (c.same_bytes > 0 && c.same_bytes < c.reference.size() &&
           (static_cast<unsigned char>(c.reference[c.same_bytes]) & 0xc0) == 0x80) {
      --c.same_bytes;
    }
    return c;
  }

  const ComparedModel &reference_, &model_;
  const CompareModelsOptions& options_;
  const CompareProgress& progress_;
};

ReportModel Side(const ComparedModel& m) {
  return {.name = m.name,
          .file_bytes = m.model->checkpoint->file_bytes(),
          .bits_per_weight = BitsPerWeight(*m.model->checkpoint)};
}

}  // namespace

double BitsPerWeight(const Checkpoint& checkpoint) {
  size_t bytes = 0;
  int64_t elements = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    bytes += BytesOf(tensor);
    elements += Elements(tensor.shape);
  }
  return BitsOf(bytes, elements);
}

std::vector<ReportTensor> ReportTensors(const Checkpoint& reference, const Checkpoint& model) {
  std::vector<ReportTensor> tensors;
  for (const auto& [name, tensor] : model.tensors()) {
    const Tensor* from = reference.Find(name);
    tensors.push_back({.name = name,
                       .shape = ToString(tensor.shape),
                       .from = from == nullptr ? "" : std::string(from->format->name),
                       .to = std::string(tensor.format->name),
                       .bytes = BytesOf(tensor),
                       .bits = BitsOf(BytesOf(tensor), Elements(tensor.shape)),
                       .method = "",
                       .reason = ""});
  }
  return tensors;
}

Result<CompressionReport> CompareModels(const ComparedModel& reference, const ComparedModel& model,
                                        std::span<const DomainText> text, const CompareModelsOptions& options,
                                        const CompareProgress& progress) {
  CompressionReport report{.reference = Side(reference), .model = Side(model)};
  ModelComparison comparison(reference, model, options, progress);
  TERN_TRY_STATUS(comparison.MeasureQuality(text, &report));
  if (options.measures_speed) TERN_TRY_STATUS(comparison.MeasureSpeed(text.front().tokens, &report));
  if (!options.prompts.empty()) TERN_TRY_STATUS(comparison.Write(&report));
  report.tensors = ReportTensors(*reference.model->checkpoint, *model.model->checkpoint);
  return report;
}

}  // namespace tern
