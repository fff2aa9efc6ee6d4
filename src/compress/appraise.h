#pragma once
// Appraising: what each weight costs in each scheme, estimated from the real model.
//
// A weight's KLD is measured once, with the weight alone rounded to 4 bits (the probe). To second order the
// KLD of a small change goes by the squared error of the weight's outputs, tr(dW H dW^T) with H the Hessian
// of its inputs (as in Optimal Brain Surgeon), which is known for every scheme without running the model: so
// the probe's KLD times the ratio of the errors. What is looked up goes by the squared error of its rows.

#include <functional>
#include <string>
#include <vector>

#include "compress/encode_weight.h"
#include "compress/fold_choice.h"
#include "compress/kld_meter.h"
#include "compress/work_file.h"

namespace tern {

// What a weight may become.
struct Candidate {
  Scheme scheme;
  const MethodDesc* method = nullptr;  // null: stays as it is
  // Of a tied table: a head of its own, in another scheme; null: none, and the table is multiplied too.
  const MethodDesc* head_method = nullptr;
  Scheme head_scheme = {};
  int64_t bytes = 0;
  double kld = 0;      // nats per token, estimated
  double seconds = 0;  // of a decode step; 0: not measured

  bool splits() const { return head_method != nullptr; }
  std::string method_name() const;
};

struct AppraisedUnit {
  WeightUnit unit;
  double table_kld = 0, product_kld = 0;  // of the probe: looked up, multiplied
  std::vector<Candidate> candidates;
};

struct AppraiseOptions {
  const MethodDesc* method = nullptr;
  std::vector<Scheme> schemes;
  bool to_folder = false;  // of compressed-tensors: what stays as it is is written in bf16
  std::function<Status(int64_t done, int64_t total)> progress;  // in units
};

// Of folds, all weights are taken to become what the one that is appraised does. `work` keeps what is done.
// The error names the unit.
Result<std::vector<AppraisedUnit>> Appraise(const std::shared_ptr<const LoadedModel>& model,
                                            const std::vector<WeightUnit>& units, const KldMeter& meter,
                                            WeightEncoder* encoder, FoldChoice* folds,
                                            const AppraiseOptions& options, WorkFile* work);

}  // namespace tern
