#include "tensor/tensor.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace tern {

int64_t Elements(const Shape& shape) {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  return n;
}

std::string ToString(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

size_t Tensor::row_bytes() const { return BlockOffset(*format, static_cast<size_t>(cols())); }

std::vector<float> DecodeAll(const Tensor& tensor) {
  const auto width = static_cast<size_t>(tensor.cols());
  std::vector<float> values(static_cast<size_t>(Elements(tensor.shape)));
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    tensor.format->decode(tensor.row(r), 0, values.data() + static_cast<size_t>(r) * width, width);
  }
  return values;
}

// Anonymous mappings come zeroed, are given back whole, and can be huge pages: weights are streamed once per
// token, and with 4 KiB pages the page walks cost bandwidth.
Buffer::Buffer(size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    throw std::bad_alloc();
  }
  if (bytes >= (size_t{2} << 20)) madvise(data_, bytes, MADV_HUGEPAGE);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace tern
