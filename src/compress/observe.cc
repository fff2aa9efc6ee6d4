#include "compress/observe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/cpu_count.h"
#include "base/isa.h"
#include "base/team.h"
#include "compress/gram/gram.h"
#include "compress/overlay_checkpoint.h"
#include "graph/rewrite.h"
#include "ops/moe_mlp.h"

namespace tern {
namespace {

// An input that is watched, and where it is among the graph's outputs.
struct Watched {
  size_t output = 0;
  Observation seen;

  size_t bytes() const { return (seen.energies.size() + seen.hessian.size()) * sizeof(float); }
};

// What a node multiplies its input 0 with: of experts, which multiply some rows only, gate and up.
std::vector<ValueId> MultipliedWithInput(const Node& node) {
  if (IsOp(node, "moe_mlp")) return {node.inputs[MoeMlpForm::kGate], node.inputs[MoeMlpForm::kUp]};
  if (!IsOp(node, "linear")) return {};
  const auto weights = MultipliedWeights(node);
  return {weights.begin(), weights.end()};
}

// Makes outputs of the inputs of linears. The head's input is output 0.
std::vector<Watched> Watch(LoadedModel& model) {
  Graph& graph = model.built.graph;
  std::map<ValueId, size_t> by_input;
  std::vector<Watched> watched;
  for (const Node& node : graph.nodes()) {
    const std::vector<ValueId> weights = MultipliedWithInput(node);
    if (weights.empty()) continue;
    const auto [found, is_new] = by_input.emplace(node.inputs[0], watched.size());
    if (is_new) {
      watched.push_back({.output = graph.outputs().size(), .seen = {}});
      watched.back().seen.columns = graph.value(node.inputs[0]).type.shape.back();
      graph.AddOutput(node.inputs[0]);
    }
    for (const ValueId id : weights) watched[found->second].seen.weights.push_back(graph.value(id).name);
  }
  Watched head;
  head.seen.columns = model.hparams().width;
  for (const char* name : {"output.weight", "token_embd.weight"}) {
    if (head.seen.weights.empty() && model.checkpoint->Find(name) != nullptr)
      head.seen.weights.emplace_back(name);
  }
  watched.push_back(std::move(head));
  return watched;
}

void Add(const Watched& w, const float* x, size_t rows, GramFn gram, Team& team, float* energies,
         float* peaks, float* hessian) {
  const auto columns = static_cast<size_t>(w.seen.columns);
  for (size_t t = 0; t < rows; ++t) {
    for (size_t j = 0; j < columns; ++j) peaks[j] = std::max(peaks[j], std::fabs(x[t * columns + j]));
  }
  if (hessian == nullptr) {
    for (size_t t = 0; t < rows; ++t) {
      for (size_t j = 0; j < columns; ++j) energies[j] += x[t * columns + j] * x[t * columns + j];
    }
    return;
  }
  const GramArgs args{x, rows, columns, hessian};
  TaskCounter counter;
  team.Run([&](int) {
    counter.ForEach((columns + kGramRows - 1) / kGramRows, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) gram(args, i * kGramRows);
    });
  });
}

// Sums become means; the lower triangle mirrors the upper one.
Status Finish(Observation& seen, int64_t tokens) {
  seen.tokens = tokens;
  const auto columns = static_cast<size_t>(seen.columns);
  const float share = 1.f / static_cast<float>(std::max<int64_t>(tokens, 1));
  for (size_t i = 0; i < (seen.hessian.empty() ? 0 : columns); ++i) {
    for (size_t j = i; j < columns; ++j) {
      const float mean = seen.hessian[i * columns + j] * share;
      seen.hessian[i * columns + j] = seen.hessian[j * columns + i] = mean;
    }
    seen.energies[i] = seen.hessian[i * columns + i];
  }
  for (float& energy : seen.energies) {
    if (seen.hessian.empty()) energy *= share;
    if (std::isfinite(energy)) continue;
    return BadInput(
        fmt::format("{}: its inputs are not finite while calibration text is read", seen.weights.front()));
  }
  return {};
}

class Watcher {
 public:
  static Result<Watcher> Make(const std::shared_ptr<const LoadedModel>& model,
                              std::span<const TextWindow> windows, const ObserveOptions& options) {
    TERN_TRY(const std::shared_ptr<LoadedModel> shown,
             BuildOverlay(std::make_unique<OverlayCheckpoint>(model), {.context = 0, .hidden_states = true}));
    std::vector<Watched> watched = Watch(*shown);
    TERN_TRY(auto runner, Runner::Make(shown, ReaderOptions(windows, Precision::kPrecise, options.threads)));
    return Watcher(std::move(watched), std::move(runner), options);
  }

  // Reads the text for as many inputs as fit, from `first` on; returns the first that did not.
  Result<size_t> Pass(size_t first, std::span<const TextWindow> windows, int64_t* done, int64_t total) {
    size_t end = first, bytes = 0;
    for (; end < watched_.size(); ++end) {
      Observation& seen = watched_[end].seen;
      const auto columns = static_cast<size_t>(seen.columns);
      const size_t cells = options_.what == Observed::kHessian ? columns * (columns + 1) : columns;
      bytes += cells * sizeof(float);
      if (end > first && bytes > options_.bytes) break;
      seen.energies.assign(columns, 0.f);
      seen.peaks.assign(columns, 0.f);
      if (options_.what == Observed::kHessian) seen.hessian.assign(columns * columns, 0.f);
    }
    TERN_TRY_STATUS(ReadWindows(*runner_, windows, [&](size_t rows) -> Status {
      for (size_t i = first; i < end; ++i) {
        Observation& seen = watched_[i].seen;
        Add(watched_[i], runner_->Output(watched_[i].output).data(), rows, gram_, *team_,
            seen.energies.data(), seen.peaks.data(), seen.hessian.empty() ? nullptr : seen.hessian.data());
      }
      *done += static_cast<int64_t>(rows);
      return options_.progress ? options_.progress(*done, std::max(total, *done)) : Status();
    }));
    for (size_t i = first; i < end; ++i) TERN_TRY_STATUS(Finish(watched_[i].seen, TokensOf(windows)));
    return end;
  }

  size_t size() const { return watched_.size(); }
  Observations Take() {
    Observations observations;
    for (Watched& w : watched_) observations.all().push_back(std::move(w.seen));
    return observations;
  }

 private:
  Watcher(std::vector<Watched> watched, std::unique_ptr<Runner> runner, const ObserveOptions& options)
      : watched_(std::move(watched)),
        runner_(std::move(runner)),
        options_(options),
        gram_(PickGram(DetectIsa())),
        team_(std::make_unique<Team>(options.threads > 0 ? options.threads : DefaultThreads())) {}

  std::vector<Watched> watched_;
  std::unique_ptr<Runner> runner_;
  ObserveOptions options_;
  GramFn gram_;
  std::unique_ptr<Team> team_;
};

}  // namespace

const Observation* Observations::Of(std::string_view weight) const {
  for (const Observation& seen : all_) {
    for (const std::string& name : seen.weights) {
      if (name.starts_with(weight)) return &seen;  // "<weight>[q]": a linear that reads some of its rows
    }
  }
  return nullptr;
}

Result<Observations> Observe(const std::shared_ptr<const LoadedModel>& model,
                             std::span<const TextWindow> windows, const ObserveOptions& options) {
  TERN_TRY_STATUS(CheckContinuesText(*model));
  if (windows.empty()) return BadInput("calibration text: has no tokens");
  TERN_TRY(Watcher watcher, Watcher::Make(model, windows, options));
  int64_t done = 0;
  const int64_t total = TokensOf(windows);
  for (size_t next = 0; next < watcher.size();) {
    TERN_TRY(next, watcher.Pass(next, windows, &done, total));
  }
  return watcher.Take();
}

ImportanceMatrix ToImportanceMatrix(const Observations& observations) {
  ImportanceMatrix matrix{.inputs = {}, .texts = {}, .chunks = 1, .chunk_tokens = 0};
  for (const Observation& seen : observations.all()) {
    matrix.chunk_tokens = seen.tokens;
    for (const std::string& weight : seen.weights)
      matrix.inputs.push_back({weight, seen.energies, {static_cast<float>(seen.tokens)}});
  }
  std::sort(matrix.inputs.begin(), matrix.inputs.end(),
            [](const InputStrength& a, const InputStrength& b) { return a.weight < b.weight; });
  return matrix;
}

Observations FromImportanceMatrix(const ImportanceMatrix& matrix) {
  Observations observations;
  for (const InputStrength& input : matrix.inputs) {
    if (input.tokens.size() != 1) continue;  // experts
    observations.all().push_back({.weights = {input.weight},
                                  .columns = static_cast<int64_t>(input.energies.size()),
                                  .tokens = std::max<int64_t>(1, static_cast<int64_t>(input.tokens[0])),
                                  .energies = input.energies,
                                  .peaks = {},
                                  .hessian = {}});
  }
  return observations;
}

}  // namespace tern
