#include <fmt/format.h>

#include <string>

#include "graph/graph.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

constexpr int64_t kMaxPrintedElements = 8;

// The shortest digits that give the number back; a float-valued attribute (eps) prints as the float it is.
std::string FloatText(double x) {
  const auto narrow = static_cast<float>(x);
  std::string text = static_cast<double>(narrow) == x ? fmt::format("{}", narrow) : fmt::format("{}", x);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string StringText(std::string_view s) {
  std::string text = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

std::string AttrText(const AttrValue& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return fmt::format("{}", *i);
  if (const auto* f = std::get_if<double>(&value)) return FloatText(*f);
  return StringText(std::get<std::string>(value));
}

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph), refs_(graph.value_count()) {}

  std::string Run() {
    for (const ValueId id : graph_.inputs()) {
      Ref(id) = "%" + graph_.value(id).name;
      text_ += fmt::format("input {}: {}\n", Ref(id), Describe(graph_.value(id).type));
    }
    for (const Node& node : graph_.nodes()) {
      for (const ValueId id : node.inputs) PrintWeight(id);
    }
    for (const ValueId id : graph_.outputs()) PrintWeight(id);
    for (const Node& node : graph_.nodes()) PrintNode(node);
    for (const ValueId id : graph_.outputs()) text_ += "output " + Ref(id) + "\n";
    return std::move(text_);
  }

 private:
  std::string& Ref(ValueId id) { return refs_[static_cast<size_t>(id)]; }

  void PrintWeight(ValueId id) {
    const Value& value = graph_.value(id);
    if (!value.is_weight() || !Ref(id).empty()) return;
    Ref(id) = "@" + value.name;
    text_ += fmt::format("weight {}: {}", Ref(id), Describe(value.type));
    if (!value.role.empty()) text_ += " role=" + value.role;
    if (value.activation != Elem::kF32) text_ += fmt::format(" as={}", ElemName(value.activation));
    PrintSmallData(value);
    text_ += '\n';
  }

  // What a test about constants wants to see; a real weight is too long.
  void PrintSmallData(const Value& value) {
    const int64_t n = Elements(value.type.shape);
    if (value.data == nullptr || value.type.format != &F32() || n > kMaxPrintedElements) return;
    text_ += " = [";
    for (int64_t i = 0; i < n; ++i) {
      text_ += fmt::format("{}{}", i == 0 ? "" : ", ", static_cast<const float*>(value.data)[i]);
    }
    text_ += ']';
  }

  void PrintNode(const Node& node) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      Ref(id) = fmt::format("%{}", next_++);
      text_ += fmt::format("{}{}: {}", i == 0 ? "" : ", ", Ref(id), Describe(graph_.value(id).type));
    }
    text_ += fmt::format(" = {}(", node.op->name);
    for (size_t i = 0; i < node.inputs.size(); ++i) text_ += (i == 0 ? "" : ", ") + Ref(node.inputs[i]);
    text_ += ')';
    const char* separator = " {";
    for (const auto& [name, value] : node.attrs.all()) {
      text_ += separator + name + "=" + AttrText(value);
      separator = ", ";
    }
    text_ += node.attrs.all().empty() ? "\n" : "}\n";
  }

  const Graph& graph_;
  std::vector<std::string> refs_;  // by ValueId, "" until printed
  int next_ = 0;
  std::string text_;
};

}  // namespace

std::string Print(const Graph& graph) { return Printer(graph).Run(); }

}  // namespace tern
