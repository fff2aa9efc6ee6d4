#include "text/jinja/methods.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/operators.h"

namespace tern::jinja {
namespace {

// dict

Result<Value> DictGet(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("get", arguments, {"key", "default"}, 1));
  if (!IsHashable(*bound[0])) return TypeError(fmt::format("unhashable type: '{}'", TypeName(*bound[0])));
  if (const Value* found = self.dict().Find(*bound[0])) return *found;
  return bound[1] ? *bound[1] : Value::None();
}

Result<Value> DictView(Workspace& workspace, const Value& self, const Arguments& arguments, Flavor flavor) {
  TERN_TRY_STATUS(BindArguments("dict view", arguments, {}, 0, nullptr));
  std::vector<Value> items;
  workspace.Spend(self.dict().entries.size());
  for (const Dict::Entry& entry : self.dict().entries) {
    if (flavor == Flavor::kItems) {
      TERN_TRY(const Value pair, workspace.NewTuple({entry.key, entry.value}));
      items.push_back(pair);
    } else {
      items.push_back(flavor == Flavor::kKeys ? entry.key : entry.value);
    }
  }
  return workspace.heap().NewSequence(flavor, std::move(items));
}

Result<Value> DictItems(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return DictView(workspace, self, arguments, Flavor::kItems);
}

Result<Value> DictKeys(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return DictView(workspace, self, arguments, Flavor::kKeys);
}

Result<Value> DictValues(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return DictView(workspace, self, arguments, Flavor::kValues);
}

// Values never change, so a copy is the value itself.
Result<Value> Copy(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("copy", arguments, {}, 0, nullptr));
  return self;
}

// list, tuple, range

Result<Value> SequenceCount(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("count", arguments, {"value"}, 1));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  workspace.Spend(items.size());
  const auto count = std::count_if(items.begin(), items.end(),
                                   [&](const Value& item) { return Equals(workspace, item, *bound[0]); });
  return Value(static_cast<Int>(count));
}

Result<Value> SequenceIndex(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("index", arguments, {"value"}, 1));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  workspace.Spend(items.size());
  const auto at = std::find_if(items.begin(), items.end(),
                               [&](const Value& item) { return Equals(workspace, item, *bound[0]); });
  if (at == items.end()) return BadInput("index: value is not in the list");
  return Value(static_cast<Int>(at - items.begin()));
}

// float

Result<Value> FloatIsInteger(Workspace&, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("is_integer", arguments, {}, 0, nullptr));
  return Value(std::isfinite(self.real()) && std::floor(self.real()) == self.real());
}

// The loop variable

Result<Value> LoopCycle(Workspace&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) return TypeError("loop.cycle: no items for cycling given");
  return arguments.positional[self.loop().index0 % arguments.positional.size()];
}

Result<Value> LoopChanged(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Value now, workspace.NewTuple(arguments.positional));
  Loop& loop = self.loop();
  const bool changed = !loop.ever_changed || !Equals(workspace, loop.last_changed, now);
  loop.ever_changed = true;
  loop.last_changed = now;
  return Value(changed);
}

constexpr Method kDictMethods[] = {
    {"clear", nullptr},  {"copy", Copy},         {"get", DictGet},     {"items", DictItems},
    {"keys", DictKeys},  {"pop", nullptr},       {"popitem", nullptr}, {"setdefault", nullptr},
    {"update", nullptr}, {"values", DictValues},
};
constexpr Method kListMethods[] = {
    {"append", nullptr}, {"clear", nullptr},       {"copy", Copy},      {"count", SequenceCount},
    {"extend", nullptr}, {"index", SequenceIndex}, {"insert", nullptr}, {"pop", nullptr},
    {"remove", nullptr}, {"reverse", nullptr},     {"sort", nullptr},
};
constexpr Method kTupleMethods[] = {{"count", SequenceCount}, {"index", SequenceIndex}};
constexpr Method kFloatMethods[] = {{"is_integer", FloatIsInteger}};
constexpr Method kLoopMethods[] = {{"changed", LoopChanged}, {"cycle", LoopCycle}};

}  // namespace

const Method* FindMethod(const Value& value, std::string_view name) {
  switch (value.kind()) {
    case Kind::kText:
      for (const auto methods :
           {TextStripMethods(), TextSearchMethods(), TextCaseMethods(), TextLayoutMethods()}) {
        if (const Method* found = FindIn(methods, name)) return found;
      }
      return nullptr;
    case Kind::kDict:
      return FindIn(kDictMethods, name);
    case Kind::kSequence:
      if (value.sequence().flavor == Flavor::kList) return FindIn(kListMethods, name);
      return value.sequence().flavor <= Flavor::kGroup ? FindIn(kTupleMethods, name) : nullptr;
    case Kind::kRange:
      return FindIn(kTupleMethods, name);
    case Kind::kFloat:
      return FindIn(kFloatMethods, name);
    case Kind::kLoop:
      return FindIn(kLoopMethods, name);
    default:
      return nullptr;
  }
}

}  // namespace tern::jinja
