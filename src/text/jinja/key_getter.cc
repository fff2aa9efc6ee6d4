#include "text/jinja/key_getter.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "text/jinja/access.h"
#include "text/jinja/operators.h"
#include "text/jinja/text_parts.h"

namespace tern::jinja {

KeyGetter::KeyGetter(const Value* path, bool case_sensitive, const Value* fallback)
    : case_sensitive_(case_sensitive) {
  if (path && !path->is_none()) paths_.push_back(*path);
  if (fallback) fallback_ = *fallback;
}

Result<KeyGetter> KeyGetter::Multiple(Workspace& workspace, const Value* paths, bool case_sensitive) {
  KeyGetter getter(paths, case_sensitive);
  getter.tuples_ = true;
  if (getter.paths_.empty() || !getter.paths_[0].is_text()) return getter;
  const Text& all = getter.paths_[0].text();
  getter.paths_.clear();
  for (size_t begin = 0; begin <= all.bytes.size();) {
    const size_t end = std::min(all.bytes.find(',', begin), all.bytes.size());
    getter.paths_.push_back(workspace.heap().Part(all, begin, end));
    begin = end + 1;
  }
  return getter;
}

Result<Value> KeyGetter::GetOne(Workspace& workspace, const Value& item, const Value* path) const {
  Value key = item;
  if (path) {
    TERN_TRY(key, GetPath(workspace, item, *path, fallback_));
  }
  if (!case_sensitive_ && key.is_text()) return ChangeCase(workspace, key.text(), Case::kLower);
  return key;
}

Result<Value> KeyGetter::Get(Workspace& workspace, const Value& item) const {
  if (!tuples_) return GetOne(workspace, item, paths_.empty() ? nullptr : &paths_[0]);
  std::vector<Value> keys;
  if (paths_.empty()) {
    TERN_TRY(const Value key, GetOne(workspace, item, nullptr));
    keys.push_back(key);
  }
  for (const Value& path : paths_) {
    TERN_TRY(const Value key, GetOne(workspace, item, &path));
    keys.push_back(key);
  }
  return workspace.NewTuple(std::move(keys));
}

Result<std::vector<Value>> SortByKey(Workspace& workspace, std::span<const Value> items, const KeyGetter& key,
                                     bool reverse) {
  std::vector<Value> keys;
  for (const Value& item : items) {
    TERN_TRY(const Value value, key.Get(workspace, item));
    keys.push_back(value);
  }
  workspace.Spend(items.size() * static_cast<size_t>(std::bit_width(items.size())));
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Status failed;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (!failed.ok()) return false;
    const Value& first = keys[reverse ? b : a];
    const Value& second = keys[reverse ? a : b];
    const Result<bool> less = Compare(workspace, CompareOp::kLess, first, second);
    if (!less.ok()) failed = less.error();
    return less.ok() && less.value();
  });
  if (!failed.ok()) return failed.error();
  std::vector<Value> sorted;
  for (size_t i : order) sorted.push_back(items[i]);
  return sorted;
}

}  // namespace tern::jinja
