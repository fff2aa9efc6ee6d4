#include "engine/text_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/activation.h"

namespace tern {
namespace {

constexpr int kStepTokens = 4096;
constexpr int kSequences = 64;

void Normalize(std::vector<float>& x) {
  double squares = 0;
  for (const float v : x) squares += double{v} * v;
  if (squares == 0) return;
  const double inverse = 1 / std::sqrt(squares);
  for (float& v : x) v = static_cast<float>(v * inverse);
}

// No bias: an empty one.
void LayerNorm(std::vector<float>& x, const std::vector<float>& weight, const std::vector<float>& bias,
               float eps) {
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  double variance = 0;
  for (const float v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  const double inverse = 1 / std::sqrt(variance + double{eps});
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>((x[i] - mean) * inverse * weight[i] + (bias.empty() ? 0.f : bias[i]));
}

Status CheckActivation(const std::string& key, std::string_view name) {
  for (const std::string_view known : {"", "tanh", "relu", "gelu", "gelu_tanh", "silu"}) {
    if (name == known) return {};
  }
  return Unsupported(
      fmt::format("{}: \"{}\", supported: tanh, relu, gelu, gelu_tanh, silu", key, name.substr(0, 40)));
}

}  // namespace

Result<Pooling> ParsePooling(std::string_view name) {
  if (name == "mean") return Pooling::kMean;
  if (name == "cls") return Pooling::kCls;
  if (name == "last") return Pooling::kLast;
  return BadInput("pooling: '" + std::string(name) + "', expected mean, cls or last");
}

std::pair<size_t, size_t> CutPair(size_t first, size_t second, size_t room) {
  if (first + second <= room) return {first, second};
  const size_t half = room / 2, larger = room - half;
  if (first <= second) return first <= half ? std::pair(first, room - first) : std::pair(half, larger);
  return second <= half ? std::pair(room - second, second) : std::pair(larger, half);
}

Result<std::unique_ptr<TextEncoder>> TextEncoder::Make(std::shared_ptr<const LoadedModel> model,
                                                       const EncoderOptions& options) {
  TERN_CHECK(model->built.hidden_states);
  if (model->tokenizer == nullptr) return BadInput("tokenizer: the model has none, expected one");
  std::unique_ptr<TextEncoder> encoder(new TextEncoder());
  encoder->model_ = std::move(model);
  TERN_TRY_STATUS(encoder->ReadSettings(options));
  TERN_TRY_STATUS(encoder->MakeRunner(options));
  TERN_TRY_STATUS(encoder->ReadHead());
  TERN_TRY_STATUS(encoder->ReadBehindPooling());
  return encoder;
}

// Keys and values live for one step, so what a step holds is all that is ever needed. A length that was not
// asked for, and does not fit, is cut down.
Status TextEncoder::MakeRunner(const EncoderOptions& options) {
  RunnerOptions runner = options.runner;
  runner.sequences = kSequences;
  if (!runner.kv_type) runner.kv_type = KvType::kF32;
  while (true) {
    runner.context = static_cast<int>(max_tokens_);
    runner.step_tokens = runner.step_outputs = runner.kv_tokens = std::max(kStepTokens, runner.context);
    auto made = Runner::Make(model_, runner);
    if (made.ok()) {
      runner_ = std::move(made).value();
      sequences_.emplace(runner_.get());
      return {};
    }
    const bool may_cut = options.max_tokens == 0 && runner.context > kStepTokens;
    if (!may_cut || made.error().code != Code::kExhausted) return made.error();
    max_tokens_ = std::max<size_t>(max_tokens_ / 2, kStepTokens);
  }
}

Status TextEncoder::ReadSettings(const EncoderOptions& options) {
  const Metadata& metadata = model_->checkpoint->metadata();
  const std::string arch(model_->built.desc->name);
  TERN_TRY(const int64_t pooling, metadata.Int(arch + ".pooling_type", 1));
  if (pooling < 0 || pooling > 4) {
    return BadInput(
        fmt::format("{}.pooling_type: {}, expected 1 (mean), 2 (cls), 3 (last) or 4 (rank)", arch, pooling));
  }
  // Rerankers score by their first token.
  pooling_ = pooling == 2 || pooling == 4 ? Pooling::kCls : pooling == 3 ? Pooling::kLast : Pooling::kMean;
  pooling_ = options.pooling.value_or(pooling_);
  TERN_TRY(normalize_, metadata.Bool(arch + ".embedding.normalize", true));
  normalize_ = options.normalize.value_or(normalize_);
  TERN_TRY(const int64_t most, metadata.Int(arch + ".embedding.max_tokens", model_->hparams().context));
  max_tokens_ = static_cast<size_t>(
      std::clamp<int64_t>(most, std::min(8, model_->hparams().context), model_->hparams().context));
  if (options.max_tokens > 0) max_tokens_ = std::min(max_tokens_, static_cast<size_t>(options.max_tokens));
  return {};
}

std::vector<float> TextEncoder::Dense::operator()(const std::vector<float>& x) const {
  std::vector<double> sums(bias.begin(), bias.end());
  const float* row = weight.data();
  for (const float v : x) {
    for (double& sum : sums) sum += double{*row++} * v;
  }
  std::vector<float> y(sums.begin(), sums.end());
  if (activation.empty()) return y;
  for (float& v : y) v = static_cast<float>(activation == "tanh" ? std::tanh(v) : Activate(activation, v));
  return y;
}

Result<TextEncoder::Dense> TextEncoder::ReadDense(const std::string& name, size_t width) const {
  Dense dense;
  const Tensor* weight = model_->checkpoint->Find(name + ".weight");
  const Tensor* bias = model_->checkpoint->Find(name + ".bias");
  if (static_cast<size_t>(weight->cols()) != width) {
    return BadInput(
        fmt::format("{}.weight: shape {}, expected [outputs, {}]", name, ToString(weight->shape), width));
  }
  const std::vector<float> rows = DecodeAll(*weight);
  const auto outputs = static_cast<size_t>(weight->rows());
  dense.weight.resize(rows.size());
  for (size_t r = 0; r < outputs; ++r) {
    for (size_t c = 0; c < width; ++c) dense.weight[c * outputs + r] = rows[r * width + c];
  }
  dense.bias.resize(outputs, 0.f);
  if (bias == nullptr) return dense;
  if (Elements(bias->shape) != weight->rows()) {
    return BadInput(
        fmt::format("{}.bias: shape {}, expected [{}]", name, ToString(bias->shape), weight->rows()));
  }
  dense.bias = DecodeAll(*bias);
  return dense;
}

// Linears behind pooling are dense_2, dense_3, ... in GGUF: the transformer and pooling come before them.
Status TextEncoder::ReadBehindPooling() {
  auto width = static_cast<size_t>(model_->hparams().width);
  for (int i = 2; model_->checkpoint->Find(fmt::format("dense_{}.weight", i)) != nullptr; ++i) {
    TERN_TRY(Dense dense, ReadDense(fmt::format("dense_{}", i), width));
    const std::string key = fmt::format("{}.dense_{}_activation", model_->built.desc->name, i);
    TERN_TRY(dense.activation, model_->checkpoint->metadata().Str(key, ""));
    TERN_TRY_STATUS(CheckActivation(key, dense.activation));
    width = dense.bias.size();
    behind_pooling_.push_back(std::move(dense));
  }
  return {};
}

Result<std::vector<float>> TextEncoder::ReadNorm(const std::string& name) const {
  const Tensor* norm = model_->checkpoint->Find(name);
  if (norm == nullptr) return std::vector<float>();
  if (Elements(norm->shape) != model_->hparams().width) {
    return BadInput(
        fmt::format("{}: shape {}, expected [{}]", name, ToString(norm->shape), model_->hparams().width));
  }
  return DecodeAll(*norm);
}

Status TextEncoder::ReadHead() {
  const Checkpoint& checkpoint = *model_->checkpoint;
  if (checkpoint.Find("cls.output.weight") == nullptr) return {};
  const auto width = static_cast<size_t>(model_->hparams().width);
  TERN_TRY(output_, ReadDense("cls.output", width));
  TERN_TRY(norm_, ReadNorm("cls.norm.weight"));
  TERN_TRY(norm_bias_, ReadNorm("cls.norm.bias"));
  const std::string arch(model_->built.desc->name);
  TERN_TRY(const std::string pooling, checkpoint.metadata().Str(arch + ".classifier.pooling", "cls"));
  TERN_TRY(head_pooling_, ParsePooling(pooling));
  if (checkpoint.Find("cls.weight") != nullptr) {
    TERN_TRY(dense_, ReadDense("cls", width));
    const std::string key = arch + ".classifier.activation";
    TERN_TRY(dense_->activation, checkpoint.metadata().Str(key, "tanh"));
    TERN_TRY_STATUS(CheckActivation(key, dense_->activation));
  }
  if (const auto* labels = checkpoint.metadata().Strings(arch + ".classifier.output_labels"))
    labels_ = *labels;
  if (labels_.size() != output_->bias.size()) labels_.clear();
  TERN_TRY(multi_label_, checkpoint.metadata().Bool(arch + ".classifier.multi_label", false));
  TERN_TRY(regression_, checkpoint.metadata().Bool(arch + ".classifier.regression", false));
  return {};
}

// As the model was trained on them, with what its tokenizer puts around texts and pairs. What is too long is
// cut.
TextEncoder::Input TextEncoder::Tokenize(const EncoderText& text) const {
  if (!text.ids.empty()) {
    const auto end = text.ids.begin() + static_cast<ptrdiff_t>(std::min(text.ids.size(), max_tokens_));
    return {.tokens = {text.ids.begin(), end},
            .types = std::vector<int32_t>(std::min(text.ids.size(), max_tokens_))};
  }
  using Kind = InputPart::Kind;
  const Tokenizer& tokenizer = *model_->tokenizer;
  std::vector<int32_t> first, second;
  tokenizer.Encode(text.first, false, &first);
  if (text.second) tokenizer.Encode(*text.second, false, &second);
  second.resize(std::min(second.size(), text.most_second));
  const InputShape& shape = tokenizer.input_shape();
  const std::vector<InputPart>& parts = text.second ? shape.pair : shape.single;
  const auto around = static_cast<size_t>(std::ranges::count(parts, Kind::kToken, &InputPart::kind));
  const size_t room = max_tokens_ - std::min(around, max_tokens_);
  const auto [most, most_second] = CutPair(first.size(), second.size(), room);
  first.resize(most);
  second.resize(most_second);
  Input input;
  for (const InputPart& part : parts) {
    if (part.kind == Kind::kToken) {
      input.tokens.push_back(part.id);
    } else {
      const std::vector<int32_t>& ids = part.kind == Kind::kFirst ? first : second;
      input.tokens.insert(input.tokens.end(), ids.begin(), ids.end());
    }
    input.types.resize(input.tokens.size(), part.type);
  }
  return input;
}

std::vector<float> TextEncoder::Pool(int first_row, int rows, Pooling pooling) const {
  const auto row = [&](int i) { return runner_->Logits(first_row + i); };
  if (pooling != Pooling::kMean) {
    const std::span<const float> one = row(pooling == Pooling::kCls ? 0 : rows - 1);
    return {one.begin(), one.end()};
  }
  std::vector<double> sum(static_cast<size_t>(model_->hparams().width), 0);
  for (int i = 0; i < rows; ++i) {
    const std::span<const float> x = row(i);
    for (size_t c = 0; c < sum.size(); ++c) sum[c] += x[c];
  }
  std::vector<float> mean;
  mean.reserve(sum.size());
  for (const double s : sum) mean.push_back(static_cast<float>(s / rows));
  return mean;
}

Status TextEncoder::RunBatch(std::span<const size_t> batch, const std::vector<Input>& inputs) {
  std::vector<StepWork> work;
  for (const size_t i : batch) {
    TERN_TRY(const SequenceId sequence, sequences_->Open());
    work.push_back({sequence, inputs[i].tokens, WantLogits::kAll, inputs[i].types});
  }
  const Status status = sequences_->Step(work);
  for (const StepWork& w : work) sequences_->Close(w.sequence);
  return status;
}

// Texts of like length together: threads then have like work.
Result<std::vector<std::vector<float>>> TextEncoder::Pooled(std::span<const EncoderText> texts,
                                                            Pooling pooling) {
  std::vector<Input> inputs;
  for (const EncoderText& text : texts) {
    inputs.push_back(Tokenize(text));
    if (inputs.back().tokens.empty()) return BadInput(fmt::format("text {}: is empty", inputs.size()));
  }
  std::vector<size_t> order(inputs.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return inputs[a].tokens.size() < inputs[b].tokens.size(); });
  std::vector<std::vector<float>> out(inputs.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin, rows = 0;
    while (end < order.size() && end - begin < kSequences) {
      rows += inputs[order[end]].tokens.size();
      if (end > begin && rows > static_cast<size_t>(runner_->step_tokens())) break;
      ++end;
    }
    TERN_TRY_STATUS(RunBatch(std::span(order).subspan(begin, end - begin), inputs));
    for (int row = 0; begin < end; ++begin) {
      const auto count = static_cast<int>(inputs[order[begin]].tokens.size());
      out[order[begin]] = Pool(row, count, pooling);
      row += count;
    }
  }
  return out;
}

Result<std::vector<std::vector<float>>> TextEncoder::Embed(std::span<const EncoderText> texts) {
  TERN_TRY(std::vector<std::vector<float>> out, Pooled(texts, pooling_));
  for (std::vector<float>& vector : out) {
    for (const Dense& dense : behind_pooling_) vector = dense(vector);
    if (normalize_) Normalize(vector);
  }
  return out;
}

std::vector<float> TextEncoder::Head(std::vector<float> x) const {
  if (dense_) x = (*dense_)(x);
  if (!norm_.empty()) LayerNorm(x, norm_, norm_bias_, model_->hparams().layer_norm_eps);
  return (*output_)(x);
}

Result<std::vector<std::vector<float>>> TextEncoder::Classify(std::span<const EncoderText> texts) {
  if (!output_) return Unsupported("cls.output.weight: missing: the model has no classification head");
  TERN_TRY(std::vector<std::vector<float>> out, Pooled(texts, head_pooling_));
  for (std::vector<float>& x : out) x = Head(std::move(x));
  return out;
}

}  // namespace tern
