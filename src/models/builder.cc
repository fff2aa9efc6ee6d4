#include "models/builder.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

namespace tern {

ModelBuilder::ModelBuilder(const Checkpoint& checkpoint, std::string_view architecture, Graph& graph,
                           const ModelBuilder* before)
    : checkpoint_(checkpoint), architecture_(architecture), graph_(graph) {
  if (before != nullptr) {
    kv_layers_ = before->kv_layers_;
    used_ = before->used_;
    status_ = before->status_;
  }
  tokens_ = graph.AddInput("tokens", {Elem::kI32, {kDimTokens}});
  positions_ = graph.AddInput("positions", {Elem::kI32, {kDimTokens}});
  output_rows_ = graph.AddInput("output_rows", {Elem::kI32, {kDimOutputs}});
}

ValueId ModelBuilder::Fail(Error error) {
  if (status_.ok()) status_ = std::move(error);
  return kNoValue;
}

int ModelBuilder::MetaInt(std::string_view key, int low, int high, int fallback) {
  const std::string name = architecture_ + "." + std::string(key);
  const auto value = checkpoint_.metadata().Int(name, fallback);
  if (!value.ok()) {
    Fail(value.error());
    return fallback;
  }
  if (value.value() >= low && value.value() <= high) return static_cast<int>(value.value());
  Fail(BadInput(fmt::format("{}: {}, expected {} to {}", name, value.value(), low, high)));
  return fallback;
}

float ModelBuilder::MetaFloat(std::string_view key, float fallback) {
  const std::string name = architecture_ + "." + std::string(key);
  const auto value = checkpoint_.metadata().Float(name, fallback);
  if (!value.ok()) {
    Fail(value.error());
    return fallback;
  }
  if (const auto number = static_cast<float>(value.value()); std::isfinite(number)) return number;
  Fail(BadInput(fmt::format("{}: {}, expected a finite number", name, value.value())));
  return fallback;
}

bool ModelBuilder::MetaBool(std::string_view key, bool fallback) {
  const auto value = checkpoint_.metadata().Bool(architecture_ + "." + std::string(key), fallback);
  if (value.ok()) return value.value();
  Fail(value.error());
  return fallback;
}

std::string ModelBuilder::MetaStr(std::string_view key, std::string_view fallback) {
  const auto value = checkpoint_.metadata().Str(architecture_ + "." + std::string(key), fallback);
  if (value.ok()) return value.value();
  Fail(value.error());
  return std::string(fallback);
}

std::string ModelBuilder::Name(std::string_view part, std::string_view suffix) const {
  std::string name = stack_.empty() ? "" : stack_ + ".";
  if (layer_ >= 0) name += "blk." + std::to_string(layer_) + ".";
  name += part;
  name += '.';
  return name += suffix;
}

const Tensor* ModelBuilder::Take(const std::string& name) {
  const Tensor* tensor = checkpoint_.Find(name);
  if (tensor != nullptr) used_.insert(name);
  return tensor;
}

ValueId ModelBuilder::Weight(const std::string& name, const Shape& shape, std::string role) {
  if (!status_.ok()) return kNoValue;
  const Tensor* tensor = Take(name);
  if (tensor == nullptr) return Fail(BadInput(Shown(name) + ": missing, expected shape " + ToString(shape)));
  const bool is_one_row = shape.size() == 2 && shape[0] == 1 && tensor->shape == Shape{shape[1]};
  if (tensor->shape != shape && !is_one_row) {
    return Fail(
        BadInput(Shown(name) + ": shape " + ToString(tensor->shape) + ", expected " + ToString(shape)));
  }
  return graph_.AddWeight(name, {tensor->format, shape, tensor->data}, std::move(role));
}

ValueId ModelBuilder::WeightOfRows(const std::string& name, const Shape& shape,
                                   const std::vector<RowRun>& runs, std::string role) {
  if (!status_.ok()) return kNoValue;
  Tensor out{nullptr, shape, nullptr};
  int64_t rows = 0;
  for (const RowRun& run : runs) {
    const Tensor* tensor = Take(run.tensor);
    if (tensor == nullptr) return Fail(BadInput(Shown(run.tensor) + ": missing"));
    if (out.format == nullptr) out.format = tensor->format;
    if (tensor->format != out.format || tensor->cols() != shape.back() || run.first < 0 ||
        run.count > tensor->rows() - run.first) {
      return Fail(BadInput(fmt::format("{}: {} {}, expected {}, with rows {} to {} of {}", Shown(run.tensor),
                                       tensor->format->name, ToString(tensor->shape), out.format->name,
                                       run.first, run.first + run.count - 1, shape.back())));
    }
    rows += run.count;
  }
  if (out.format == nullptr || rows != out.rows()) {
    return Fail(
        BadInput(fmt::format("{}: {} rows in parts, expected {}", Shown(name), rows, ToString(shape))));
  }
  const size_t row_bytes = out.row_bytes();
  auto* to = static_cast<char*>(graph_.Keep(Buffer(static_cast<size_t>(rows) * row_bytes)));
  out.data = to;
  for (const RowRun& run : runs) {
    const size_t bytes = static_cast<size_t>(run.count) * row_bytes;
    std::memcpy(to, checkpoint_.Find(run.tensor)->row(run.first), bytes);
    to += bytes;
  }
  return graph_.AddWeight(name, out, std::move(role));
}

ValueId ModelBuilder::WeightRows(const std::string& name, const RowSlice& slice, std::string_view part) {
  const Shape whole = slice.in == 0 ? Shape{slice.total} : Shape{slice.total, slice.in};
  if (Weight(name, whole) == kNoValue) return kNoValue;
  const std::string full = name + "." + std::string(part);
  Tensor rows = *Take(name);
  if (slice.in == 0 && rows.format->block_weights != 1) {  // a slice may begin within a block
    const std::vector<float> values = DecodeAll(rows);
    const auto first = values.begin() + slice.first;
    return Constant(full, {first, first + slice.count});
  }
  if (slice.in == 0) rows.shape = {slice.total, 1};
  rows.data = rows.row(slice.first);
  rows.shape = slice.in == 0 ? Shape{slice.count} : Shape{slice.count, slice.in};
  return graph_.AddWeight(full, rows, std::string(part));
}

ValueId ModelBuilder::Constant(std::string name, const std::vector<float>& values, Shape shape) {
  if (!status_.ok()) return kNoValue;
  if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
  TERN_CHECK(Elements(shape) == static_cast<int64_t>(values.size()));
  Buffer buffer(values.size() * sizeof(float));
  std::memcpy(buffer.data(), values.data(), buffer.bytes());
  const void* data = graph_.Keep(std::move(buffer));
  return graph_.AddWeight(std::move(name), Tensor{&F32(), std::move(shape), data});
}

std::vector<float> ModelBuilder::Numbers(const std::string& name, const Shape& shape) {
  const Tensor* tensor = Take(name);
  if (tensor == nullptr || tensor->shape != shape) {
    Weight(name, shape);  // says what is wrong
    return {};
  }
  return DecodeAll(*tensor);
}

ValueId ModelBuilder::Op(std::string_view op, std::vector<ValueId> inputs, Attrs attrs) {
  return Ops(op, std::move(inputs), std::move(attrs), 1).front();
}

std::vector<ValueId> ModelBuilder::Ops(std::string_view op, std::vector<ValueId> inputs, Attrs attrs,
                                       size_t outputs) {
  std::vector<ValueId> none(outputs, kNoValue);
  if (!status_.ok()) return none;
  const OpDesc* desc = FindOp(op);
  TERN_CHECK(desc != nullptr);
  auto made = graph_.Add(*desc, std::move(inputs), std::move(attrs));
  if (made.ok()) return made.value();
  Fail(made.error());
  return none;
}

ValueId ModelBuilder::LayerNorm(ValueId x, std::string_view part, int64_t width, float eps) {
  std::vector<ValueId> inputs = {x, Weight(Name(part), {width})};
  Attrs attrs{{"eps", static_cast<double>(eps)}};
  if (HasPart(part, "bias")) {
    inputs.push_back(Weight(Name(part, "bias"), {width}));
    attrs.Set("biases", int64_t{1});
  }
  return Op("layer_norm", std::move(inputs), std::move(attrs));
}

ValueId ModelBuilder::LinearOf(ValueId x, ValueId weight, ValueId bias) {
  if (bias == kNoValue) return Op("linear", {x, weight}, {{"weights", int64_t{1}}});
  return Op("linear", {x, weight, bias}, {{"weights", int64_t{1}}, {"biases", int64_t{1}}});
}

ValueId ModelBuilder::TimesFactor(ValueId x, std::string_view part) {
  if (!HasPart(part, "scale")) return x;
  const std::vector<float> factor = Numbers(Name(part, "scale"), {1});
  if (factor.empty()) return kNoValue;
  if (std::isfinite(factor[0])) return Scale(x, factor[0]);
  return Fail(
      BadInput(fmt::format("{}: {}, expected a finite number", Shown(Name(part, "scale")), factor[0])));
}

namespace {

std::string PartName(const std::string& weight, std::string_view part) { return weight + std::string(part); }

}  // namespace

ValueId ModelBuilder::Linear(ValueId x, std::string_view part, int64_t out, int64_t in) {
  const std::string name = Name(part), role(part);
  const auto bias = [&] { return HasPart(part, "bias") ? Weight(Name(part, "bias"), {out}) : kNoValue; };
  x = TimesFactor(x, part);
  if (!Has(name) && Has(PartName(name, kLowRankA))) return LowRank(x, name, {out, in}, role, bias());
  const ValueId weight = Weight(name, {out, in}, role);
  ValueId y = LinearOf(x, weight, bias());
  if (Has(PartName(name, kLowRankA))) y = Add(y, LowRank(x, name, {out, in}, role, kNoValue));
  if (Has(PartName(name, kOutliers))) y = Add(y, Outliers(x, name, {out, in}, role));
  return y;
}

ValueId ModelBuilder::LowRank(ValueId x, const std::string& name, const Shape& shape, const std::string& role,
                              ValueId bias) {
  const int64_t rank = checkpoint_.Find(PartName(name, kLowRankA))->rows();
  const ValueId a = Weight(PartName(name, kLowRankA), {rank, shape[1]}, role);
  return LinearOf(LinearOf(x, a, kNoValue), Weight(PartName(name, kLowRankB), {shape[0], rank}, role), bias);
}

ValueId ModelBuilder::Outliers(ValueId x, const std::string& name, const Shape& shape,
                               const std::string& role) {
  const std::string chosen = PartName(name, kOutlierColumns);
  const int64_t count = checkpoint_.Find(PartName(name, kOutliers))->cols();
  float before = -1;
  for (const float column : Numbers(chosen, {count})) {
    if (!(column > before && column < static_cast<float>(shape[1]) && column == std::floor(column))) {
      return Fail(BadInput(fmt::format("{}: {} behind {}, expected whole numbers below {} in ascending order",
                                       Shown(chosen), column, before, shape[1])));
    }
    before = column;
  }
  const ValueId taken = Op("take_columns", {x, Weight(chosen, {count})});
  return LinearOf(taken, Weight(PartName(name, kOutliers), {shape[0], count}, role), kNoValue);
}

ValueId ModelBuilder::LinearRows(ValueId x, std::string_view part, const RowSlice& slice,
                                 std::string_view role) {
  x = TimesFactor(x, part);
  const ValueId weight = WeightRows(Name(part), slice, role);
  if (!HasPart(part, "bias")) return LinearOf(x, weight, kNoValue);
  return LinearOf(x, weight,
                  WeightRows(Name(part, "bias"), {slice.first, slice.count, slice.total, 0}, role));
}

ValueId ModelBuilder::token_types() {
  if (token_types_ == kNoValue) token_types_ = graph_.AddInput("token_types", {Elem::kI32, {kDimTokens}});
  return token_types_;
}

ValueId ModelBuilder::source() {
  if (source_ == kNoValue) source_ = graph_.AddInput("source", {Elem::kState, {}});
  return source_;
}

int ModelBuilder::AddKvLayer(KvLayer layer) {
  kv_layers_.push_back(layer);
  return static_cast<int>(kv_layers_.size()) - 1;
}

ValueId ModelBuilder::EmbedTokens(const Hparams& h, float scale) {
  embedding_ = Weight("token_embd.weight", {h.vocabulary, h.width});
  return Op("embed", {tokens_, embedding_}, {{"scale", static_cast<double>(scale)}});
}

void ModelBuilder::Head(ValueId x, const Hparams& h, const HeadSpec& spec) {
  x = WantedRows(x);
  x = spec.layer_norm ? LayerNorm(x, "output_norm", h) : RmsNorm(x, "output_norm", h);
  if (!status_.ok()) return;
  if (hidden_states_) return graph_.AddOutput(x);
  EnterStack("");
  // A tied table is looked up as it lies in the file and multiplied packed: two values, one tensor.
  if (HasPart("output")) x = TimesFactor(x, "output");
  const ValueId head = HasPart("output")
                           ? Weight(Name("output"), {h.vocabulary, h.width})
                           : graph_.AddWeight("output.weight", graph_.value(embedding_).tensor());
  if (!status_.ok()) return;
  graph_.value(head).role = "head";
  const ValueId bias = HasPart("output", "bias") ? Weight(Name("output", "bias"), {h.vocabulary}) : kNoValue;
  x = Scale(LinearOf(x, head, bias), spec.scale);
  if (spec.softcap != 0.f) x = Op("softcap", {x}, {{"cap", static_cast<double>(spec.softcap)}});
  if (status_.ok()) graph_.AddOutput(x);
}

void ModelBuilder::HiddenStates(ValueId x) {
  const ValueId rows = WantedRows(x);
  if (status_.ok()) graph_.AddOutput(rows);
}

}  // namespace tern
