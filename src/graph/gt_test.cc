// Runs tests/graph/*.gt: a graph before, passes, the graph after (docs/formats/gt.md). Where the passes are
// equivalent rewrites, both graphs are also computed by the references and must agree.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "graph/pass.h"
#include "graph/run_reference.h"
#include "graph/text.h"

namespace tern {
namespace {

constexpr double kRounding = 1e-5;  // of the largest |y|: fused ops round to float less often

struct Case {
  std::string file, title;
  std::string before, after;
  std::vector<std::string> passes, unsupported, granted;
  std::string precision = "default", kv;
  std::optional<double> tolerance;
  bool unchanged = false;
  std::string error;  // of the text itself
};

std::string Trim(const std::string& s) {
  const size_t begin = s.find_first_not_of(" \t\r"), end = s.find_last_not_of(" \t\r");
  return begin == s.npos ? "" : s.substr(begin, end - begin + 1);
}

std::vector<std::string> SplitList(const std::string& s) {
  std::vector<std::string> items;
  std::istringstream in(s);
  for (std::string item; std::getline(in, item, ',');) items.push_back(Trim(item));
  return items;
}

// "--- name: value". Returns the text that following lines belong to, if any.
std::string* ReadSection(Case& c, const std::string& line) {
  const size_t colon = line.find(':');
  const std::string name = Trim(line.substr(3, colon == line.npos ? line.npos : colon - 3));
  const std::string value = colon == line.npos ? "" : Trim(line.substr(colon + 1));
  if (name == "before") return &c.before;
  if (name == "after") {
    c.unchanged = value == "unchanged";
    return &c.after;
  }
  if (name == "passes") {
    c.passes = SplitList(value);
  } else if (name == "unsupported") {
    c.unsupported = SplitList(value);
  } else if (name == "granted") {
    c.granted = SplitList(value);
  } else if (name == "precision") {
    c.precision = value;
  } else if (name == "kv") {
    c.kv = value;
  } else if (name == "tolerance") {
    c.tolerance = std::stod(value);
  } else {
    c.error = "unknown section: " + line;
  }
  return nullptr;
}

std::vector<Case> ReadCases(const std::string& file, std::istream& in) {
  std::vector<Case> cases;
  std::string* text = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== ")) {
      cases.emplace_back();
      cases.back().file = file;
      cases.back().title = Trim(line.substr(4));
      text = nullptr;
    } else if (line.starts_with("---") && !cases.empty()) {
      text = ReadSection(cases.back(), line);
    } else if (text != nullptr) {
      *text += line + "\n";
    }
  }
  return cases;
}

std::string Folder() { return std::string(TERN_SOURCE_DIR) + "/tests/graph"; }

std::vector<Case> AllCases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    if (entry.path().extension() == ".gt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Case> cases;
  for (const auto& path : paths) {
    std::ifstream in(path);
    for (Case& c : ReadCases(path.stem(), in)) cases.push_back(std::move(c));
  }
  return cases;
}

// A device that has everything but what the case says: "op", or "op/variant".
class PickyTarget : public Target {
 public:
  explicit PickyTarget(const std::vector<std::string>& unsupported) : unsupported_(unsupported) {}
  bool Supports(const OpKey& key) const override {
    std::string name(key.op);
    if (!key.variant.empty()) name += "/" + std::string(key.variant);
    const std::string form = std::string(key.op) + "/" + std::string(ElemName(key.activation));
    return std::find(unsupported_.begin(), unsupported_.end(), name) == unsupported_.end() &&
           (!key.variant.empty() ||
            std::find(unsupported_.begin(), unsupported_.end(), form) == unsupported_.end());
  }

 private:
  const std::vector<std::string>& unsupported_;
};

const PassDesc* FindPass(std::string_view name) {
  for (const PassDesc* pass : AllPasses()) {
    if (pass->name == name) return pass;
  }
  return nullptr;
}

// What a graph computes for one sequence of five tokens, two of whose rows are wanted.
class Execution {
 public:
  explicit Execution(const Graph& graph) : graph_(graph) {
    for (const Node& node : graph.nodes()) {
      if (node.op->name == "kv_append") AddKvLayer(node);
    }
    for (const Node& node : graph.nodes()) {
      if (node.op->name == "attention") ShapeKvLayer(node.attrs);
    }
  }

  Result<std::vector<std::vector<float>>> Run() {
    KvStore kv(layers_, KvType::kF32, 2);
    ReferenceInputs inputs{.batch = {tokens_, positions_, output_rows_, sequences_}, .kv = &kv, .rows = {}};
    for (const ValueId id : graph_.inputs()) {
      const Value& value = graph_.value(id);
      if (value.type.elem == Elem::kI32) continue;
      std::vector<float>& rows = inputs.rows[value.name];
      rows.resize(ValueBytes({Elem::kF32, value.type.shape}, {.tokens = 5, .outputs = 2}) / sizeof(float));
      for (size_t i = 0; i < rows.size(); ++i) rows[i] = std::sin(static_cast<float>(i * i + rows.size()));
    }
    return RunReference(graph_, inputs);
  }

 private:
  // One head as wide as the rows, unless attention says more.
  void AddKvLayer(const Node& append) {
    const auto layer = static_cast<size_t>(append.attrs.Int("layer"));
    if (layers_.size() <= layer) layers_.resize(layer + 1, {1, 1});
    const auto columns = [&](size_t i) {
      return static_cast<int>(graph_.value(append.inputs[i]).type.shape.back());
    };
    layers_[layer] = {1, columns(0), columns(1)};
  }
  void ShapeKvLayer(const Attrs& attrs) {
    layers_[static_cast<size_t>(attrs.Int("layer"))] = {static_cast<int>(attrs.Int("kv_heads")),
                                                        static_cast<int>(attrs.Int("head_dim")),
                                                        static_cast<int>(attrs.Int("v_dim", 0))};
  }

  const Graph& graph_;
  std::vector<KvLayer> layers_;
  const std::vector<int32_t> tokens_{3, 1, 2, 0, 1}, positions_{0, 1, 2, 3, 4}, output_rows_{1, 4},
      blocks_{1};
  const std::vector<SequenceSpan> sequences_{
      {.first_row = 0, .rows = 5, .first_position = 0, .blocks = blocks_}};
};

void ExpectSameResults(const Graph& before, const Graph& after, double tolerance) {
  const auto a = Execution(before).Run(), b = Execution(after).Run();
  ASSERT_TRUE(a.ok()) << "before: " << a.error().what;
  ASSERT_TRUE(b.ok()) << "after: " << b.error().what;
  ASSERT_EQ(a.value().size(), b.value().size()) << "graph outputs";
  for (size_t i = 0; i < a.value().size(); ++i) {
    const std::vector<float>&x = a.value()[i], &y = b.value()[i];
    ASSERT_EQ(x.size(), y.size()) << "output " << i;
    double largest = 0, difference = 0;
    for (size_t j = 0; j < x.size(); ++j) {
      largest = std::max(largest, std::abs(static_cast<double>(x[j])));
      difference = std::max(difference, std::abs(static_cast<double>(x[j]) - y[j]));
    }
    EXPECT_GT(largest, 0) << "output " << i << " is all zero: nothing was compared";
    EXPECT_LE(difference, tolerance * largest) << "output " << i << " changed";
  }
}

// Runs the passes; the budgets of those that may change results.
Result<std::string> RunNamed(const Case& c, const std::string& name, Graph& graph) {
  TERN_TRY(const Precision precision, ParsePrecision(c.precision));
  const PickyTarget target(c.unsupported);
  const PassContext context{
      .target = target, .precision = precision, .granted = c.granted, .int8_kv = c.kv == "int8"};
  std::string budget;
  for (const PassDesc* pass : AllPasses()) {
    if (name == "all") budget += pass->budget;
  }
  if (name == "all") {
    TERN_TRY([[maybe_unused]] const auto reports, RunPasses(graph, context));
    return budget;
  }
  const PassDesc* pass = FindPass(name);
  if (pass == nullptr) return NotFound(name + ": no such pass");
  TERN_TRY([[maybe_unused]] const PassReport report, RunPass(*pass, graph, context));
  return std::string(pass->budget);
}

void RunCase(const Case& c) {
  ASSERT_EQ(c.error, "");
  ASSERT_FALSE(c.passes.empty()) << "no passes";
  auto before = ParseGraph(c.before);
  ASSERT_TRUE(before.ok()) << "before: " << before.error().what;
  auto after = ParseGraph(c.unchanged ? c.before : c.after);
  ASSERT_TRUE(after.ok()) << "after: " << after.error().what;
  Graph graph = before.value();
  std::string budget;
  for (const std::string& name : c.passes) {
    const auto result = RunNamed(c, name, graph);
    ASSERT_TRUE(result.ok()) << result.error().what;
    budget += result.value();
  }
  EXPECT_EQ(Print(graph), Print(after.value()));
  if (!budget.empty() && !c.tolerance) return;
  ExpectSameResults(before.value(), graph, c.tolerance.value_or(kRounding));
}

class GraphText : public testing::TestWithParam<Case> {};

TEST_P(GraphText, RewritesAsWritten) { RunCase(GetParam()); }

std::string TestName(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.file + "__" + info.param.title;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, GraphText, testing::ValuesIn(AllCases()), TestName);

// The runner itself must notice: another graph, other numbers, a text that does not parse.
const Case kWrong = [] {
  Case c;
  c.before = "input %x: f32[T,8]\n%y = silu(%x)\noutput %y\n";
  c.after = "input %x: f32[T,8]\n%y = gelu(%x)\noutput %y\n";
  c.passes = {"drop_dead_nodes"};
  return c;
}();

TEST(GraphTexts, AnotherGraphAfterIsAFailure) {
  EXPECT_NONFATAL_FAILURE(RunCase(kWrong), "%0: f32[T,8] = gelu(%x)");
}

TEST(GraphTexts, OtherNumbersAreAFailure) {
  static const Graph before = ParseGraph(kWrong.before).value(), after = ParseGraph(kWrong.after).value();
  EXPECT_NONFATAL_FAILURE(ExpectSameResults(before, after, kRounding), "output 0 changed");
}

TEST(GraphTexts, EveryPassHasAFile) {
  for (const PassDesc* pass : AllPasses()) {
    EXPECT_TRUE(std::filesystem::exists(Folder() + "/" + std::string(pass->name) + ".gt")) << pass->name;
  }
}

}  // namespace
}  // namespace tern
