#pragma once
// DecodeTimes: how long a decode step takes on this machine with each weight in each format, measured with
// the real kernels, shapes and number of threads: the whole model in one format after another, its numbers
// being of no matter.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compress/weight_units.h"

namespace tern {

struct DecodeTimes {
  // Of one unit in one format; of formats that were not measured: 0.
  double Seconds(const std::string& unit, const Format* format) const;

  std::map<std::pair<std::string, const Format*>, double> seconds;
  double other_seconds = 0;       // of a step, beside the units
  double unmodified_seconds = 0;  // a step of the model as it is
};

// `formats`: beside those that the units have. `text`: not empty; answers to it are written. `progress(done,
// total)` counts models.
Result<DecodeTimes> MeasureDecodeTimes(const std::shared_ptr<const LoadedModel>& model,
                                       const std::vector<WeightUnit>& units,
                                       const std::vector<const Format*>& formats,
                                       std::span<const int32_t> text, int threads,
                                       const std::function<Status(int64_t done, int64_t total)>& progress);

}  // namespace tern
