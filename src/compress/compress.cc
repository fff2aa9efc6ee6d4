#include "compress/compress.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/build_id.h"
#include "base/cpu_count.h"
#include "base/hash128.h"
#include "compress/overlay_checkpoint.h"
#include "compress/run_time.h"

namespace tern {
namespace {

// Text for probes: short windows of all domains; for whole models: longer ones.
constexpr WindowOptions kProbeWindows{.window = 128, .score_from = 1, .windows = 4};
constexpr WindowOptions kVerifyWindows{.window = 512, .score_from = 1, .windows = 8};
constexpr int kCalibrationWindow = 512;
// Parts of a run, as they are told and estimated.
constexpr std::string_view kReading = "reading calibration text", kAppraising = "appraising weights",
                           kTiming = "timing formats", kEncoding = "encoding",
                           kMeasuring = "measuring the whole", kQuality = "quality", kSpeed = "speed";
// How much more than it says a sum is taken for, and how near a limit is near enough.
constexpr double kMargin = 1.01, kCloseEnough = 0.97;
constexpr int kRepairs = 4, kMostNotes = 3;
// What GGUF says of a tensor and aligns it with, and a recipe of a weight, beside their names.
constexpr int64_t kTensorBytes = 88, kRecipeBytes = 72;
constexpr int64_t kBf16Bytes = 2, kBillBytes = 2048;
constexpr int64_t kShares = 10'000;  // of the whole run, for progress
// A mix must be better by this share, or a uniform one is taken, which is simpler.
constexpr double kWorthIt = 0.98;

std::string HashOf(const Checkpoint& checkpoint) {
  std::vector<uint64_t> hashes;
  for (const MappedFile& file : checkpoint.files()) {
    const Hash128 hash = HashBytes(file.bytes());
    hashes.insert(hashes.end(), {hash.low, hash.high});
  }
  const Hash128 all = HashBytes(std::as_bytes(std::span(hashes)));
  return fmt::format("xxh128:{:016x}{:016x}", all.high, all.low);
}

std::string HashOf(std::span<const TextWindow> windows) {
  std::vector<int32_t> tokens;
  for (const TextWindow& window : windows)
    tokens.insert(tokens.end(), window.tokens.begin(), window.tokens.end());
  const Hash128 hash = HashBytes(std::as_bytes(std::span(tokens)));
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

std::string HashOf(const Observations& observations) {
  std::vector<uint64_t> hashes;
  for (const Observation& seen : observations.all()) {
    const Hash128 hash = HashBytes(std::as_bytes(std::span(seen.energies)));
    hashes.insert(hashes.end(), {hash.low, hash.high});
  }
  const Hash128 all = HashBytes(std::as_bytes(std::span(hashes)));
  return fmt::format("xxh128:{:016x}{:016x}", all.high, all.low);
}

bool ChangesAny(const std::vector<RecipeWeight>& weights) {
  return std::ranges::any_of(weights, [](const RecipeWeight& weight) { return weight.method != kKeep; });
}

class Compressor {
 public:
  Compressor(const std::shared_ptr<const LoadedModel>& model, const CalibrationData& data,
             const CompressOptions& options)
      : model_(model), data_(data), options_(options) {}

  Result<Compressed> Run() {
    TERN_TRY_STATUS(Prepare());
    if (options_.recipe != nullptr) {
      TERN_TRY_STATUS(FollowRecipe());
    } else {
      TERN_TRY_STATUS(SearchPlan());
    }
    TERN_TRY_STATUS(Finish());
    return std::move(out_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  Status Prepare();
  Status CheckParts() const;
  Status Observe();
  bool NeedsText() const;
  Status TakeImportances();
  Status MakeMeters();
  void Estimate();
  Status AppraiseUnits();
  int64_t FixedBytes() const;
  Status SearchPlan();
  Result<WeightPlan> SolveAndRepair();
  Result<bool> Meets(const WeightPlan& plan, Search::Scales* scales);
  Status TryUniform(WeightPlan* plan);
  Status FollowRecipe();
  Status Finish();
  void Describe();

  // A tensor that is not the source's any more, and where the work file has its bytes; none: it is gone.
  struct Changed {
    std::string name;
    Tensor tensor;
    const std::string* bytes;
  };
  // Encodes what of the plan is not encoded yet.
  Result<std::vector<Changed>> Encode(const std::vector<RecipeWeight>& weights);
  Result<FoldedTensors> Folded(const std::vector<RecipeWeight>& weights);
  Result<std::vector<Changed>> EncodeWeight(const WeightUnit& unit, const RecipeWeight& weight,
                                            const WeightFactors& factors);
  Result<std::shared_ptr<const LoadedModel>> Build(const std::vector<RecipeWeight>& weights);
  Result<double> MeasureKld(const WeightPlan& plan);
  Result<double> MeasureStep(const WeightPlan& plan);
  std::vector<RecipeWeight> WeightsOf(const WeightPlan& plan) const;
  // The same as these weights use it: of a tied table, alone where the head is among them.
  Result<WeightUnit> UnitIn(const std::vector<RecipeWeight>& weights, const RecipeWeight& weight) const;
  std::vector<TextWindow> Windows(DataPart part, WindowOptions window) const;
  // In shares of the whole run once its time is known.
  Status Say(std::string_view what, int64_t done, int64_t total) {
    if (!options_.progress) return {};
    if (run_time_.seconds() == 0) return options_.progress(what, done, total);
    const double share = run_time_.Share(what, done, total);
    return options_.progress(what, static_cast<int64_t>(share * kShares), kShares);
  }

  std::shared_ptr<const LoadedModel> model_;
  const CalibrationData& data_;
  const CompressOptions& options_;
  std::vector<WeightUnit> units_;
  const MethodDesc* method_ = nullptr;
  std::vector<Scheme> schemes_;
  std::optional<WorkFile> work_;
  std::vector<TextWindow> calibration_;
  Observations observations_;
  std::optional<WeightEncoder> encoder_;
  std::optional<FoldChoice> folds_;
  std::optional<KldMeter> probe_meter_, verify_meter_;
  DecodeTimes times_;
  std::optional<Search> search_;
  std::optional<WeightPlan> plan_;
  std::vector<ReportPoint> points_;
  std::vector<std::string> notes_;
  RunTime run_time_;
  int noted_ = 0;  // weights of which there was something to say
  Compressed out_;
};

std::vector<TextWindow> Compressor::Windows(DataPart part, WindowOptions window) const {
  const int trained = model_->hparams().context;
  if (trained > 1) window.window = std::min(window.window, trained);
  return CutWindows(data_.part(part), window, WindowBos(*model_));
}

Result<WeightUnit> Compressor::UnitIn(const std::vector<RecipeWeight>& weights,
                                      const RecipeWeight& weight) const {
  const WeightUnit* unit = FindUnit(units_, weight.name);
  const WeightUnit* table = FindUnit(units_, kTableName);
  const bool tied = table != nullptr && table->is_tied();
  if (unit == nullptr && tied && weight.name == kHeadName) return table->HeadAlone();
  if (unit == nullptr) return BadInput(weight.name + ": no weight of this model that can be compressed");
  const bool split = std::ranges::any_of(
      weights, [](const RecipeWeight& w) { return w.name == kHeadName && w.method != kKeep; });
  return unit == table && tied && split ? table->TableAlone() : *unit;
}

// Folders of compressed-tensors have no place for them.
Status Compressor::CheckParts() const {
  std::vector<std::string> names;
  for (const Scheme& scheme : schemes_) names.push_back(scheme.name);
  for (size_t i = 0; options_.recipe != nullptr && i < options_.recipe->weights.size(); ++i)
    names.push_back(options_.recipe->weights[i].scheme);
  for (const std::string& name : names) {
    if (!options_.to_folder || name.find('+') == name.npos) continue;
    return Unsupported(fmt::format(
        "scheme {}: compressed-tensors has weights without parts only, expected a file that ends with .gguf",
        name));
  }
  return {};
}

Status Compressor::Prepare() {
  TERN_TRY_STATUS(CheckContinuesText(*model_));
  const std::string& method = options_.method;
  TERN_TRY(method_, FindMethod(method));
  const std::vector<std::string> names =
      options_.schemes.empty() ? DefaultSchemes(options_.to_folder) : options_.schemes;
  for (const std::string& name : names) {
    TERN_TRY(Scheme scheme, ParseScheme(name));
    schemes_.push_back(std::move(scheme));
  }
  TERN_TRY_STATUS(CheckParts());
  TERN_TRY_STATUS(Say("reading weights", 0, 1));
  TERN_TRY_STATUS(CheckFinite(*model_));
  units_ = ListUnits(*model_);
  if (options_.to_folder)
    std::erase_if(units_, [](const WeightUnit& unit) { return unit.is_table || unit.is_head; });
  if (units_.empty()) return BadInput(options_.model_name + ": has no weights to compress");
  notes_ = data_.notes;
  const Format* own = units_.front().tensor.format;
  if (own->block_weights > 1) {
    notes_.push_back(fmt::format(
        "{} is quantized already ({} and others): it is compressed further, and measured against what it is, "
        "not against the model that it was made from",
        options_.model_name, own->name));
  }
  if (!options_.imatrix.empty()) TERN_TRY_STATUS(TakeImportances());
  const int trained = model_->hparams().context;
  WindowOptions window{.window = trained > 1 ? std::min(kCalibrationWindow, trained) : kCalibrationWindow};
  window.windows = static_cast<int>(std::max<int64_t>(1, options_.calibration_tokens / window.window));
  calibration_ = Windows(DataPart::kCalibrate, window);
  out_.recipe = {.model = options_.model_name,
                 .source_hash = HashOf(*model_->checkpoint),
                 .data = options_.data,
                 .calibration_tokens = options_.calibration_tokens,
                 .vocabulary = options_.vocabulary,
                 .target = options_.target.Text(),
                 .weights = {}};
  if (!options_.imatrix.empty()) {
    out_.recipe.imatrix = options_.imatrix;
    out_.recipe.imatrix_hash = HashOf(observations_);
    const std::string expected = options_.recipe == nullptr ? "" : options_.recipe->imatrix_hash;
    if (!expected.empty() && expected != out_.recipe.imatrix_hash)
      return BadInput(options_.imatrix + ": is not the file that the recipe was made with");
  }
  // Of another build, codes may be others.
  const std::string fingerprint =
      fmt::format("{} {} {} {} {} {} {}", BuildId(), out_.recipe.source_hash, out_.recipe.vocabulary.hash,
                  HashOf(calibration_), out_.recipe.imatrix_hash,
                  HashOf(Windows(DataPart::kAllocate, kProbeWindows)), fmt::join(names, ","));
  TERN_TRY(work_, WorkFile::Open(options_.work_path, fingerprint, options_.fresh));
  return {};
}

Status Compressor::Observe() {
  if (options_.imatrix.empty() && NeedsText()) {
    TERN_TRY(observations_, tern::Observe(model_, calibration_,
                                          {.what = Observed::kHessian,
                                           .threads = options_.threads,
                                           .progress = [this](int64_t done, int64_t total) {
                                             return Say(kReading, done, total);
                                           }}));
  }
  if (!options_.imatrix_out.empty())
    TERN_TRY_STATUS(WriteImportanceMatrix(options_.imatrix_out, ToImportanceMatrix(observations_)));
  encoder_.emplace(&observations_, options_.threads);
  folds_.emplace(*model_, units_, observations_, &*encoder_);
  return {};
}

// A recipe that only rounds to nearest needs none; a search and --imatrix-out do.
bool Compressor::NeedsText() const {
  if (options_.recipe == nullptr || !options_.imatrix_out.empty()) return true;
  return std::any_of(options_.recipe->weights.begin(), options_.recipe->weights.end(),
                     [](const auto& weight) {
                       const auto method = FindMethod(weight.method);
                       const bool has_part = weight.scheme.find('+') != weight.scheme.npos;
                       return has_part || (method.ok() && method.value()->needs != Observed::kNothing);
                     });
}

Status Compressor::TakeImportances() {
  TERN_TRY(const ImportanceMatrix matrix, ReadImportanceMatrix(options_.imatrix));
  observations_ = FromImportanceMatrix(matrix);
  size_t seen = 0;
  for (const WeightUnit& unit : units_) {
    const Observation* of = observations_.Of(unit.name);
    if (of == nullptr) continue;
    if (of->columns != unit.columns()) {
      return BadInput(fmt::format("{}: {} inputs of {}, expected {}", options_.imatrix, of->columns,
                                  unit.name, unit.columns()));
    }
    ++seen;
  }
  if (seen == 0) return BadInput(options_.imatrix + ": has none of this model's weights");
  if (seen < units_.size()) {
    notes_.push_back(fmt::format("{} has {} of {} weights: of the others, all inputs count the same",
                                 options_.imatrix, seen, units_.size()));
  }
  if (options_.recipe == nullptr && method_->needs == Observed::kHessian) {
    notes_.push_back(fmt::format("{} needs more than {} has: weights are encoded by importance",
                                 method_->name, options_.imatrix));
  }
  return {};
}

Status Compressor::MakeMeters() {
  KldMeter::Options options{.threads = options_.threads};
  TERN_TRY(probe_meter_, KldMeter::Make(model_, Windows(DataPart::kAllocate, kProbeWindows), options));
  options.bytes = 0;  // a few plans are measured on much text
  options.backend = probe_meter_->backend();
  TERN_TRY(verify_meter_, KldMeter::Make(model_, Windows(DataPart::kAllocate, kVerifyWindows), options));
  return {};
}

// From how long the probes' text takes: all that reads text goes by it, and the rest by numbers of weights.
void Compressor::Estimate() {
  const double token =
      probe_meter_->seconds() / static_cast<double>(TokensOf(Windows(DataPart::kAllocate, kProbeWindows)));
  double weights = 0, tables = 0;
  for (const WeightUnit& unit : units_) {
    weights += static_cast<double>(unit.rows() * unit.columns());
    tables += unit.is_table && unit.is_head;
  }
  const double probes = static_cast<double>(units_.size()) + tables;
  const auto read = static_cast<double>(NeedsText() && options_.imatrix.empty() ? TokensOf(calibration_) : 0);
  const auto verify = static_cast<double>(TokensOf(Windows(DataPart::kAllocate, kVerifyWindows)));
  WindowOptions protocol =
      ProtocolFor(data_.part(DataPart::kEvaluate), model_->hparams().context, WindowBos(*model_) >= 0);
  if (options_.windows > 0) protocol.windows = options_.windows;
  const auto evaluate = static_cast<double>(TokensOf(Windows(DataPart::kEvaluate, protocol)));
  const int threads = options_.threads > 0 ? options_.threads : DefaultThreads();
  // Sums of outer products beside reading; some rows in all schemes beside a probe; the mix and a uniform one
  // at 3 million weights per second and thread (all as measured on SmolLM2).
  run_time_ = RunTime({{kReading, 1.7 * token * read},
                       {kAppraising, probes * (probe_meter_->seconds() + 0.3)},
                       {kTiming, static_cast<double>(schemes_.size())},
                       {kEncoding, 2 * weights / 3e6 / threads},
                       {kMeasuring, 4 * token * verify},
                       {kQuality, 2 * token * evaluate},
                       {kSpeed, 10}});
  if (options_.estimate) options_.estimate(run_time_.seconds());
}

Status Compressor::AppraiseUnits() {
  const AppraiseOptions options{
      .method = method_,
      .schemes = schemes_,
      .to_folder = options_.to_folder,
      .progress = [this](int64_t done, int64_t total) { return Say(kAppraising, done, total); }};
  TERN_TRY(std::vector<AppraisedUnit> appraised,
           Appraise(model_, units_, *probe_meter_, &*encoder_, &*folds_, options, &*work_));
  std::vector<const Format*> formats;
  for (const Scheme& scheme : schemes_) {
    if (std::find(formats.begin(), formats.end(), scheme.format) == formats.end())
      formats.push_back(scheme.format);
  }
  TERN_TRY(times_,
           MeasureDecodeTimes(model_, units_, formats, calibration_.front().tokens, options_.threads,
                              [this](int64_t done, int64_t total) { return Say(kTiming, done, total); }));
  search_.emplace(std::move(appraised), FixedBytes(), &times_);
  return {};
}

// Of the file, beside the units: at most, as the bill is not written yet.
int64_t Compressor::FixedBytes() const {
  int64_t fixed = options_.header_bytes + kBillBytes;
  for (const auto& [name, tensor] : model_->checkpoint->tensors()) {
    fixed += static_cast<int64_t>(name.size()) + kTensorBytes;
    if (FindUnit(units_, name) != nullptr) {
      fixed += static_cast<int64_t>(name.size()) + kRecipeBytes;
      continue;
    }
    const auto bytes = static_cast<int64_t>(tensor.row_bytes()) * tensor.rows();
    const int64_t as_f32 = 4 * Elements(tensor.shape);
    if (options_.to_folder) {
      fixed += kBf16Bytes * Elements(tensor.shape);
    } else {
      fixed += tensor.shape.size() == 1 ? std::max(bytes, as_f32) : bytes;  // vectors become f32
    }
  }
  return fixed;
}

std::vector<RecipeWeight> Compressor::WeightsOf(const WeightPlan& plan) const {
  std::vector<RecipeWeight> weights;
  for (size_t unit = 0; unit < units_.size(); ++unit) {
    const Candidate& candidate = search_->candidate(plan, unit);
    weights.push_back({units_[unit].name, candidate.scheme.name, candidate.method_name()});
    if (candidate.splits()) {
      weights.push_back(
          {std::string(kHeadName), candidate.head_scheme.name, std::string(candidate.head_method->name)});
    }
  }
  return weights;
}

Result<FoldedTensors> Compressor::Folded(const std::vector<RecipeWeight>& weights) {
  std::map<std::string, WeightEncoding, std::less<>> encodings;
  for (const RecipeWeight& weight : weights) {
    if (weight.method == kKeep) continue;
    TERN_TRY(Scheme scheme, ParseScheme(weight.scheme));
    TERN_TRY(const MethodDesc* method, FindMethod(weight.method));
    encodings[weight.name] = {std::move(scheme), method};
  }
  return folds_->Choose([&](std::string_view name) {
    const auto found = encodings.find(name);
    return found == encodings.end() ? WeightEncoding() : found->second;
  });
}

Result<std::vector<Compressor::Changed>> Compressor::EncodeWeight(const WeightUnit& unit,
                                                                  const RecipeWeight& weight,
                                                                  const WeightFactors& factors) {
  TERN_TRY(const Scheme scheme, ParseScheme(weight.scheme));
  if (!CanBecome(unit, scheme)) {
    return BadInput(fmt::format("{}: {} in {}, which {} cannot hold", weight.name, unit.role,
                                ToString(unit.tensor.shape), weight.scheme));
  }
  TERN_TRY(const MethodDesc* method, FindMethod(weight.method));
  std::string key = fmt::format("encoded {} {} {}{}", weight.name, weight.scheme, weight.method,
                                unit.is_table && !unit.is_head ? " to look up" : "");
  for (const std::vector<float>* by : {&factors.rows, &factors.columns})
    key += by->empty() ? "" : fmt::format(" {:016x}", HashBytes(std::as_bytes(std::span(*by))).low);
  std::vector<PartTensor> layout = LayoutOf(scheme, unit.rows(), unit.columns());
  if (scheme.part == nullptr) layout[0].shape = unit.tensor.shape;
  if (std::ranges::any_of(layout, [&](const auto& t) { return work_->Find(key + t.suffix) == nullptr; })) {
    TERN_TRY(EncodedParts encoded, encoder_->EncodeParts(unit, scheme, *method, factors));
    if (!encoded.note.empty() && ++noted_ <= kMostNotes)
      notes_.push_back(fmt::format("{}: {}", weight.name, encoded.note));
    for (size_t i = 0; i < layout.size(); ++i)
      TERN_TRY_STATUS(work_->Put(key + layout[i].suffix, std::move(encoded.bytes[i])));
  }
  std::vector<Changed> changed;
  if (!layout[0].suffix.empty()) changed.push_back({weight.name, {}, nullptr});
  for (const PartTensor& tensor : layout) {
    const std::string* bytes = work_->Find(key + tensor.suffix);
    changed.push_back({weight.name + tensor.suffix, {tensor.format, tensor.shape, bytes->data()}, bytes});
  }
  return changed;
}

Result<std::vector<Compressor::Changed>> Compressor::Encode(const std::vector<RecipeWeight>& weights) {
  std::vector<Changed> changed;
  if (!ChangesAny(weights)) return changed;  // and nothing was observed
  TERN_TRY(const FoldedTensors folded, Folded(weights));
  for (const auto& [name, numbers] : folded.vectors()) {
    std::string bytes(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
    const std::string key =
        fmt::format("folded {} {:016x}", name, HashBytes(std::as_bytes(std::span(numbers))).low);
    if (work_->Find(key) == nullptr) TERN_TRY_STATUS(work_->Put(key, std::move(bytes)));
    const std::string* kept = work_->Find(key);
    changed.push_back({name, {FindFormat("f32"), model_->checkpoint->Find(name)->shape, kept->data()}, kept});
  }
  for (const RecipeWeight& weight : weights) {
    if (weight.method == kKeep) continue;
    TERN_TRY_STATUS(
        Say(kEncoding, static_cast<int64_t>(changed.size()), static_cast<int64_t>(weights.size())));
    TERN_TRY(const WeightUnit unit, UnitIn(weights, weight));
    TERN_TRY(const std::vector<Changed> encoded, EncodeWeight(unit, weight, folded.Of(weight.name)));
    changed.insert(changed.end(), encoded.begin(), encoded.end());
  }
  return changed;
}

Result<std::shared_ptr<const LoadedModel>> Compressor::Build(const std::vector<RecipeWeight>& weights) {
  auto overlay = std::make_unique<OverlayCheckpoint>(model_);
  TERN_TRY(const std::vector<Changed> all, Encode(weights));
  for (const Changed& changed : all)
    changed.bytes == nullptr ? overlay->Remove(changed.name) : overlay->Set(changed.name, changed.tensor);
  TERN_TRY(const auto built, BuildOverlay(std::move(overlay)));
  return std::shared_ptr<const LoadedModel>(built);
}

Result<double> Compressor::MeasureKld(const WeightPlan& plan) {
  TERN_TRY(const auto model, Build(WeightsOf(plan)));
  TERN_TRY_STATUS(Say(kMeasuring, 0, 1));
  return verify_meter_->Measure(model);
}

Result<double> Compressor::MeasureStep(const WeightPlan& plan) {
  TERN_TRY(const auto model, Build(WeightsOf(plan)));
  TERN_TRY(const DecodeTimes times,
           MeasureDecodeTimes(model, {}, {}, calibration_.front().tokens, options_.threads, {}));
  return times.unmodified_seconds;
}

// Sums of KLDs and of times are taken for a share of the whole that is learnt from the last plan.
Result<WeightPlan> Compressor::SolveAndRepair() {
  const CompressTarget& target = options_.target;
  Search::Scales scales;
  if (!target.kld && !target.speed) return search_->Solve(target, scales);
  std::optional<WeightPlan> best;
  for (int round = 0; round < kRepairs; ++round) {
    TERN_TRY(const WeightPlan plan, search_->Solve(target, scales));
    TERN_TRY(const bool meets, Meets(plan, &scales));
    if (meets && (!best || plan.bytes < best->bytes)) best = plan;
    if (meets && (!target.kld || plan.kld * scales.kld > kCloseEnough * *target.kld)) break;
    if (meets && plan.kld == 0) break;
  }
  if (best) return *best;
  return Exhausted(fmt::format(
      "target {}: reached by the sum over weights, not by the whole when it is measured", target.Text()));
}

// Measures the plan by what the target limits, and learns from that.
Result<bool> Compressor::Meets(const WeightPlan& plan, Search::Scales* scales) {
  const CompressTarget& target = options_.target;
  bool meets = true;
  if (target.kld && plan.kld > 0) {
    TERN_TRY(const double kld, MeasureKld(plan));
    meets = kld <= *target.kld;
    scales->kld = kMargin * kld / plan.kld;
  }
  if (target.speed) {
    TERN_TRY(const double step, MeasureStep(plan));
    const double wanted = times_.unmodified_seconds / *target.speed;
    if (step > wanted) scales->time *= std::max(kMargin, step / wanted);
    meets = meets && step <= wanted;
  }
  return meets;
}

// A mix is chosen by estimates: where one scheme everywhere is as good when both are measured, that is taken.
Status Compressor::TryUniform(WeightPlan* plan) {
  const auto uniform = search_->Uniform(search_->FileBytes(*plan));
  TERN_TRY(const double mixed, MeasureKld(*plan));
  const auto add_point = [&](std::string name, ReportPoint::Kind kind, const WeightPlan& p, double kld) {
    points_.push_back({.name = std::move(name),
                       .kind = kind,
                       .file_bytes = static_cast<uint64_t>(search_->FileBytes(p)),
                       .kld = kld,
                       .decode_tokens_per_s = p.step_seconds > 0 ? 1 / p.step_seconds : 0});
  };
  add_point("chosen", ReportPoint::Kind::kChosen, *plan, mixed);
  notes_.push_back(
      fmt::format("estimated KLD {:.4g}, measured on the text chosen by {:.4g}; at most {:.2g} % "
                  "from the best sum",
                  plan->kld, mixed, 100 * plan->gap));
  if (uniform.empty()) return {};
  const auto& [name, other] = uniform.front();
  TERN_TRY(const double kld, MeasureKld(other));
  add_point(name + " everywhere", ReportPoint::Kind::kUniform, other, kld);
  const bool fast_enough = !options_.target.speed || other.step_seconds <= plan->step_seconds;
  if (kld * kWorthIt > mixed || !fast_enough) return {};
  notes_.push_back(
      fmt::format("{} everywhere is as good as the mix that was found (KLD {:.4g}, mix {:.4g}) and "
                  "no larger: it was taken",
                  name, kld, mixed));
  *plan = other;
  return {};
}

Status Compressor::SearchPlan() {
  TERN_TRY_STATUS(Say("measuring the model", 0, 1));
  TERN_TRY_STATUS(MakeMeters());
  Estimate();
  TERN_TRY_STATUS(Observe());
  TERN_TRY_STATUS(AppraiseUnits());
  TERN_TRY(plan_, SolveAndRepair());
  TERN_TRY_STATUS(TryUniform(&*plan_));
  out_.recipe.weights = WeightsOf(*plan_);
  return {};
}

Status Compressor::FollowRecipe() {
  const Recipe& recipe = *options_.recipe;
  if (!recipe.source_hash.empty() && recipe.source_hash != out_.recipe.source_hash) {
    notes_.push_back(fmt::format("the recipe was made for another file ({}, this is {})", recipe.source_hash,
                                 out_.recipe.source_hash));
  }
  out_.recipe.target = recipe.target;
  out_.recipe.weights = recipe.weights;
  return ChangesAny(recipe.weights) ? Observe() : Status();
}

Status Compressor::Finish() {
  TERN_TRY(const std::vector<Changed> all, Encode(out_.recipe.weights));
  auto overlay = std::make_unique<OverlayCheckpoint>(model_);
  for (const Changed& changed : all) {
    if (changed.bytes == nullptr) {
      overlay->Remove(changed.name);
      continue;
    }
    const auto [kept, is_new] = out_.weights.emplace(changed.name, *changed.bytes);
    TERN_CHECK(is_new);
    overlay->Set(changed.name, {changed.tensor.format, changed.tensor.shape, kept->second.data()});
  }
  TERN_TRY(out_.model, LoadModel(std::move(overlay)));
  CompareModelsOptions options;
  options.runner.threads = options_.threads;
  options.prompts = options_.prompts;
  options.windows = options_.windows;
  Status stopped;
  TERN_TRY(out_.report, CompareModels({options_.model_name, model_}, {"compressed", out_.model},
                                      data_.part(DataPart::kEvaluate), options,
                                      [&](std::string_view what, int64_t done, int64_t total) {
                                        if (stopped.ok()) stopped = Say(what, done, total);
                                      }));
  TERN_TRY_STATUS(stopped);
  Describe();
  work_->Remove();
  return {};
}

void Compressor::Describe() {
  CompressionReport& report = out_.report;
  if (noted_ > kMostNotes) notes_.push_back(fmt::format("{} more notes on weights", noted_ - kMostNotes));
  report.recipe = RecipeToml(out_.recipe);
  report.notes.insert(report.notes.end(), notes_.begin(), notes_.end());
  report.points = points_;
  report.facts.emplace_back("calibration", data_.Summary());
  for (ReportTensor& tensor : report.tensors) {
    // Of a part: the weight that it belongs to.
    for (const RecipeWeight& weight : out_.recipe.weights) {
      if (tensor.name == weight.name || tensor.name.starts_with(weight.name + "."))
        tensor.method = weight.method;
    }
    if (tensor.method.empty() && out_.weights.contains(tensor.name)) tensor.reason = "folded";
  }
  if (!search_) return;
  for (const AppraisedUnit& unit : search_->units()) {
    for (ReportTensor& tensor : report.tensors) {
      if (tensor.name == unit.unit.name) tensor.kld = unit.table_kld + unit.product_kld;
    }
  }
  for (const WeightPlan& plan : search_->Front(options_.front_points)) {
    report.points.push_back({.name = "estimated",
                             .kind = ReportPoint::Kind::kFront,
                             .file_bytes = static_cast<uint64_t>(search_->FileBytes(plan)),
                             .kld = plan.kld,
                             .decode_tokens_per_s = plan.step_seconds > 0 ? 1 / plan.step_seconds : 0,
                             .estimated = true});
  }
}

}  // namespace

std::vector<std::string> DefaultSchemes(bool to_folder) {
  if (to_folder) return {"int4_g128", "int4_g64", "int4_g32", "int8_channel"};
  return {"q8_0", "q6_k", "q5_k", "q5_1", "q5_0", "q4_1", "q4_k", "iq4_nl", "q4_0", "iq4_xs", "q3_k", "q2_k"};
}

Result<Compressed> Compress(const std::shared_ptr<const LoadedModel>& model, const CalibrationData& data,
                            const CompressOptions& options) {
  return Compressor(model, data, options).Run();
}

}  // namespace tern
