#pragma once
// What the weights of a model are multiplied with, while it reads calibration text in int16-class precision,
// whose noise (a KLD below 1e-5) is nothing beside what the text leaves open, and which takes a third of the
// time of exact one.
//
// The inputs of its linears become outputs of the graph, so that any device shows them. Sums are made in the
// order of the text, whatever the number of threads: the same text gives the same bits.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/imatrix.h"
#include "compress/method.h"
#include "compress/observation.h"
#include "compress/read_windows.h"

namespace tern {

class Observations {
 public:
  const Observation* Of(std::string_view weight) const;  // nullptr: nothing was observed
  std::vector<Observation>& all() { return all_; }
  const std::vector<Observation>& all() const { return all_; }

 private:
  std::vector<Observation> all_;
};

struct ObserveOptions {
  Observed what = Observed::kHessian;
  int threads = 0;
  // Most memory for sums at a time: where all do not fit, the text is read again for the others.
  size_t bytes = size_t{3} << 29;
  std::function<Status(int64_t done, int64_t total)> progress = {};  // in tokens; may be empty
};

// Errors: an encoder, no text, numbers that are not finite (the error names the weight).
Result<Observations> Observe(const std::shared_ptr<const LoadedModel>& model,
                             std::span<const TextWindow> windows, const ObserveOptions& options);

// As importance matrices hold what was seen, and back: of experts nothing, and no Hessians.
ImportanceMatrix ToImportanceMatrix(const Observations& observations);
Observations FromImportanceMatrix(const ImportanceMatrix& matrix);

}  // namespace tern
