#include "text/jinja/from_json.h"

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

namespace json = boost::json;

// What callers pass from the tokenizer's own settings.
constexpr std::string_view kTokenVariables[] = {"bos_token", "cls_token",   "eog_token",  "eos_token",
                                                "eot_token", "image_token", "mask_token", "pad_token",
                                                "sep_token", "unk_token"};
constexpr std::string_view kRoles[] = {"assistant", "developer", "function", "ipython",
                                       "model",     "system",    "tool",     "user"};

template <size_t N>
bool IsOneOf(const std::string_view (&list)[N], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

class Converter {
 public:
  Converter(Workspace* workspace, bool trust_roles) : workspace_(*workspace), trust_roles_(trust_roles) {}

  Result<Value> Variables(const json::object& variables) { return DictOf(variables, 0, ""); }

 private:
  // `depth` counts the containers around `value`; `top` is the variable it belongs to, `key` its own.
  Result<Value> Convert(const json::value& value, int depth, std::string_view top, std::string_view key) {
    switch (value.kind()) {
      case json::kind::null:
        return Value::None();
      case json::kind::bool_:
        return Value(value.get_bool());
      case json::kind::int64:
        return Value(Int{value.get_int64()});
      case json::kind::uint64:
        return Value(Int{value.get_uint64()});
      case json::kind::double_:
        return Value(value.get_double());
      case json::kind::string:
        return TextOf(value.get_string(), IsTemplate(value.get_string(), depth, top, key));
      case json::kind::array:
        return ListOf(value.get_array(), depth, top);
      case json::kind::object:
        return DictOf(value.get_object(), depth, top);
    }
    return Value::None();
  }

  bool IsTemplate(std::string_view text, int depth, std::string_view top, std::string_view key) const {
    if (depth == 1) return IsOneOf(kTokenVariables, key);
    return trust_roles_ && depth == 3 && top == "messages" && key == "role" && IsOneOf(kRoles, text);
  }

  Value TextOf(std::string_view text, bool is_template) {
    if (IsValidUtf8(text)) return workspace_.heap().BorrowText(text, is_template);
    return workspace_.NewText(RepairUtf8(text), is_template);
  }

  static Status CheckDepth(int depth) {
    if (depth < Heap::kMaxDepth) return {};
    return BadInput(fmt::format("variables: nested deeper than {}", Heap::kMaxDepth));
  }

  Result<Value> ListOf(const json::array& array, int depth, std::string_view top) {
    TERN_TRY_STATUS(CheckDepth(depth));
    std::vector<Value> items;
    items.reserve(array.size());
    for (const json::value& item : array) {
      TERN_TRY(const Value value, Convert(item, depth + 1, top, ""));
      items.push_back(value);
    }
    return workspace_.NewList(std::move(items));
  }

  Result<Value> DictOf(const json::object& object, int depth, std::string_view top) {
    TERN_TRY_STATUS(CheckDepth(depth));
    std::vector<Dict::Entry> entries;
    entries.reserve(object.size());
    for (const auto& item : object) {
      const std::string_view key = item.key();
      TERN_TRY(const Value value, Convert(item.value(), depth + 1, depth == 0 ? key : top, key));
      entries.push_back({TextOf(key, false), value});
    }
    return workspace_.heap().NewDict(std::move(entries));
  }

  Workspace& workspace_;
  const bool trust_roles_;
};

}  // namespace

bool IsTokenVariable(std::string_view name) { return IsOneOf(kTokenVariables, name); }

Result<Value> VariablesFromJson(Workspace& workspace, const boost::json::object& variables,
                                bool trust_roles) {
  return Converter(&workspace, trust_roles).Variables(variables);
}

}  // namespace tern::jinja
