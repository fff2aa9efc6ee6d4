#pragma once
// FoldChoice: which folds (compress/fold.h) are made, and with which factors, where weights are encoded by
// methods that fold. A fold is made where all of its matrices are encoded by one such method; its factors
// depend on nothing but the model, the observation and the method, so that a recipe that names methods gives
// the same ones again, whatever its schemes. One thread calls.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compress/encode_weight.h"

namespace tern {

// What a weight is to become; no method: it stays as it is.
struct WeightEncoding {
  Scheme scheme = {};
  const MethodDesc* method = nullptr;
};
using EncodingOf = std::function<WeightEncoding(std::string_view weight)>;

class FoldChoice {
 public:
  // All must outlive it.
  FoldChoice(const LoadedModel& model, const std::vector<WeightUnit>& units, const Observations& observations,
             WeightEncoder* encoder);

  // `only`: nothing but the folds that change this weight; "": all.
  Result<FoldedTensors> Choose(const EncodingOf& encoding_of, std::string_view only = "");

 private:
  // A fold's weights, and what is known of its channels.
  struct Known {
    Fold fold;
    std::vector<const WeightUnit*> readers;
    const Observation* seen = nullptr;
    std::vector<float> energies, peaks, weight_peaks;  // by channel; filled where a method asks
  };
  // The method that all of its weights are encoded by; nullptr: the fold is not made.
  const MethodDesc* MethodOf(const Known& known, const EncodingOf& encoding_of) const;
  Result<std::vector<float>> FactorsOf(Known& known, const MethodDesc& method);
  Result<double> ErrorWith(const Known& known, const std::vector<float>& factors);
  void DescribeChannels(Known& known) const;

  const LoadedModel& model_;
  WeightEncoder& encoder_;
  std::vector<Known> folds_;
  std::map<std::string, std::vector<float>> chosen_;  // by fold and method
};

}  // namespace tern
