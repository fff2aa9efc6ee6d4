// The pass of docs/adding-a-pass.md, run on the text that the page shows.

#include <gtest/gtest.h>

#include "graph/pass.h"
#include "graph/rewrite.h"
#include "graph/text.h"

// ---- src/graph/passes/drop_unit_scale.cc
namespace tern {
namespace {

Result<int> Run(Graph& graph, const PassContext&) {
  std::vector<bool> dropped(graph.nodes().size(), false);
  int changes = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (!IsOp(node, "scale") || node.attrs.Float("by", 1) != 1) continue;
    graph.ReplaceUses(node.outputs[0], node.inputs[0]);
    dropped[i] = true;
    ++changes;
  }
  EraseNodes(graph, dropped);
  return changes;
}

}  // namespace
extern const PassDesc k_pass_drop_unit_scale;
const PassDesc k_pass_drop_unit_scale = {
    .name = "drop_unit_scale", .summary = "removes multiplications by one", .run = Run};
}  // namespace tern
// ----

namespace tern {
namespace {

constexpr std::string_view kText = R"(
# drop_unit_scale: a multiplication by one costs a pass over memory and changes nothing.

=== a chain of two
--- before
input %x: f32[T,8]
%a = scale(%x) {by=1.0}
%b = scale(%a) {by=1.0}
%y = silu(%b)
output %y
--- passes: drop_unit_scale
--- after
input %x: f32[T,8]
%y = silu(%x)
output %y

=== not: by two
--- before
input %x: f32[T,8]
%y = scale(%x) {by=2.0}
output %y
--- passes: drop_unit_scale
--- after: unchanged
)";

class AnyTarget : public Target {
 public:
  bool Supports(const OpKey&) const override { return true; }
};

// What stands behind `marker`, up to the next line of dashes.
std::string_view Section(std::string_view text, std::string_view marker) {
  text.remove_prefix(text.find(marker) + marker.size());
  return text.substr(0, text.find("---"));
}

TEST(AddingAPass, TheExampleRewritesAsItsTextSays) {
  const size_t second = kText.find("=== not");
  const std::string_view first = kText.substr(0, second), other = kText.substr(second);
  const AnyTarget target;
  const auto run = [&](std::string_view text, int changes) {
    Graph graph = ParseGraph(Section(text, "--- before\n")).value();
    const auto report = RunPass(k_pass_drop_unit_scale, graph, {.target = target});
    EXPECT_EQ(report.ok() ? report.value().changes : -1, changes);
    return Print(graph);
  };
  EXPECT_EQ(run(first, 2), Print(ParseGraph(Section(first, "--- after\n")).value()));
  EXPECT_EQ(run(other, 0), Print(ParseGraph(Section(other, "--- before\n")).value()));
}

}  // namespace
}  // namespace tern
