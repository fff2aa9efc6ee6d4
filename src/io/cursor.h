#pragma once
// Cursor: the only code that touches the raw bytes of a model file. Every read is compared with what remains;
// a read that does not fit changes nothing and returns false. Numbers are little-endian.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tern {

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  template <class T>
  [[nodiscard]] bool Read(T* out) {
    static_assert(std::is_arithmetic_v<T> && std::endian::native == std::endian::little);
    if (remaining() < sizeof(T)) return false;
    std::memcpy(out, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return true;
  }

  // `out` looks into the file.
  [[nodiscard]] bool ReadText(uint64_t bytes, std::string_view* out) {
    if (remaining() < bytes) return false;
    *out = {reinterpret_cast<const char*>(bytes_.data()) + position_, static_cast<size_t>(bytes)};
    position_ += static_cast<size_t>(bytes);
    return true;
  }

  // `count` numbers of type T, widened to V.
  template <class T, class V>
  [[nodiscard]] bool ReadArray(uint64_t count, std::vector<V>* out) {
    if (count > remaining() / sizeof(T)) return false;
    out->resize(static_cast<size_t>(count));
    for (size_t i = 0; i < out->size(); ++i) {
      T value;
      std::memcpy(&value, bytes_.data() + position_ + i * sizeof(T), sizeof(T));
      (*out)[i] = static_cast<V>(value);
    }
    position_ += out->size() * sizeof(T);
    return true;
  }

  template <class T>
  [[nodiscard]] bool Skip(uint64_t count) {
    if (count > remaining() / sizeof(T)) return false;
    position_ += static_cast<size_t>(count) * sizeof(T);
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
};

}  // namespace tern
