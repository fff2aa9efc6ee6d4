#include "graph/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "ops/shape_rules.h"

namespace tern {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 24;  // of a weight: texts are small
constexpr size_t kMaxDims = 4;

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-' || c == '/' || c == '+';
}

// One line, read from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool AtEnd() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t' || text_[0] == '\r'))
      text_.remove_prefix(1);
    return text_.empty() || text_[0] == '#';
  }
  bool Eat(char c) {
    if (AtEnd() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  Status Expect(char c) {
    if (Eat(c)) return {};
    return BadInput(fmt::format("expected '{}' {}", c, Where()));
  }
  // Letters, digits and _ . - / +
  Result<std::string> Word(std::string_view what) {
    std::string word;
    if (!AtEnd()) {
      while (!text_.empty() && IsWordChar(text_[0])) {
        word += text_[0];
        text_.remove_prefix(1);
      }
    }
    if (word.empty()) return BadInput(fmt::format("expected {} {}", what, Where()));
    return word;
  }
  // What stands behind an opening quote, up to the closing one.
  Result<std::string> Quoted() {
    std::string s;
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\') text_.remove_prefix(1);
      if (text_.empty()) break;
      s += text_[0];
      text_.remove_prefix(1);
    }
    TERN_TRY_STATUS(Expect('"'));
    return s;
  }
  bool Peek(char c) { return !AtEnd() && text_[0] == c; }
  std::string Where() {
    return AtEnd() ? "at the end of the line" : fmt::format("before \"{}\"", text_.substr(0, 20));
  }

 private:
  std::string_view text_;
};

Result<double> ParseFloat(const std::string& word) {
  char* end = nullptr;
  const double x = std::strtod(word.c_str(), &end);
  if (end != word.c_str() + word.size()) return BadInput(word + ": expected a number");
  return x;
}

Result<int64_t> ParseInt(std::string_view word) {
  int64_t x = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), x);
  if (error != std::errc() || end != word.data() + word.size()) {
    return BadInput(fmt::format("{}: expected a whole number", word));
  }
  return x;
}

Result<int64_t> ParseDim(std::string_view word) {
  if (word == "T") return kDimTokens;
  if (word == "R") return kDimOutputs;
  TERN_TRY(const int64_t d, ParseInt(word));
  if (d < 1 || d > kMaxElements) return BadInput(fmt::format("{}: expected 1 to {}", word, kMaxElements));
  return d;
}

Result<Elem> ParseElem(const std::string& word) {
  for (const Elem elem : {Elem::kF32, Elem::kI32, Elem::kQ8, Elem::kQ16, Elem::kState}) {
    if (ElemName(elem) == word) return elem;
  }
  return BadInput(word + ": expected f32, i32, q8, q16 or state");
}

Result<Shape> ParseShape(Cursor& in) {
  Shape shape;
  TERN_TRY_STATUS(in.Expect('['));
  do {
    TERN_TRY(const std::string word, in.Word("a size, T or R"));
    TERN_TRY(const int64_t d, ParseDim(word));
    shape.push_back(d);
  } while (shape.size() < kMaxDims && in.Eat(','));
  TERN_TRY_STATUS(in.Expect(']'));
  return shape;
}

Result<AttrValue> ParseAttr(Cursor& in) {
  if (in.Eat('"')) {
    TERN_TRY(std::string s, in.Quoted());
    return AttrValue(std::move(s));
  }
  TERN_TRY(const std::string word, in.Word("a number or a string"));
  if (word.find_first_not_of("-0123456789") == word.npos) {
    TERN_TRY(const int64_t i, ParseInt(word));
    return AttrValue(i);
  }
  // Ops compute with floats, and Print writes the shortest digits of a float.
  TERN_TRY(const double x, ParseFloat(word));
  return AttrValue(static_cast<double>(static_cast<float>(x)));
}

Result<Attrs> ParseAttrs(Cursor& in) {
  Attrs attrs;
  if (!in.Eat('{')) return attrs;
  do {
    TERN_TRY(const std::string name, in.Word("an attribute"));
    TERN_TRY_STATUS(in.Expect('='));
    TERN_TRY(AttrValue value, ParseAttr(in));
    attrs.Set(name, std::move(value));
  } while (in.Eat(','));
  TERN_TRY_STATUS(in.Expect('}'));
  return attrs;
}

// Numbers in [-1, 1) that only depend on the name; FNV-1a, so that they are the same everywhere.
std::vector<float> NumbersFrom(std::string_view name, int64_t count) {
  uint32_t seed = 2166136261u;
  for (const char c : name) seed = (seed ^ static_cast<unsigned char>(c)) * 16777619u;
  std::mt19937 random(seed);
  std::vector<float> numbers(static_cast<size_t>(count));
  for (float& x : numbers) x = static_cast<float>(random() >> 8) / 8388608.f - 1.f;
  return numbers;
}

class Parser {
 public:
  Result<Graph> Run(std::string_view text) {
    for (int line = 1; !text.empty(); ++line) {
      const size_t end = std::min(text.find('\n'), text.size());
      if (auto status = ParseLine(Cursor(text.substr(0, end))); !status.ok()) {
        return BadInput(fmt::format("line {}: {}", line, status.error().what));
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    TERN_TRY_STATUS(Verify(graph_));
    return std::move(graph_);
  }

 private:
  Status ParseLine(Cursor in) {
    if (in.AtEnd()) return {};
    if (in.Peek('%')) {
      TERN_TRY_STATUS(ParseNode(in));
    } else {
      TERN_TRY(const std::string word, in.Word("input, weight, output or %value"));
      if (word == "input") {
        TERN_TRY_STATUS(ParseInput(in));
      } else if (word == "weight") {
        TERN_TRY_STATUS(ParseWeight(in));
      } else if (word == "output") {
        TERN_TRY(const ValueId id, ParseRef(in));
        graph_.AddOutput(id);
      } else {
        return BadInput(word + ": expected input, weight, output or %value");
      }
    }
    if (!in.AtEnd()) return BadInput("expected nothing more " + in.Where());
    return {};
  }

  Status Name(const std::string& ref, ValueId id) {
    if (ids_.emplace(ref, id).second) return {};
    return BadInput(ref + ": defined twice");
  }

  Result<std::string> ParseNewName(Cursor& in, char sigil) {
    TERN_TRY_STATUS(in.Expect(sigil));
    return in.Word("a name");
  }

  Result<ValueId> ParseRef(Cursor& in) {
    const char sigil = in.Peek('@') ? '@' : '%';
    TERN_TRY(const std::string name, ParseNewName(in, sigil));
    const auto found = ids_.find(sigil + name);
    if (found == ids_.end()) return BadInput(sigil + name + ": no such value");
    return found->second;
  }

  Status ParseInput(Cursor& in) {
    TERN_TRY(const std::string name, ParseNewName(in, '%'));
    TERN_TRY_STATUS(in.Expect(':'));
    TERN_TRY(const std::string word, in.Word("a type"));
    TERN_TRY(const Elem elem, ParseElem(word));
    ValueType type{.elem = elem, .shape = {}};
    if (elem != Elem::kState) {
      TERN_TRY(type.shape, ParseShape(in));
    }
    return Name("%" + name, graph_.AddInput(name, std::move(type)));
  }

  Status ParseWeight(Cursor& in) {
    TERN_TRY(const std::string name, ParseNewName(in, '@'));
    TERN_TRY_STATUS(in.Expect(':'));
    TERN_TRY(const std::string word, in.Word("a format"));
    const Format* format = FindFormat(word);
    if (format == nullptr) return BadInput(word + ": no such weight format");
    TERN_TRY(const Shape shape, ParseShape(in));
    std::string role;
    Elem activation = Elem::kF32;
    while (!in.AtEnd() && !in.Peek('=')) {
      TERN_TRY(const std::string key, in.Word("role= or as="));
      TERN_TRY_STATUS(in.Expect('='));
      TERN_TRY(const std::string setting, in.Word("a name"));
      if (key == "role") {
        role = setting;
      } else if (key == "as") {
        TERN_TRY(activation, ParseElem(setting));
      } else {
        return BadInput(key + ": expected role or as");
      }
    }
    TERN_TRY(const Tensor tensor, ParseData(in, name, *format, shape));
    const ValueId id = graph_.AddWeight(name, tensor, role);
    graph_.value(id).activation = activation;
    return Name("@" + name, id);
  }

  // [= [1, 2, ...]]
  Result<Tensor> ParseData(Cursor& in, const std::string& name, const Format& format, const Shape& shape) {
    int64_t count = 1;
    for (const int64_t d : shape) {
      count = d > 0 && count <= kMaxElements ? count * d : kMaxElements + 1;
    }
    if (count > kMaxElements) {
      return BadInput(fmt::format("@{}: expected fixed sizes and at most {} elements", name, kMaxElements));
    }
    std::vector<float> numbers;
    if (in.Eat('=')) {
      TERN_TRY_STATUS(in.Expect('['));
      do {
        TERN_TRY(const std::string word, in.Word("a number"));
        TERN_TRY(const double x, ParseFloat(word));
        numbers.push_back(static_cast<float>(x));
      } while (in.Eat(','));
      TERN_TRY_STATUS(in.Expect(']'));
      if (numbers.size() != static_cast<size_t>(count)) {
        return BadInput(fmt::format("@{}: {} numbers, expected {}", name, numbers.size(), count));
      }
    } else {
      numbers = NumbersFrom(name, count);
    }
    return Encode(numbers, format, shape);
  }

  Result<Tensor> Encode(const std::vector<float>& numbers, const Format& format, const Shape& shape) {
    const auto columns = static_cast<size_t>(shape.back());
    const size_t rows = numbers.size() / columns;
    TERN_TRY(const size_t row_bytes, RowBytes(format, columns));
    char* data = static_cast<char*>(graph_.Keep(Buffer(rows * row_bytes)));
    for (size_t r = 0; r < rows; ++r)
      format.encode(numbers.data() + r * columns, nullptr, data + r * row_bytes, columns);
    return Tensor{&format, shape, data};
  }

  // %a[: type], %b[: type] = op(refs) {attrs}
  Status ParseNode(Cursor& in) {
    std::vector<std::string> names, types;
    do {
      TERN_TRY(std::string name, ParseNewName(in, '%'));
      names.push_back("%" + name);
      types.emplace_back();
      if (!in.Eat(':')) continue;
      TERN_TRY(types.back(), ParseTypeText(in));
    } while (in.Eat(','));
    TERN_TRY_STATUS(in.Expect('='));
    TERN_TRY(const std::string op_name, in.Word("an op"));
    const OpDesc* op = FindOp(op_name);
    if (op == nullptr) return BadInput(op_name + ": no such op");
    TERN_TRY_STATUS(in.Expect('('));
    std::vector<ValueId> inputs;
    if (!in.Peek(')')) {
      do {
        TERN_TRY(const ValueId id, ParseRef(in));
        inputs.push_back(id);
      } while (in.Eat(','));
    }
    TERN_TRY_STATUS(in.Expect(')'));
    TERN_TRY(Attrs attrs, ParseAttrs(in));
    TERN_TRY(const std::vector<ValueId> outputs, graph_.Add(*op, std::move(inputs), std::move(attrs)));
    return NameOutputs(names, types, outputs);
  }

  Result<std::string> ParseTypeText(Cursor& in) {
    TERN_TRY(std::string text, in.Word("a type"));
    if (!in.Peek('[')) return text;
    TERN_TRY(const Shape shape, ParseShape(in));
    const Elem any = Elem::kF32;
    const std::string sized = Describe({any, shape, nullptr});
    return text + sized.substr(sized.find('['));
  }

  Status NameOutputs(const std::vector<std::string>& names, const std::vector<std::string>& types,
                     const std::vector<ValueId>& outputs) {
    if (names.size() != outputs.size()) {
      return BadInput(
          fmt::format("{}: {} names, the op makes {} values", names[0], names.size(), outputs.size()));
    }
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string made = Describe(graph_.value(outputs[i]).type);
      if (!types[i].empty() && types[i] != made) {
        return BadInput(fmt::format("{}: type {}, the op makes {}", names[i], types[i], made));
      }
      TERN_TRY_STATUS(Name(names[i], outputs[i]));
    }
    return {};
  }

  Graph graph_;
  std::map<std::string, ValueId> ids_;  // by "%name" or "@name"
};

}  // namespace

Result<Graph> ParseGraph(std::string_view text) { return Parser().Run(text); }

}  // namespace tern
