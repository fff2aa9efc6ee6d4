#pragma once
// NpyWriter: a float32 matrix as a NumPy .npy file (format 1.0), row by row, whole or not there at all.

#include <span>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace tern {

class NpyWriter {
 public:
  static Result<NpyWriter> Create(const std::string& path, size_t rows, size_t columns);
  Status Append(std::span<const float> values);
  Status Finish() { return file_.Commit(); }

 private:
  explicit NpyWriter(AtomicFile file) : file_(std::move(file)) {}
  AtomicFile file_;
};

}  // namespace tern
