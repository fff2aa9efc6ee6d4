#pragma once
// Observation: what was seen of one input that weights are multiplied with, over all tokens of a calibration
// text (compress/observe.h).

#include <cstdint>
#include <string>
#include <vector>

namespace tern {

struct Observation {
  std::vector<std::string> weights;  // that read this input
  int64_t columns = 0;
  int64_t tokens = 0;
  std::vector<float> energies;  // [columns] mean of x_j^2, as imatrix files hold it
  std::vector<float> peaks;     // [columns] largest |x_j|; empty: not seen
  std::vector<float> hessian;   // [columns, columns] mean of x x^T; empty: not wanted
};

}  // namespace tern
