#include "ops/op.h"

namespace tern {

#define OP(id) extern const OpDesc k_op_##id;
#include "ops/ops.list"
#undef OP

std::span<const OpDesc* const> AllOps() {
  static constexpr const OpDesc* kAll[] = {
#define OP(id) &k_op_##id,
#include "ops/ops.list"
#undef OP
  };
  return kAll;
}

const OpDesc* FindOp(std::string_view name) {
  for (const OpDesc* op : AllOps()) {
    if (op->name == name) return op;
  }
  return nullptr;
}

std::string_view ElemName(Elem elem) {
  switch (elem) {
    case Elem::kF32:
      return "f32";
    case Elem::kI32:
      return "i32";
    case Elem::kQ8:
      return "q8";
    case Elem::kQ16:
      return "q16";
    case Elem::kWeight:
      return "weight";
    case Elem::kState:
      return "state";
  }
  return "?";
}

namespace {

template <class T>
const T* Find(const std::map<std::string, AttrValue, std::less<>>& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

int64_t Attrs::Int(std::string_view name, int64_t fallback) const {
  const int64_t* value = Find<int64_t>(map_, name);
  return value == nullptr ? fallback : *value;
}

// An attribute written as a whole number is a good float too.
double Attrs::Float(std::string_view name, double fallback) const {
  if (const double* value = Find<double>(map_, name)) return *value;
  const int64_t* whole = Find<int64_t>(map_, name);
  return whole == nullptr ? fallback : static_cast<double>(*whole);
}

std::string_view Attrs::Str(std::string_view name, std::string_view fallback) const {
  const std::string* value = Find<std::string>(map_, name);
  return value == nullptr ? fallback : std::string_view(*value);
}

}  // namespace tern
