// Filters that take items and give items: first, sort, unique, batch, groupby, join, sum.

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "text/jinja/access.h"
#include "text/jinja/filters.h"
#include "text/jinja/key_getter.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/text_parts.h"

namespace tern::jinja {
namespace {

bool Flag(const Value* argument) { return argument && Truth(*argument); }

Result<Value> First(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("first", arguments, {}, 0, nullptr));
  if (self.is(Kind::kSequence)) {
    Sequence& sequence = self.sequence();
    if (!sequence.rest().empty()) {
      const Value first = sequence.rest()[0];
      if (sequence.flavor == Flavor::kGenerator) ++sequence.consumed;
      return first;
    }
  }
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  if (!items.empty()) return items[0];
  return workspace.heap().NewUndefined("No first item, sequence was empty.");
}

bool IsGenerator(const Value& value) {
  return value.is(Kind::kSequence) && value.sequence().flavor == Flavor::kGenerator;
}

Result<Value> Last(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("last", arguments, {}, 0, nullptr));
  if (IsGenerator(self)) return TypeError("'generator' object is not reversible");
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  if (!items.empty()) return items.back();
  return workspace.heap().NewUndefined("No last item, sequence was empty.");
}

Result<Value> ToList(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("list", arguments, {}, 0, nullptr));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  workspace.Spend(items.size());
  return workspace.NewList({items.begin(), items.end()});
}

Result<Value> Reverse(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("reverse", arguments, {}, 0, nullptr));
  if (self.is_text()) return GetSlice(workspace, self, Value::None(), Value::None(), Value(Int{-1}));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  workspace.Spend(items.size());
  std::vector<Value> reversed(items.rbegin(), items.rend());
  return IsGenerator(self) ? workspace.NewList(std::move(reversed))
                           : workspace.NewGenerator(std::move(reversed));
}

Result<Value> Sort(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>("sort", arguments, {"reverse", "case_sensitive", "attribute"}));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  TERN_TRY(const KeyGetter key, KeyGetter::Multiple(workspace, bound[2], Flag(bound[1])));
  TERN_TRY(std::vector<Value> sorted, SortByKey(workspace, items, key, Flag(bound[0])));
  return workspace.NewList(std::move(sorted));
}

Result<Value> DictSort(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>("dictsort", arguments, {"case_sensitive", "by", "reverse"}));
  TERN_TRY(const Text* by, TextOr(bound[1], nullptr, "dictsort: by"));
  if (by && by->bytes != "key" && by->bytes != "value") {
    return BadInput("dictsort: you can only sort by either 'key' or 'value'");
  }
  if (!self.is(Kind::kDict)) return TypeError(fmt::format("dictsort: {} is not a mapping", TypeName(self)));
  std::vector<Value> pairs;
  for (const Dict::Entry& entry : self.dict().entries) {
    TERN_TRY(const Value pair, workspace.NewTuple({entry.key, entry.value}));
    pairs.push_back(pair);
  }
  const Value index(Int{by && by->bytes == "value"});
  TERN_TRY(std::vector<Value> sorted,
           SortByKey(workspace, pairs, KeyGetter(&index, Flag(bound[0])), Flag(bound[2])));
  return workspace.NewList(std::move(sorted));
}

Result<Value> Unique(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("unique", arguments, {"case_sensitive", "attribute"}));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  const KeyGetter getter(bound[1], Flag(bound[0]));
  const auto less = [](const Value& a, const Value& b) { return CompareKeys(a, b) < 0; };
  std::set<Value, decltype(less)> seen(less);
  std::vector<Value> kept;
  for (const Value& item : items) {
    TERN_TRY(const Value key, getter.Get(workspace, item));
    if (!IsHashable(key)) return TypeError(fmt::format("unhashable type: '{}'", TypeName(key)));
    workspace.Spend(WeightOf(key));
    if (seen.insert(key).second) kept.push_back(item);
  }
  return workspace.NewGenerator(std::move(kept));
}

Result<Value> Extreme(Workspace& workspace, std::string_view name, const Value& self,
                      const Arguments& arguments, CompareOp better) {
  TERN_TRY(const auto bound, Bind<2>(name, arguments, {"case_sensitive", "attribute"}));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  if (items.empty()) return workspace.heap().NewUndefined("No aggregated item, sequence was empty.");
  const KeyGetter getter(bound[1], Flag(bound[0]));
  size_t best = 0;
  TERN_TRY(Value best_key, getter.Get(workspace, items[0]));
  for (size_t i = 1; i < items.size(); ++i) {
    TERN_TRY(const Value key, getter.Get(workspace, items[i]));
    TERN_TRY(const bool is_better, Compare(workspace, better, key, best_key));
    workspace.Spend(1);
    if (!is_better) continue;
    best = i;
    best_key = key;
  }
  return items[best];
}

Result<Value> Minimum(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return Extreme(workspace, "min", self, arguments, CompareOp::kLess);
}

Result<Value> Maximum(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return Extreme(workspace, "max", self, arguments, CompareOp::kGreater);
}

Result<Value> Sum(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("sum", arguments, {"attribute", "start"}));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  Value total = bound[1] ? *bound[1] : Value(Int{0});
  if (total.is_text()) return TypeError("sum() can't sum strings");
  const KeyGetter getter(bound[0], true);
  for (const Value& item : items) {
    TERN_TRY_STATUS(workspace.Step());
    TERN_TRY(const Value value, getter.Get(workspace, item));
    TERN_TRY(total, Arithmetic(workspace, BinaryOp::kAdd, total, value));
  }
  return total;
}

Result<Value> Join(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("join", arguments, {"d", "attribute"}));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  const KeyGetter getter(bound[1], true);
  std::vector<Value> texts;
  for (const Value& item : items) {
    TERN_TRY(const Value value, getter.Get(workspace, item));
    texts.push_back(ToText(workspace, value));
  }
  const Value separator = bound[0] ? ToText(workspace, *bound[0]) : workspace.NewText(std::string(), true);
  return JoinTexts(workspace, workspace.heap().WithMarkup(separator.text(), false).text(), texts, false);
}

Result<Value> ItemPairs(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("items", arguments, {}, 0, nullptr));
  std::vector<Value> pairs;
  if (!self.is_undefined() && !self.is(Kind::kDict)) {
    return TypeError("Can only get item pairs from a mapping.");
  }
  if (self.is(Kind::kDict)) {
    for (const Dict::Entry& entry : self.dict().entries) {
      TERN_TRY(const Value pair, workspace.NewTuple({entry.key, entry.value}));
      pairs.push_back(pair);
    }
  }
  return workspace.NewGenerator(std::move(pairs));
}

// Lists of `size` items; the last is filled up if there is something to fill it with.
Result<Value> Batch(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("batch", arguments, {"linecount", "fill_with"}, 1));
  TERN_TRY(const int64_t size, IntegerOr(bound[0], 0, "batch: linecount"));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  workspace.Spend(items.size());
  std::vector<Value> batches;
  const size_t step = size > 0 ? static_cast<size_t>(size) : std::max<size_t>(items.size(), 1);
  for (size_t begin = 0; begin < items.size(); begin += std::min(step, items.size() - begin)) {
    const auto part = items.subspan(begin, std::min(step, items.size() - begin));
    std::vector<Value> batch(part.begin(), part.end());
    if (bound[1] && !bound[1]->is_none() && batch.size() < step) {
      TERN_TRY_STATUS(workspace.Reserve(step, sizeof(Value)));
      batch.resize(step, *bound[1]);
    }
    TERN_TRY(const Value list, workspace.NewList(std::move(batch)));
    batches.push_back(list);
  }
  return workspace.NewGenerator(std::move(batches));
}

// A number of columns as even as can be, the longer ones first.
Result<Value> Slice(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>("slice", arguments, {"slices", "fill_with"}, 1));
  TERN_TRY(const int64_t count, IntegerOr(bound[0], 0, "slice: slices"));
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  if (count == 0) return BadInput("slice: division by zero");
  const size_t columns = count > 0 ? static_cast<size_t>(count) : 0;
  TERN_TRY_STATUS(workspace.Reserve(columns, sizeof(Sequence) + sizeof(Value)));
  workspace.Spend(items.size() + columns);
  std::vector<Value> slices;
  size_t begin = 0;
  for (size_t i = 0; i < columns; ++i) {
    const bool is_long = i < items.size() % columns;
    const auto part = items.subspan(begin, items.size() / columns + (is_long ? 1 : 0));
    begin += part.size();
    std::vector<Value> slice(part.begin(), part.end());
    if (bound[1] && !bound[1]->is_none() && !is_long) slice.push_back(*bound[1]);
    TERN_TRY(const Value list, workspace.NewList(std::move(slice)));
    slices.push_back(list);
  }
  return workspace.NewGenerator(std::move(slices));
}

Result<Value> GroupBy(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1));
  const bool case_sensitive = Flag(bound[2]);
  const KeyGetter getter(bound[0], case_sensitive, bound[1]);
  const KeyGetter shown(bound[0], true, bound[1]);
  TERN_TRY(const std::span<const Value> items, Items(workspace, self));
  TERN_TRY(const std::vector<Value> sorted, SortByKey(workspace, items, getter, false));
  std::vector<Value> groups;
  for (size_t begin = 0; begin < sorted.size();) {
    TERN_TRY(const Value key, getter.Get(workspace, sorted[begin]));
    std::vector<Value> members{sorted[begin]};
    while (begin + members.size() < sorted.size()) {
      const Value& next = sorted[begin + members.size()];
      TERN_TRY(const Value next_key, getter.Get(workspace, next));
      if (!Equals(workspace, key, next_key)) break;
      members.push_back(next);
    }
    begin += members.size();
    TERN_TRY(const Value grouper, shown.Get(workspace, members[0]));
    TERN_TRY(const Value list, workspace.NewList(std::move(members)));
    TERN_TRY(const Value group, workspace.heap().NewSequence(Flavor::kGroup, {grouper, list}));
    groups.push_back(group);
  }
  return workspace.NewList(std::move(groups));
}

constexpr NamedBuiltin kFilters[] = {
    {"batch", Batch},     {"dictsort", DictSort}, {"first", First},     {"groupby", GroupBy},
    {"items", ItemPairs}, {"join", Join},         {"last", Last},       {"list", ToList},
    {"max", Maximum},     {"min", Minimum},       {"reverse", Reverse}, {"slice", Slice},
    {"sort", Sort},       {"sum", Sum},           {"unique", Unique},
};

}  // namespace

std::span<const NamedBuiltin> SequenceFilters() { return kFilters; }

}  // namespace tern::jinja
