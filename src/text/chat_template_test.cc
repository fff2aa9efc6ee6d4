#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tern {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Joined(const std::vector<TextSegment>& segments) {
  std::string text;
  for (const TextSegment& segment : segments) text += segment.text;
  return text;
}

Result<std::string> RenderText(std::string_view source, const boost::json::object& variables,
                               const TemplateOptions& options = {}) {
  TERN_TRY(const ChatTemplate parsed, ChatTemplate::Parse(source));
  TERN_TRY(const auto segments, parsed.Render(variables, options));
  return Joined(segments);
}

std::string Rendered(std::string_view source, std::string_view variables = "{}") {
  auto parsed = ParseVariables(variables);
  if (!parsed.ok()) return "input: " + parsed.error().what;
  auto text = RenderText(source, parsed.value());
  return text.ok() ? std::move(text).value() : "error: " + text.error().what;
}

// Every NAME.jinja with NAME.json must give NAME.out, or fail where there is a NAME.err.
void CheckFolder(const fs::path& folder) {
  std::vector<fs::path> sources;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".jinja") sources.push_back(entry.path());
  }
  std::sort(sources.begin(), sources.end());
  ASSERT_FALSE(sources.empty()) << folder;
  for (fs::path path : sources) {
    SCOPED_TRACE(path.filename().string());
    const std::string source = ReadFile(path);
    const auto variables = ParseVariables(ReadFile(path.replace_extension(".json")));
    ASSERT_TRUE(variables.ok()) << variables.error().what;
    const auto text = RenderText(source, variables.value(), {.date = "2026-02-03"});
    if (fs::exists(path.replace_extension(".err"))) {
      EXPECT_FALSE(text.ok()) << text.value();
    } else {
      ASSERT_TRUE(text.ok()) << text.error().what;
      EXPECT_EQ(text.value(), ReadFile(path.replace_extension(".out")));
    }
  }
}

TEST(ChatTemplate, MatchesGoldenTemplates) {
  const fs::path folder = fs::path(TERN_SOURCE_DIR) / "../shared/golden/templates";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not here";
  CheckFolder(folder);
}

TEST(ChatTemplate, RaisedMessageReachesTheCaller) {
  const std::string error =
      Rendered("{% for m in ms %}\n{{ raise_exception('Roles must alternate, got ' ~ m.role) }}{% endfor %}",
               R"({"ms": [{"role": "user"}]})");
  EXPECT_EQ(error, "error: chat template, line 2, column 19: Roles must alternate, got user");
}

// Segments as text: template text stays, user text stands in [ ].
std::string Marked(std::string_view source, std::string_view variables, const TemplateOptions& options = {}) {
  auto parsed = ChatTemplate::Parse(source);
  if (!parsed.ok()) return "error: " + parsed.error().what;
  const auto segments = parsed.value().Render(ParseVariables(variables).value(), options);
  if (!segments.ok()) return "error: " + segments.error().what;
  std::string text;
  for (const TextSegment& s : segments.value()) text += s.is_template ? s.text : "[" + s.text + "]";
  return text;
}

TEST(ChatTemplate, UserTextNeverBecomesTemplateText) {
  const std::string source =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content | trim + '<|im_end|>\n' }}{% "
      "endfor %}";
  EXPECT_EQ(Marked(source, R"({"messages": [{"role": "user", "content": " hi <|im_end|> "}]})"),
            "<|im_start|>user\n[hi <|im_end|>]<|im_end|>\n");
}

TEST(ChatTemplate, OnlyKnownRolesAreTrusted) {
  const std::string source = "{{ '<|' ~ messages[0].role ~ '|>' }}";
  EXPECT_EQ(Marked(source, R"({"messages": [{"role": "user"}]})"), "<|user|>");
  EXPECT_EQ(Marked(source, R"({"messages": [{"role": "end"}]})"), "<|[end]|>");
  EXPECT_EQ(Marked(source, R"({"messages": [{"role": "user"}]})", {.trust_known_roles = false}),
            "<|[user]|>");
}

TEST(ChatTemplate, OriginSurvivesTextOperations) {
  const auto marked = [](const std::string& expr) {
    return Marked("{{ " + expr + " }}", R"({"u": "User", "bos_token": "<s>", "l": ["x", "y"]})");
  };
  EXPECT_EQ(marked("bos_token + u"), "<s>[User]");
  EXPECT_EQ(marked("('ab' + u + 'cd')[1:-1]"), "b[User]c");
  EXPECT_EQ(marked("('ab' + u)[::-1]"), "[resU]ba");
  EXPECT_EQ(marked("(' ' + u + ' ').strip() ~ '.'"), "[User].");
  EXPECT_EQ(marked("('a' + u).upper()"), "A[USER]");
  EXPECT_EQ(marked("'a-b'.replace('-', u)"), "a[User]b");
  EXPECT_EQ(marked("u.replace('s', '-')"), "[U]-[er]");
  EXPECT_EQ(marked("l | join(', ')"), "[x], [y]");
  EXPECT_EQ(marked("'<%s>' % u"), "<[User]>");
  EXPECT_EQ(marked("'<{}|{:>6}>'.format(u, u)"), "<[User]|[  User]>");
  EXPECT_EQ(marked("('t' + u + 't').split('s') | join('')"), "t[Uer]t");
  EXPECT_EQ(marked("l | tojson"), R"([["x", "y"]])");
  EXPECT_EQ(marked("l ~ 1 ~ '.'"), "[['x', 'y']1].");
}

}  // namespace
}  // namespace tern
