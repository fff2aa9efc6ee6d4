#include "text/hf/json_node.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "text/vocabulary.h"

namespace tern {
namespace {

const boost::json::value kNull;

std::string_view KindOf(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "missing or null";
    case boost::json::kind::bool_:
      return "a bool";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return "an integer";
    case boost::json::kind::double_:
      return "a number";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
  }
  return "";
}

}  // namespace

JsonNode JsonNode::operator[](std::string_view key) const {
  const boost::json::value* member = value_->is_object() ? value_->get_object().if_contains(key) : nullptr;
  return {member == nullptr ? &kNull : member, fmt::format("{}.{}", path_, key), file_size_};
}

JsonNode JsonNode::operator[](size_t index) const {
  const boost::json::value* item = value_->is_array() ? value_->get_array().if_contains(index) : nullptr;
  return {item == nullptr ? &kNull : item, fmt::format("{}[{}]", path_, index), file_size_};
}

Result<std::string> JsonNode::Str() const {
  if (!value_->is_string()) return Not("a string");
  return std::string(value_->get_string());
}

Result<std::string> JsonNode::Str(std::string_view fallback) const {
  return is_null() ? Result<std::string>(std::string(fallback)) : Str();
}

Result<bool> JsonNode::Bool() const {
  if (!value_->is_bool()) return Not("a bool");
  return value_->get_bool();
}

Result<bool> JsonNode::Bool(bool fallback) const { return is_null() ? Result<bool>(fallback) : Bool(); }

Result<int64_t> JsonNode::Int(int64_t least, int64_t most) const {
  if (!value_->is_int64() && !value_->is_uint64()) return Not("an integer");
  const bool fits = value_->is_int64() && value_->get_int64() >= least && value_->get_int64() <= most;
  if (fits) return value_->get_int64();
  const std::string number =
      value_->is_int64() ? fmt::format("{}", value_->get_int64()) : fmt::format("{}", value_->get_uint64());
  return Bad(fmt::format("{}, expected {} to {}", number, least, most));
}

Result<double> JsonNode::Float() const {
  if (value_->is_double()) return value_->get_double();
  if (value_->is_int64()) return static_cast<double>(value_->get_int64());
  if (value_->is_uint64()) return static_cast<double>(value_->get_uint64());
  return Not("a number");
}

Result<const boost::json::object*> JsonNode::Object() const {
  if (!value_->is_object()) return Not("an object");
  return &value_->get_object();
}

Result<const boost::json::array*> JsonNode::Array() const {
  if (!value_->is_array()) return Not("an array");
  return &value_->get_array();
}

Result<std::vector<JsonNode>> JsonNode::Items() const {
  std::vector<JsonNode> items;
  if (is_null()) return items;
  TERN_TRY(const auto* array, Array());
  for (size_t i = 0; i < array->size(); ++i) items.push_back((*this)[i]);
  return items;
}

Result<std::vector<std::string>> JsonNode::Strings() const {
  std::vector<std::string> strings;
  TERN_TRY(const std::vector<JsonNode> items, Items());
  for (const JsonNode& item : items) {
    TERN_TRY(std::string text, item.Str());
    strings.push_back(std::move(text));
  }
  return strings;
}

std::string JsonNode::Where() const {
  if (path_.size() == file_size_) return path_;
  const std::string_view inside = std::string_view(path_).substr(file_size_);
  return fmt::format("{}: {}", path_.substr(0, file_size_), inside.substr(inside[0] == '.' ? 1 : 0));
}

Error JsonNode::Bad(std::string_view problem) const {
  return BadInput(fmt::format("{}: {}", Where(), problem));
}

Error JsonNode::Unknown(std::string_view problem) const {
  return Unsupported(fmt::format("{}: {}", Where(), problem));
}

Error JsonNode::Not(std::string_view expected) const {
  return Bad(fmt::format("is {}, expected {}", KindOf(*value_), expected));
}

}  // namespace tern
