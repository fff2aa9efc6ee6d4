#include "compress/fold_choice.h"

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

// What factors are tried for: channels that 4 bits serve best so, others do, too, and a search tries once.
constexpr std::string_view kTried = "q4_0";

bool Touches(const Fold& fold, std::string_view weight) {
  return (fold.rows && fold.rows->tensor == weight) ||
         std::find(fold.readers.begin(), fold.readers.end(), weight) != fold.readers.end();
}

}  // namespace

FoldChoice::FoldChoice(const LoadedModel& model, const std::vector<WeightUnit>& units,
                       const Observations& observations, WeightEncoder* encoder)
    : model_(model), encoder_(*encoder) {
  for (Fold& fold : FindFolds(model)) {
    if (fold.rows && FindUnit(units, fold.rows->tensor) == nullptr) continue;
    Known known;
    known.fold = std::move(fold);
    known.seen = observations.Of(known.fold.readers.front());
    for (const std::string& reader : known.fold.readers) known.readers.push_back(FindUnit(units, reader));
    const bool all_units =
        std::find(known.readers.begin(), known.readers.end(), nullptr) == known.readers.end();
    const auto columns = static_cast<int64_t>(known.fold.channel_of.size());
    if (all_units && known.seen != nullptr && known.seen->columns == columns)
      folds_.push_back(std::move(known));
  }
}

const MethodDesc* FoldChoice::MethodOf(const Known& known, const EncodingOf& encoding_of) const {
  const MethodDesc* method = encoding_of(known.fold.readers.front()).method;
  if (method == nullptr || method->folds == nullptr) return nullptr;
  if (known.fold.rows && encoding_of(known.fold.rows->tensor).method != method) return nullptr;
  for (const WeightUnit* reader : known.readers) {
    const WeightEncoding encoding = encoding_of(reader->name);
    if (encoding.method != method || !CanBecome(*reader, encoding.scheme)) return nullptr;
  }
  return method;
}

Result<FoldedTensors> FoldChoice::Choose(const EncodingOf& encoding_of, std::string_view only) {
  FoldedTensors folded(model_);
  for (Known& known : folds_) {
    if (!only.empty() && !Touches(known.fold, only)) continue;
    const MethodDesc* method = MethodOf(known, encoding_of);
    if (method == nullptr) continue;
    std::string key = known.fold.readers.front() + " " + std::string(method->name);
    auto found = chosen_.find(key);
    if (found == chosen_.end()) {
      TERN_TRY(std::vector<float> factors, FactorsOf(known, *method));
      found = chosen_.emplace(std::move(key), std::move(factors)).first;
    }
    if (!found->second.empty()) folded.Add(known.fold, found->second);
  }
  return folded;
}

Result<std::vector<float>> FoldChoice::FactorsOf(Known& known, const MethodDesc& method) {
  DescribeChannels(known);
  std::vector<std::vector<float>> tries = method.folds({.channels = static_cast<size_t>(known.fold.channels),
                                                        .energies = known.energies,
                                                        .peaks = known.peaks,
                                                        .weight_peaks = known.weight_peaks});
  if (tries.size() == 1) return std::move(tries.front());
  if (!Fits(ParseScheme(kTried).value(), known.seen->columns)) return std::vector<float>();
  size_t best = 0;
  double least = 0;
  for (size_t i = 0; i < tries.size(); ++i) {
    TERN_TRY(const double error, ErrorWith(known, tries[i]));
    if (i > 0 && error >= least) continue;
    least = error;
    best = i;
  }
  return std::move(tries[best]);
}

Result<double> FoldChoice::ErrorWith(const Known& known, const std::vector<float>& factors) {
  const Scheme tried = ParseScheme(kTried).value();
  const MethodDesc& importance = *FindMethod("importance").value();
  FoldedTensors folded(model_);
  if (!factors.empty()) folded.Add(known.fold, factors);
  double sum = 0;
  for (const WeightUnit* reader : known.readers) {
    TERN_TRY(const double error, encoder_.OutputError(*reader, tried, importance, folded.Of(reader->name)));
    sum += error * static_cast<double>(reader->rows());
  }
  return sum;
}

void FoldChoice::DescribeChannels(Known& known) const {
  if (!known.energies.empty()) return;
  const auto channels = static_cast<size_t>(known.fold.channels);
  const std::vector<int32_t>& channel_of = known.fold.channel_of;
  const std::vector<float>&energies = known.seen->energies, &peaks = known.seen->peaks;
  known.energies.assign(channels, 0.f);
  known.peaks.assign(channels, 0.f);
  known.weight_peaks.assign(channels, 0.f);
  const float share = static_cast<float>(channels) / static_cast<float>(channel_of.size());
  for (size_t j = 0; j < channel_of.size(); ++j) {
    const auto c = static_cast<size_t>(channel_of[j]);
    known.energies[c] += energies[j] * share;
    known.peaks[c] = std::max(known.peaks[c], peaks.empty() ? std::sqrt(energies[j]) : peaks[j]);
  }
  for (const WeightUnit* reader : known.readers) {
    for (int64_t r = 0; r < reader->rows(); ++r) {
      const std::vector<float> row = DecodeRows(reader->tensor, r, 1);
      for (size_t j = 0; j < row.size(); ++j) {
        float& peak = known.weight_peaks[static_cast<size_t>(channel_of[j])];
        peak = std::max(peak, std::fabs(row[j]));
      }
    }
  }
}

}  // namespace tern
