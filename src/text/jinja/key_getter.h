#pragma once
// KeyGetter: the `attribute`, `default` and `case_sensitive` arguments that filters over items share.

#include <vector>

#include "text/jinja/workspace.h"

namespace tern::jinja {

class KeyGetter {
 public:
  // A null or none path means the item itself; "a.b" descends.
  KeyGetter(const Value* path, bool case_sensitive, const Value* fallback = nullptr);
  // Keys are tuples: "a,b.c" gives one part per path, so that items sort by the first, then the second.
  static Result<KeyGetter> Multiple(Workspace& workspace, const Value* paths, bool case_sensitive);

  Result<Value> Get(Workspace& workspace, const Value& item) const;

 private:
  Result<Value> GetOne(Workspace& workspace, const Value& item, const Value* path) const;

  std::vector<Value> paths_;
  bool case_sensitive_;
  bool tuples_ = false;
  Value fallback_ = Value::None();
};

// The items in the order of their keys; equal ones stay in their order, reversed or not.
Result<std::vector<Value>> SortByKey(Workspace& workspace, std::span<const Value> items, const KeyGetter& key,
                                     bool reverse);

}  // namespace tern::jinja
