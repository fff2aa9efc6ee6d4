#include "compress/appraise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "compress/grouped_rows.h"
#include "compress/overlay_checkpoint.h"
#include "compress/recipe.h"

namespace tern {
namespace {

constexpr std::string_view kProbe = "q4_0", kProbeMethod = "rtn";
// What a file and a recipe say of a tensor more.
constexpr int64_t kEntryBytes = 256;

// What is kept of a unit in the work file.
struct Measured {
  double table_kld = 0, product_kld = 0;
  std::vector<double> table_klds, product_klds;  // by way
};

std::string Pack(const Measured& m) {
  std::vector<double> numbers = {m.table_kld, m.product_kld};
  numbers.insert(numbers.end(), m.table_klds.begin(), m.table_klds.end());
  numbers.insert(numbers.end(), m.product_klds.begin(), m.product_klds.end());
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double)};
}

std::optional<Measured> Unpack(const std::string* bytes, size_t ways) {
  if (bytes == nullptr || bytes->size() != 2 * (ways + 1) * sizeof(double)) return std::nullopt;
  std::vector<double> numbers(2 * (ways + 1));
  std::memcpy(numbers.data(), bytes->data(), bytes->size());
  const auto split = numbers.begin() + 2 + static_cast<std::ptrdiff_t>(ways);
  return Measured{numbers[0], numbers[1], {numbers.begin() + 2, split}, {split, numbers.end()}};
}

// A scheme that fits a unit, and how it is encoded.
struct Way {
  const Scheme* scheme;
  const MethodDesc* method;
};

class Appraiser {
 public:
  Appraiser(const std::shared_ptr<const LoadedModel>& model, const KldMeter& meter, WeightEncoder* encoder,
            FoldChoice* folds, const AppraiseOptions& options)
      : model_(model),
        meter_(meter),
        encoder_(*encoder),
        folds_(*folds),
        options_(options),
        probe_{ParseScheme(kProbe).value()},
        rtn_(*FindMethod(kProbeMethod).value()) {}

  Result<Measured> Measure(const WeightUnit& unit, const std::vector<Way>& ways) {
    Measured m;
    const bool multiplied = !unit.is_table || unit.is_head;
    TERN_TRY(const EncodedRows probe, encoder_.Encode(unit, probe_, rtn_));
    double row_error = 0, output_error = 0;
    if (unit.is_table) {
      TERN_TRY(m.table_kld, MeasureWith(unit, probe, multiplied ? Part::kTable : Part::kWhole));
      TERN_TRY(row_error, encoder_.RowError(unit, probe_, rtn_));
    }
    if (multiplied) {
      TERN_TRY(m.product_kld, MeasureWith(unit, probe, unit.is_table ? Part::kHead : Part::kWhole));
      TERN_TRY(output_error, encoder_.OutputError(unit, probe_, rtn_));
    }
    for (const auto& [scheme, method] : ways) {
      double table = 0, product = 0;
      if (row_error > 0) {
        TERN_TRY(const double error, encoder_.RowError(unit, *scheme, *method));
        table = m.table_kld * error / row_error;
      }
      if (output_error > 0) {
        const WeightEncoding as_this{*scheme, method};
        TERN_TRY(const FoldedTensors folded,
                 folds_.Choose([&](std::string_view) { return as_this; }, unit.name));
        TERN_TRY(const double error, encoder_.OutputError(unit, *scheme, *method, folded.Of(unit.name)));
        product = m.product_kld * error / output_error;
      }
      m.table_klds.push_back(std::max(table, 0.0));
      m.product_klds.push_back(std::max(product, 0.0));
    }
    return m;
  }

 private:
  // Where the unit's probe is put: in place of the tensor, or of one of the two parts that it plays.
  enum class Part : uint8_t { kWhole, kTable, kHead };

  Result<double> MeasureWith(const WeightUnit& unit, const EncodedRows& probe, Part part) {
    auto overlay = std::make_unique<OverlayCheckpoint>(model_);
    const Tensor rounded{probe_.format, unit.tensor.shape, probe.bytes.data()};
    if (part != Part::kHead) overlay->Set(unit.name, rounded);
    if (part == Part::kTable) overlay->Set(std::string(kHeadName), unit.tensor);
    if (part == Part::kHead) overlay->Set(std::string(kHeadName), rounded);
    TERN_TRY(const auto changed, BuildOverlay(std::move(overlay)));
    return meter_.Measure(changed);
  }

  std::shared_ptr<const LoadedModel> model_;
  const KldMeter& meter_;
  WeightEncoder& encoder_;
  FoldChoice& folds_;
  const AppraiseOptions& options_;
  Scheme probe_;
  const MethodDesc& rtn_;
};

// In compressed-tensors a group has one scale of 16 bits, in GGUF each of its blocks.
int64_t BytesIn(const WeightUnit& unit, const Scheme& scheme, bool packed) {
  const int64_t columns = unit.columns();
  if (scheme.part != nullptr) {
    const std::vector<PartTensor> layout = LayoutOf(scheme, unit.rows(), columns);
    int64_t bytes = static_cast<int64_t>(layout.size() - 1) * kEntryBytes;
    for (const PartTensor& tensor : layout) bytes += tensor.bytes();
    return bytes;
  }
  if (!packed || scheme.group == 0) {
    return unit.rows() * static_cast<int64_t>(BlockOffset(*scheme.format, static_cast<size_t>(columns)));
  }
  const int64_t codes = columns * (CodesOf(scheme).high > 15 ? 8 : 4) / 8;
  return unit.rows() * (codes + 2 * (columns / GroupOf(scheme, columns)));
}

std::vector<Way> WaysOf(const WeightUnit& unit, const AppraiseOptions& options) {
  std::vector<Way> ways;
  const MethodDesc* rtn = FindMethod(kProbeMethod).value();
  for (const Scheme& scheme : options.schemes) {
    if (!CanBecome(unit, scheme)) continue;
    ways.push_back({&scheme, options.method});
    if (unit.is_table && options.method != rtn) ways.push_back({&scheme, rtn});
  }
  return ways;
}

}  // namespace

namespace {

// What a unit may become, the first being as it is. `measured`: none where the probe does not fit.
std::vector<Candidate> CandidatesOf(const WeightUnit& unit, const std::vector<Way>& ways,
                                    const std::optional<Measured>& measured, const AppraiseOptions& options) {
  const Scheme own{.name = std::string(unit.tensor.format->name), .format = unit.tensor.format};
  const int64_t own_bytes =
      options.to_folder ? 2 * unit.rows() * unit.columns() : static_cast<int64_t>(unit.bytes());
  std::vector<Candidate> candidates = {{.scheme = own, .bytes = own_bytes}};
  std::vector<double> table_klds = {0};  // of each
  for (size_t i = 0; measured && i < ways.size(); ++i) {
    candidates.push_back({.scheme = *ways[i].scheme,
                          .method = ways[i].method,
                          .bytes = BytesIn(unit, *ways[i].scheme, options.to_folder),
                          .kld = measured->table_klds[i] + measured->product_klds[i]});
    table_klds.push_back(measured->table_klds[i]);
  }
  if (!unit.is_tied()) return candidates;
  const MethodDesc* rtn = FindMethod(kProbeMethod).value();
  const size_t tied = candidates.size();
  for (size_t table = 0; table < tied; ++table) {
    if (candidates[table].method != nullptr && candidates[table].method != rtn) continue;
    for (size_t head = 1; head < tied; ++head) {
      if (candidates[head].method != options.method ||
          candidates[head].scheme.name == candidates[table].scheme.name)
        continue;
      Candidate both = candidates[table];
      both.head_scheme = candidates[head].scheme;
      both.head_method = options.method;
      both.bytes += candidates[head].bytes + kEntryBytes;
      both.kld = table_klds[table] + measured->product_klds[head - 1];
      candidates.push_back(std::move(both));
    }
  }
  return candidates;
}

}  // namespace

std::string Candidate::method_name() const { return std::string(method == nullptr ? kKeep : method->name); }

Result<std::vector<AppraisedUnit>> Appraise(const std::shared_ptr<const LoadedModel>& model,
                                            const std::vector<WeightUnit>& units, const KldMeter& meter,
                                            WeightEncoder* encoder, FoldChoice* folds,
                                            const AppraiseOptions& options, WorkFile* work) {
  Appraiser appraiser(model, meter, encoder, folds, options);
  std::vector<AppraisedUnit> appraised;
  for (const WeightUnit& unit : units) {
    if (options.progress)
      TERN_TRY_STATUS(
          options.progress(static_cast<int64_t>(appraised.size()), static_cast<int64_t>(units.size())));
    const std::vector<Way> ways = WaysOf(unit, options);
    AppraisedUnit a{.unit = unit, .candidates = {}};
    const std::string key = fmt::format("appraised {} {}", unit.name, options.method->name);
    std::optional<Measured> measured;
    if (Fits(ParseScheme(kProbe).value(), unit.columns())) {
      measured = Unpack(work->Find(key), ways.size());
      if (!measured) {
        TERN_TRY(measured, appraiser.Measure(unit, ways));
        TERN_TRY_STATUS(work->Put(key, Pack(*measured)));
      }
      a.table_kld = measured->table_kld;
      a.product_kld = measured->product_kld;
    }
    a.candidates = CandidatesOf(unit, ways, measured, options);
    appraised.push_back(std::move(a));
  }
  return appraised;
}

}  // namespace tern
