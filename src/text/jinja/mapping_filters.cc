// Filters that apply another filter or test to each item: map, select, reject, selectattr, rejectattr.

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/key_getter.h"
#include "text/jinja/operators.h"
#include "text/jinja/tests.h"

namespace tern::jinja {
namespace {

// Takes the first positional argument, which names something.
Result<std::string_view> TakeName(std::string_view filter, Arguments* arguments) {
  if (arguments->positional.empty() || !arguments->positional[0].is_text()) {
    return BadInput(fmt::format("{}: a name was expected", filter));
  }
  const std::string_view name = arguments->positional[0].bytes();
  arguments->positional.erase(arguments->positional.begin());
  return name;
}

Result<Value> MapAttribute(Workspace& workspace, std::span<const Value> items, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("map", arguments, {"attribute", "default"}));
  const KeyGetter getter(bound[0], true, bound[1]);
  std::vector<Value> mapped;
  for (const Value& item : items) {
    TERN_TRY_STATUS(workspace.Step());
    TERN_TRY(const Value value, getter.Get(workspace, item));
    mapped.push_back(value);
  }
  return workspace.NewGenerator(std::move(mapped));
}

Result<Value> Map(Workspace& workspace, const Value& self, const Arguments& arguments) {
  if (!Truth(self)) return workspace.NewGenerator({});
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  const bool by_attribute = arguments.positional.empty() &&
                            std::any_of(arguments.named.begin(), arguments.named.end(),
                                        [](const auto& argument) { return argument.first == "attribute"; });
  if (by_attribute) return MapAttribute(workspace, items, arguments);
  Arguments rest = arguments;
  TERN_TRY(const std::string_view name, TakeName("map", &rest));
  const Builtin filter = FindFilter(name);
  if (!filter) return BadInput(fmt::format("No filter named '{}'.", name));
  std::vector<Value> mapped;
  for (const Value& item : items) {
    TERN_TRY_STATUS(workspace.Step());
    TERN_TRY(const Value value, filter(workspace, item, rest));
    mapped.push_back(value);
  }
  return workspace.NewGenerator(std::move(mapped));
}

// Keeps the items whose test (by default: truth) of the item or its attribute gives `keep`.
Result<Value> Selected(Workspace& workspace, std::string_view filter, const Value& self,
                       const Arguments& arguments, bool by_attribute, bool keep) {
  if (!Truth(self)) return workspace.NewGenerator({});
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  Arguments rest = arguments;
  Value path = Value::None();
  if (by_attribute) {
    if (rest.positional.empty()) return BadInput(fmt::format("{}: missing attribute name", filter));
    path = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
  }
  Builtin test = nullptr;
  if (!rest.positional.empty()) {
    TERN_TRY(const std::string_view name, TakeName(filter, &rest));
    test = FindTest(name);
    if (!test) return BadInput(fmt::format("No test named '{}'.", name));
  }
  const KeyGetter getter(&path, true);
  std::vector<Value> selected;
  for (const Value& item : items) {
    TERN_TRY_STATUS(workspace.Step());
    TERN_TRY(Value value, getter.Get(workspace, item));
    if (test) {
      TERN_TRY(value, test(workspace, value, rest));
    }
    if (Truth(value) == keep) selected.push_back(item);
  }
  return workspace.NewGenerator(std::move(selected));
}

Result<Value> Select(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return Selected(workspace, "select", self, arguments, false, true);
}

Result<Value> Reject(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return Selected(workspace, "reject", self, arguments, false, false);
}

Result<Value> SelectAttr(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return Selected(workspace, "selectattr", self, arguments, true, true);
}

Result<Value> RejectAttr(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return Selected(workspace, "rejectattr", self, arguments, true, false);
}

constexpr NamedBuiltin kFilters[] = {
    {"map", Map},       {"reject", Reject},         {"rejectattr", RejectAttr},
    {"select", Select}, {"selectattr", SelectAttr},
};

}  // namespace

std::span<const NamedBuiltin> MappingFilters() { return kFilters; }

}  // namespace tern::jinja
