#pragma once
// NpyWriter: a float32 matrix as a NumPy .npy file (format 1.0), row by row. Written beside its name and
// renamed when finished, so that a half-written file is never taken for a whole one.

#include <cstdio>
#include <span>
#include <string>

#include "base/result.h"

namespace tern {

class NpyWriter {
 public:
  static Result<NpyWriter> Create(const std::string& path, size_t rows, size_t columns);
  NpyWriter(NpyWriter&& other) noexcept;
  NpyWriter& operator=(NpyWriter&&) = delete;
  ~NpyWriter();

  Status Append(std::span<const float> values);
  Status Finish();

 private:
  NpyWriter(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  std::string path_;
  std::FILE* file_;
};

}  // namespace tern
