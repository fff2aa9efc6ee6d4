// Thousands of broken templates: each must be refused, or render, in time, and an error must be one line that
// says where. Mutates the templates of families/, and adds what was made to hurt.
//
//   broken_templates FOLDER [--count N] [--write DIR]     DIR gets them as files, seeds for the fuzzer

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>
#include <sstream>

#include "sanitized.h"
#include "text/chat_template.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxSeconds = kSanitized ? 20 : 1;
constexpr const char* kWords[] = {
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "'",
    "\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    ".",
    ",",
    "=",
    "endif",
    "endfor",
    "else",
    "{% raw %}",
    "loop",
    "loop(x)",
    "none",
    "\\",
    "\\u12",
    "\n",
    "\xC3",
    "999999999999999999999",
    "1e999",
    "-1",
    "messages",
    "namespace(",
    "**",
    "~",
    "is",
    "not",
    "{% break %}",
    "{% macro f(a) %}",
    "{% endmacro %}",
    "{% call f() %}",
    "{% filter x %}",
    "|tojson(indent=99999)",
    "[::0]",
};

std::string Repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// What was made to hurt: depth, breadth, growth, loops without end.
std::vector<std::string> Hurtful() {
  std::vector<std::string> made;
  for (const size_t n : {10, 199, 1000, 100'000}) {
    made.push_back("{{ " + Repeated("(", n) + "1" + Repeated(")", n) + " }}");
    made.push_back("{{ " + Repeated("[", n) + Repeated("]", n) + " }}");
    made.push_back("{{ " + Repeated("not ", n) + "1 }}");
    made.push_back("{{ " + Repeated("-", n) + "1 }}");
    made.push_back("{{ 1" + Repeated("+1", n) + " }}");
    made.push_back("{{ 1" + Repeated("~1", n) + " }}");
    made.push_back("{{ 1" + Repeated(" ** 1", n) + " }}");
    made.push_back("{{ x" + Repeated(".y", n) + " }}");
    made.push_back("{{ x" + Repeated("|list", n) + " }}");
    made.push_back("{{ x" + Repeated("[0]", n) + " }}");
    made.push_back("{{ 1" + Repeated(" if 1 else 2", n) + " }}");
    made.push_back(Repeated("{% if 1 %}", n) + Repeated("{% endif %}", n));
    made.push_back(Repeated("{% if 1 %}", n));
    made.push_back("{% if 1 %}" + Repeated("{% elif 1 %}", n) + "{% endif %}");
    made.push_back(Repeated("{% for i in [1,2] %}", n) + Repeated("{% endfor %}", n));
    made.push_back(Repeated("{% set a", n));
    made.push_back(Repeated("{#", n));
    made.push_back(Repeated("{% raw %}", n));
    made.push_back("{{ '" + Repeated("\\", n));
    made.push_back("{% set a = [] %}" + Repeated("{% set a = [a] %}", std::min<size_t>(n, 50'000)) +
                   "{{ a }}");
    made.push_back("{% set a = 'ab' %}" + Repeated("{% set a = a + a %}", std::min<size_t>(n, 60)) +
                   "{{ a }}");
    made.push_back("{% set a = [1, 2] %}" + Repeated("{% set a = [a, a] %}", std::min<size_t>(n, 60)) +
                   "{{ a }}");
  }
  made.insert(
      made.end(),
      {"{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}",
       "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
       "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
       "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
       "{% set ns = namespace(a='x') %}{% for i in range(100000) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
       "{{ 'x' * 999999999999 }}",
       "{{ '%999999999d' % 1 }}",
       "{{ '{:>999999999}'.format(1) }}",
       "{{ 'x'.center(999999999) }}",
       "{{ 'x'|indent(999999999) }}",
       "{{ range(99999)|map('string')|join|list|map('upper')|join|length }}",
       "{{ range(99999)|list|tojson(indent=900)|length }}",
       "{{ 7 ** 7 ** 7 ** 7 }}",
       "{{ [1] * 999999999 }}",
       "{{ (range(100000)|list + range(100000)|list)|unique|list|length }}",
       "{% for i in range(100000) %}{{ ('a' * 10000).replace('a', 'bb') }}{% endfor %}",
       "{% for i in range(100000) %}{% set x = ('ab' * 50000).split('a') %}{% endfor %}",
       "{% for i in range(100000) %}{{ ('a' * 100000).find('b') }}{% endfor %}",
       "{% for i in range(100000) %}{{ range(1000)|list|sort|length }}{% endfor %}",
       "{{ raise_exception('two\nlines ' * 1000) }}"});
  return made;
}

class Mutator {
 public:
  explicit Mutator(std::vector<std::string> sources) : sources_(std::move(sources)) {}

  std::string Next() {
    std::string text = Pick(sources_);
    for (size_t i = 1 + Below(4); i > 0; --i) Change(&text);
    return text;
  }

 private:
  size_t Below(size_t most) { return most == 0 ? 0 : random_() % most; }
  const std::string& Pick(const std::vector<std::string>& from) { return from[Below(from.size())]; }

  void Change(std::string* text) {
    const size_t at = Below(text->size() + 1);
    const size_t count = Below(std::min<size_t>(text->size() - at, 40) + 1);
    switch (Below(7)) {
      case 0:
        text->erase(at, count);
        break;
      case 1:
        text->insert(at, text->substr(at, count));
        break;
      case 2:
        text->insert(at, kWords[Below(std::size(kWords))]);
        break;
      case 3:
        if (at < text->size()) (*text)[at] = static_cast<char>(Below(256));
        break;
      case 4:
        text->resize(at);
        break;
      case 5: {
        const std::string& other = Pick(sources_);
        const size_t from = Below(other.size());
        text->insert(at, other.substr(from, Below(200)));
        break;
      }
      default:
        text->replace(at, count, kWords[Below(std::size(kWords))]);
    }
  }

  const std::vector<std::string> sources_;
  std::mt19937 random_{1};
};

boost::json::object Variables() {
  const boost::json::object call = {
      {"id", "call00001"}, {"function", {{"name", "f"}, {"arguments", {{"x", 1}, {"y", {true, nullptr}}}}}}};
  const boost::json::array messages = {
      ChatMessage("system", "Be brief."), ChatMessage("user", "Hi <|end|>"),
      boost::json::object{{"role", "assistant"}, {"content", nullptr}, {"tool_calls", {call}}},
      boost::json::object{{"role", "tool"}, {"content", "ok"}, {"tool_call_id", "call00001"}},
      boost::json::object{{"role", "user"}, {"content", {{{"type", "text"}, {"text", "part"}}}}}};
  const boost::json::array tools = {
      {{"type", "function"},
       {"function",
        {{"name", "f"},
         {"description", "d"},
         {"parameters", {{"type", "object"}, {"properties", {{"x", {{"type", "integer"}}}}}}}}}}};
  return {{"messages", messages},          {"tools", tools}, {"bos_token", "<s>"}, {"eos_token", "</s>"},
          {"add_generation_prompt", true}, {"x", {1, {2}}}};
}

// What is wrong with how the template was taken; empty: nothing.
std::string Judge(const std::string& source, const boost::json::object& variables) {
  static const std::regex kPlace("chat template(, line \\d+, column \\d+|, template|: \\d+ bytes).*");
  const std::clock_t begin = std::clock();  // the process's own time: others may be at work, too
  const auto parsed = ChatTemplate::Parse(source);
  Error error{};
  if (!parsed.ok()) {
    error = parsed.error();
  } else {
    const auto rendered = parsed.value().Render(variables, {.date = "2026-02-03"});
    if (!rendered.ok()) error = rendered.error();
  }
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  if (seconds > kMaxSeconds) return fmt::format("took {:.1f} s: {}", seconds, error.what);
  if (error.what.empty()) return {};
  if (error.what.find('\n') != std::string::npos) return "more than one line: " + error.what;
  if (error.what.size() > 2000 || !std::regex_match(error.what, kPlace)) return "no place: " + error.what;
  return {};
}

int Main(int argc, char** argv) {
  std::vector<std::string> sources = Hurtful();
  std::vector<std::string> whole;
  size_t count = 5000;
  std::string write;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (argv[i] == std::string_view("--count")) count = std::stoul(argv[i + 1]);
    if (argv[i] == std::string_view("--write")) write = argv[i + 1];
  }
  for (const auto& entry : fs::directory_iterator(argv[1])) {
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    whole.push_back(text.str());
  }
  std::sort(whole.begin(), whole.end());
  Mutator mutator(whole);
  while (sources.size() < count) sources.push_back(mutator.Next());
  const boost::json::object variables = Variables();
  size_t wrong = 0, number = 0;
  for (const std::string& source : sources) {
    if (!write.empty()) {
      std::ofstream(fs::path(write) / fmt::format("{:05}", number++)) << source.substr(0, 4096);
      continue;
    }
    const std::string what = Judge(source, variables);
    if (what.empty()) continue;
    ++wrong;
    fmt::print("FAIL {}\n---\n{}\n---\n", what, source.substr(0, 2000));
  }
  fmt::print("{} templates, {} taken wrongly\n", sources.size(), wrong);
  return wrong > 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return tern::Main(argc, argv);
}
