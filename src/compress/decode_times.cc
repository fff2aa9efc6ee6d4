#include "compress/decode_times.h"

#include <algorithm>
#include <cstring>

#include "compress/overlay_checkpoint.h"
#include "engine/sequences.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

constexpr int kDepth = 32, kSteps = 24, kContext = 64;

double Median(std::vector<double>& numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

// Of one model: by node of its graph, and of whole steps.
struct StepTimes {
  std::vector<double> nodes;
  double step = 0;
};

// Decodes greedily, as users do: what is read of a large head depends on the text (pass screen_head).
Result<StepTimes> TimeSteps(Runner& runner, std::span<const int32_t> text) {
  Sequences sequences(&runner);
  TERN_TRY(const SequenceId sequence, sequences.Open());
  std::vector<int32_t> tokens(kDepth);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = text[i % text.size()];
  const StepWork prompt{sequence, tokens, WantLogits::kLast};
  TERN_TRY_STATUS(sequences.Step({&prompt, 1}));
  const PlanLayout layout = runner.layout();
  StepProfile profile(layout);
  const size_t nodes = runner.graph().nodes().size();
  std::vector<std::vector<double>> by_node(nodes);
  std::vector<double> steps;
  for (int step = -2; step < kSteps; ++step) {
    runner.Observe(layout.threads > 0 ? &profile : nullptr);
    const std::span<const float> logits = runner.Logits(0);
    tokens[0] = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    const StepWork work{
        .sequence = sequence, .tokens = std::span(tokens).first(1), .likeliest = {.count = 1, .always = {}}};
    const int64_t start = SteadyNs();
    TERN_TRY_STATUS(sequences.Step({&work, 1}));
    const double seconds = static_cast<double>(SteadyNs() - start) * 1e-9;
    runner.Observe(nullptr);
    if (step < 0) continue;  // the first ones warm up
    steps.push_back(seconds);
    std::vector<double> busy(nodes, 0.0);
    for (size_t i = 0; i < layout.items.size(); ++i) {
      for (size_t thread = 0; thread < profile.threads; ++thread)
        busy[layout.items[i].node] +=
            static_cast<double>(profile.busy(i, thread)) * 1e-9 / static_cast<double>(profile.threads);
    }
    for (size_t node = 0; node < nodes; ++node) by_node[node].push_back(busy[node]);
  }
  StepTimes times{.nodes = {}, .step = Median(steps)};
  for (auto& node : by_node) times.nodes.push_back(Median(node));
  return times;
}

// A node's time, shared among its weights by their bytes.
void Share(const Runner& runner, const StepTimes& times, const std::map<std::string, const Format*>& formats,
           DecodeTimes* out) {
  const Graph& graph = runner.graph();
  for (size_t node = 0; node < graph.nodes().size(); ++node) {
    const auto weights = MultipliedWeights(graph.nodes()[node]);
    double bytes = 0;
    const auto bytes_of = [&](ValueId id) {
      const Tensor tensor = graph.value(id).tensor();
      return static_cast<double>(tensor.rows()) * static_cast<double>(tensor.row_bytes());
    };
    for (const ValueId id : weights) bytes += bytes_of(id);
    for (const ValueId id : weights) {
      const auto found = formats.find(TensorOf(*runner.model().checkpoint, graph.value(id)));
      if (found != formats.end())
        out->seconds[{found->first, found->second}] = times.nodes[node] * bytes_of(id) / bytes;
    }
  }
}

// The model with its units in `format`, where that fits; nullptr: as it is.
class UniformModel {
 public:
  static Result<UniformModel> Make(const std::shared_ptr<const LoadedModel>& model,
                                   const std::vector<WeightUnit>& units, const Format* format) {
    UniformModel uniform;
    auto overlay = std::make_unique<OverlayCheckpoint>(model);
    for (const WeightUnit& unit : units) {
      uniform.formats_[unit.name] = unit.tensor.format;
      if (format == nullptr || unit.columns() % format->block_weights != 0) continue;
      const size_t row_bytes = BlockOffset(*format, static_cast<size_t>(unit.columns()));
      Buffer buffer(row_bytes * static_cast<size_t>(unit.rows()));
      auto* bytes = static_cast<char*>(buffer.data());
      const std::vector<float> row = DecodeRows(unit.tensor, 0, 1);
      format->encode(row.data(), nullptr, bytes, row.size());
      for (int64_t r = 1; r < unit.rows(); ++r)
        std::memcpy(bytes + static_cast<size_t>(r) * row_bytes, bytes, row_bytes);
      overlay->Set(unit.name, {format, unit.tensor.shape, bytes});
      uniform.formats_[unit.name] = format;
      uniform.buffers_.push_back(std::move(buffer));
    }
    TERN_TRY(uniform.model_, BuildOverlay(std::move(overlay)));
    return uniform;
  }

  const std::shared_ptr<const LoadedModel>& model() const { return model_; }
  const std::map<std::string, const Format*>& formats() const { return formats_; }

 private:
  std::vector<Buffer> buffers_;
  std::shared_ptr<const LoadedModel> model_;
  std::map<std::string, const Format*> formats_;
};

}  // namespace

double DecodeTimes::Seconds(const std::string& unit, const Format* format) const {
  const auto found = seconds.find({unit, format});
  return found == seconds.end() ? 0 : found->second;
}

Result<DecodeTimes> MeasureDecodeTimes(const std::shared_ptr<const LoadedModel>& model,
                                       const std::vector<WeightUnit>& units,
                                       const std::vector<const Format*>& formats,
                                       std::span<const int32_t> text, int threads,
                                       const std::function<Status(int64_t done, int64_t total)>& progress) {
  RunnerOptions options;
  options.threads = threads;
  options.context = kContext;
  options.step_tokens = kDepth;
  DecodeTimes times;
  std::vector<const Format*> rounds = {nullptr};
  rounds.insert(rounds.end(), formats.begin(), formats.end());
  for (size_t i = 0; i < rounds.size(); ++i) {
    if (progress) TERN_TRY_STATUS(progress(static_cast<int64_t>(i), static_cast<int64_t>(rounds.size())));
    TERN_TRY(const UniformModel uniform, UniformModel::Make(model, units, rounds[i]));
    TERN_TRY(const auto runner, Runner::Make(uniform.model(), options));
    TERN_TRY(const StepTimes step, TimeSteps(*runner, text));
    Share(*runner, step, uniform.formats(), &times);
    if (rounds[i] != nullptr) continue;
    times.unmodified_seconds = times.other_seconds = step.step;
    for (const auto& [key, seconds] : times.seconds) times.other_seconds -= seconds;
  }
  return times;
}

}  // namespace tern
