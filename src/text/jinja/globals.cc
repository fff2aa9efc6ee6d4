#include "text/jinja/globals.h"

#include <fmt/core.h>

#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace tern::jinja {
namespace {

Result<Value> MakeRange(Workspace& workspace, const Value&, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>("range", arguments, {"start", "stop", "step"}, 1));
  TERN_TRY(const int64_t first, IntegerOr(bound[0], 0, "range"));
  TERN_TRY(const int64_t second, IntegerOr(bound[1], 0, "range"));
  TERN_TRY(const int64_t step, IntegerOr(bound[2], 1, "range"));
  if (step == 0) return BadInput("range: the step must not be zero");
  const Range range{bound[1] ? first : 0, bound[1] ? second : first, step};
  const int64_t most = workspace.limits().max_range;
  if (range.size() > most) {
    return Exhausted(fmt::format("range: {} elements, expected at most {}", range.size(), most));
  }
  return workspace.heap().NewRange(range);
}

// The entries that dict(...) and namespace(...) are made of.
Result<std::vector<Dict::Entry>> Entries(Workspace& workspace, std::string_view name,
                                         const Arguments& arguments) {
  std::vector<Dict::Entry> entries;
  if (arguments.positional.size() > 1) {
    return TypeError(fmt::format("{}: at most 1 positional argument expected", name));
  }
  if (!arguments.positional.empty() && arguments.positional[0].is_undefined()) {
    return UndefinedError(arguments.positional[0]);
  }
  if (!arguments.positional.empty() && arguments.positional[0].is(Kind::kDict)) {
    entries = arguments.positional[0].dict().entries;
  } else if (!arguments.positional.empty()) {
    TERN_TRY(const std::span<const Value> items, Items(workspace, arguments.positional[0]));
    for (const Value& item : items) {
      TERN_TRY(const std::span<const Value> pair, Items(workspace, item));
      if (pair.size() != 2) return BadInput(fmt::format("{}: pairs of key and value expected", name));
      if (!IsHashable(pair[0])) return TypeError(fmt::format("unhashable type: '{}'", TypeName(pair[0])));
      entries.push_back({pair[0], pair[1]});
    }
  }
  workspace.Spend(entries.size());
  for (size_t i = 0; i < arguments.named.size(); ++i) {
    entries.push_back({NameOf(workspace, arguments, i), arguments.named[i].second});
  }
  return entries;
}

Result<Value> MakeDict(Workspace& workspace, const Value&, const Arguments& arguments) {
  TERN_TRY(std::vector<Dict::Entry> entries, Entries(workspace, "dict", arguments));
  return workspace.heap().NewDict(std::move(entries));
}

Result<Value> MakeNamespace(Workspace& workspace, const Value&, const Arguments& arguments) {
  TERN_TRY(std::vector<Dict::Entry> entries, Entries(workspace, "namespace", arguments));
  TERN_TRY(const Value dict, workspace.heap().NewDict(std::move(entries)));  // the last of equal keys wins
  std::vector<std::pair<std::string_view, Value>> attributes;
  for (const Dict::Entry& entry : dict.dict().entries) {
    if (!entry.key.is_text()) return TypeError("namespace: names must be strings");
    if (entry.key.bytes().starts_with('_')) {
      return BadInput(
          fmt::format("namespace: names with a leading underscore are not allowed: {}", entry.key.bytes()));
    }
    attributes.emplace_back(entry.key.bytes(), entry.value);
  }
  return workspace.heap().NewNamespace(std::move(attributes));
}

Result<Value> RaiseException(Workspace& workspace, const Value&, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("raise_exception", arguments, {"message"}, 1));
  return BadInput(std::string(ToText(workspace, *bound[0]).bytes()));
}

Result<Value> StrftimeNow(Workspace& workspace, const Value&, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("strftime_now", arguments, {"format"}, 1));
  TERN_TRY(const Text* format, TextOr(bound[0], nullptr, "strftime_now: format"));
  workspace.Spend(format->bytes.size());
  TextBuilder builder;
  builder.AppendDerived(FormatTime(workspace.now(), format->bytes), *format);
  return workspace.NewText(std::move(builder));
}

constexpr NamedBuiltin kGlobals[] = {
    {"dict", MakeDict},   {"namespace", MakeNamespace},  {"raise_exception", RaiseException},
    {"range", MakeRange}, {"strftime_now", StrftimeNow},
};

}  // namespace

const NamedBuiltin* FindGlobal(std::string_view name) { return FindIn(kGlobals, name); }

}  // namespace tern::jinja
