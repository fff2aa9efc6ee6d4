#include "graph/text.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

std::string ParseError(std::string_view text) {
  const auto graph = ParseGraph(text);
  return graph.ok() ? "" : graph.error().what;
}

TEST(ParseGraph, ReadsWhatPrintWrites) {
  const char* text =
      "input %tokens: i32[T]\n"
      "input %q: q16[R,64]\n"
      "weight @table: q8_0[50,64]\n"
      "weight @blk.0.w: q4_k[32,256] role=attn_v as=q16\n"
      "weight @b: f32[2] = [0.5, -1e-09]\n"
      "%0: f32[T,64] = embed(%tokens, @table) {scale=0.1}\n"
      "%1: f32[T,64] = rms_norm(%0, @b) {eps=1e-05, name=\"a \\\"quoted\\\" word\"}\n"
      "%2: state = kv_append(%1, %0) {layer=3}\n"
      "output %1\n";
  const auto graph = ParseGraph(text);
  ASSERT_TRUE(graph.ok()) << graph.error().what;
  // A weight that nothing reads and an input that is not used: one is gone, the other is part of the
  // contract.
  const std::string printed = Print(graph.value());
  EXPECT_EQ(printed.find("@blk.0.w"), printed.npos);
  EXPECT_NE(printed.find("input %q: q16[R,64]\n"), printed.npos);
  const auto again = ParseGraph(printed);
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_EQ(Print(again.value()), printed);
  EXPECT_NE(printed.find("%1: f32[T,64] = rms_norm(%0, @b) {eps=1e-05, name=\"a \\\"quoted\\\" word\"}\n"),
            printed.npos);
}

TEST(ParseGraph, TheSameNameMakesTheSameNumbers) {
  const char* text = "input %x: f32[T,64]\nweight @w: f32[64]\n%y = rms_norm(%x, @w)\noutput %y\n";
  const Graph a = ParseGraph(text).value(), b = ParseGraph(text).value();
  const auto* x = static_cast<const float*>(a.value(1).data);
  const auto* y = static_cast<const float*>(b.value(1).data);
  EXPECT_TRUE(std::equal(x, x + 64, y));
  EXPECT_NE(x[0], x[1]);
}

TEST(ParseGraph, ErrorsNameTheLineAndWhatWasExpected) {
  EXPECT_EQ(ParseError("\n# a comment\noutput %y\n"), "line 3: %y: no such value");
  EXPECT_EQ(ParseError("input x: f32[T,4]\n"), "line 1: expected '%' before \"x: f32[T,4]\"");
  EXPECT_EQ(ParseError("input %x: f64[T,4]\n"), "line 1: f64: expected f32, i32, q8, q16 or state");
  EXPECT_EQ(ParseError("input %x: f32[T,0]\n"), "line 1: 0: expected 1 to 16777216");
  EXPECT_EQ(ParseError("input %x: f32[T,99999999999999999999]\n"),
            "line 1: 99999999999999999999: expected a whole number");
  EXPECT_EQ(ParseError("input %x: f32[T,4\n"), "line 1: expected ']' at the end of the line");
  EXPECT_EQ(ParseError("input %x: f32[T,4] more\n"), "line 1: expected nothing more before \"more\"");
  EXPECT_EQ(ParseError("input %x: f32[T,4]\ninput %x: f32[T,4]\n"), "line 2: %x: defined twice");
  EXPECT_EQ(ParseError("frobnicate\n"), "line 1: frobnicate: expected input, weight, output or %value");
  EXPECT_EQ(ParseError("weight @w: q9_9[4]\n"), "line 1: q9_9: no such weight format");
  EXPECT_EQ(ParseError("weight @w: f32[2] = [1]\n"), "line 1: @w: 1 numbers, expected 2");
  EXPECT_EQ(ParseError("weight @w: f32[T,4]\n"),
            "line 1: @w: expected fixed sizes and at most 16777216 elements");
  EXPECT_EQ(ParseError("weight @w: f32[16777216,16777216,16777216,16777216]\n"),
            "line 1: @w: expected fixed sizes and at most 16777216 elements");
  EXPECT_EQ(ParseError("input %x: f32[T,4]\n%y = sliu(%x)\n"), "line 2: sliu: no such op");
  EXPECT_EQ(ParseError("input %x: f32[T,4]\n%y: f32[T,5] = silu(%x)\n"),
            "line 2: %y: type f32[T,5], the op makes f32[T,4]");
  EXPECT_EQ(ParseError("input %x: f32[T,4]\n%y, %z = silu(%x)\n"),
            "line 2: %y: 2 names, the op makes 1 values");
  EXPECT_EQ(ParseError("input %x: f32[T,4]\n%y = add(%x)\n"), "line 2: add(x): 1 inputs, expected 2");
  EXPECT_EQ(ParseError("input %x: f32[T,4]\n%y = scale(%x) {by=two}\n"), "line 2: two: expected a number");
  EXPECT_EQ(ParseError("input %x: f32[T,4]\n%y = scale(%x) {by=\"2}\n"),
            "line 2: expected '\"' at the end of the line");
}

TEST(ParseGraph, RowsOfQuantizedWeightsMustFillBlocks) {
  EXPECT_NE(ParseError("weight @w: q4_0[2,33]\n").find("line 1: "), std::string::npos);
}

}  // namespace
}  // namespace tern
