#pragma once
// Importance matrices: how strong the inputs of each weight are, in llama.cpp's files: GGUF with the tensors
// `<weight>.in_sum2` and `<weight>.counts`, and the older .dat, which has the same numbers with less beside
// them (docs/formats/imatrix.md).

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tern {

// Of one weight; of stacked experts: of each apart, one after the other.
struct InputStrength {
  std::string weight;
  std::vector<float> energies;  // [matrices, columns] mean of x_j^2; 0 where nothing was seen
  std::vector<float> tokens;    // [matrices] seen; of .dat files the number of calls, of unknown length
};

struct ImportanceMatrix {
  std::vector<InputStrength> inputs;  // by name
  std::vector<std::string> texts;     // what was read, as the file's writer named it
  int64_t chunks = 0, chunk_tokens = 0;
};

// The file's first bytes say which kind it is. Errors name the file and the weight.
Result<ImportanceMatrix> ReadImportanceMatrix(const std::string& path);
// .dat where the path ends so, else GGUF; atomically.
Status WriteImportanceMatrix(const std::string& path, const ImportanceMatrix& matrix);

}  // namespace tern
