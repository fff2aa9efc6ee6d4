#pragma once
// Swapped: sets a variable for as long as it lives.

namespace tern::jinja {

template <class T>
class Swapped {
 public:
  Swapped(T* variable, T value) : variable_(variable), before_(*variable) { *variable = value; }
  ~Swapped() { *variable_ = before_; }
  Swapped(const Swapped&) = delete;
  Swapped& operator=(const Swapped&) = delete;

 private:
  T* variable_;
  T before_;
};

}  // namespace tern::jinja
