#include "compress/method.h"

#include <fmt/format.h>

namespace tern {

#define METHOD(id) extern const MethodDesc k_method_##id;
#include "compress/methods.list"
#undef METHOD

std::span<const MethodDesc* const> AllMethods() {
  static constexpr const MethodDesc* kAll[] = {
#define METHOD(id) &k_method_##id,
#include "compress/methods.list"
#undef METHOD
  };
  return kAll;
}

Result<const MethodDesc*> FindMethod(std::string_view name) {
  std::string all;
  for (const MethodDesc* method : AllMethods()) {
    if (method->name == name) return method;
    all += (all.empty() ? "" : ", ") + std::string(method->name);
  }
  return BadInput(fmt::format("method: \"{}\", expected one of {}", name, all));
}

}  // namespace tern
