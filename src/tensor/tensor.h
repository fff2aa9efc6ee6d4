#pragma once
// Tensor looks at numbers it does not own; Buffer owns them. A Tensor never outlives its Buffer or file
// mapping. Shapes list the slowest dimension first: a linear weight is [out, in]. (GGUF lists the fastest
// first.)

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensor/format.h"

namespace tern {

using Shape = std::vector<int64_t>;

int64_t Elements(const Shape& shape);
std::string ToString(const Shape& shape);  // "[640, 512]"

struct Tensor {
  const Format* format = nullptr;
  Shape shape;
  const void* data = nullptr;

  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const { return cols() == 0 ? 0 : Elements(shape) / cols(); }
  size_t row_bytes() const;  // shape and format agree: checked where the tensor was made
  const void* row(int64_t i) const {
    return static_cast<const char*>(data) + static_cast<size_t>(i) * row_bytes();
  }
};

// A tensor's numbers, row by row.
std::vector<float> DecodeAll(const Tensor& tensor);

// 64-byte aligned, zeroed; asks for 2 MiB pages where that may help. Where the system refuses the memory,
// throws std::bad_alloc, as `new` and std::vector do: cli/dispatch.h makes a message of it.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t bytes);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();
  void* data() { return data_; }
  const void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace tern
