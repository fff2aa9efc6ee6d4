// Runs tests/http/*.test: requests and what they are answered (the README there says how they are written).

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "server/test_server.h"

namespace tern {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kAnything = "…", kAnyLine = "\"…\"";

struct Case {
  int line = 0;
  std::string method, path, body{};
  int status = 0;
  std::string type{};                   // of the content; empty: JSON
  std::vector<std::string> expected{};  // lines; what was indented belongs to the one before
};

// "" where they agree, with "…" for anything, as a member's name, too; else where they differ.
std::string Difference(const json::value& expected, const json::value& actual, const std::string& at) {
  if (expected == json::value(kAnything)) return "";
  if (expected.is_number() && actual.is_number()) {
    const bool same = expected.to_number<double>() == actual.to_number<double>();
    return same ? "" : at + ": " + json::serialize(actual);
  }
  if (expected.kind() != actual.kind()) {
    return at + ": " + json::serialize(actual);
  }
  if (expected.is_object()) {
    const json::object &e = expected.get_object(), &a = actual.get_object();
    for (const auto& member : a) {
      const json::value* wanted = e.if_contains(member.key());
      if (wanted == nullptr && e.contains(kAnything)) continue;
      const std::string name = at + "." + std::string(member.key());
      if (wanted == nullptr) return name + ": not expected: " + json::serialize(member.value());
      if (std::string inside = Difference(*wanted, member.value(), name); !inside.empty()) return inside;
    }
    for (const auto& member : e) {
      if (member.key() != kAnything && !a.contains(member.key())) {
        return at + "." + std::string(member.key()) + ": missing";
      }
    }
    return "";
  }
  if (expected.is_array()) {
    const json::array &e = expected.get_array(), &a = actual.get_array();
    for (size_t i = 0; i < std::min(e.size(), a.size()); ++i) {
      const std::string name = at + "[" + std::to_string(i) + "]";
      if (std::string inside = Difference(e[i], a[i], name); !inside.empty()) return inside;
    }
    return e.size() == a.size() ? "" : at + ": " + std::to_string(a.size()) + " items";
  }
  return expected == actual ? "" : at + ": " + json::serialize(actual);
}

// A line of an answer; what is JSON in it is compared as such.
std::string LineDifference(const std::string& expected, const std::string& actual) {
  if (expected == kAnyLine) return "";
  const size_t at = expected.find('{');
  if (at == expected.npos || actual.substr(0, at) != expected.substr(0, at)) {
    return expected == actual ? "" : actual;
  }
  boost::system::error_code error;
  const json::value got = json::parse(std::string_view(actual).substr(at), error);
  if (error) return actual;
  return Difference(json::parse(std::string_view(expected).substr(at)), got, "");
}

std::vector<Case> ReadCases(const fs::path& path, TestServer::Kind* kind) {
  std::ifstream file(path);
  std::vector<Case> cases;
  int number = 0;
  bool answers = false;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find("(an encoder is served)") != line.npos) *kind = TestServer::Kind::kEmbedder;
    if (line.find("(several models are served)") != line.npos) *kind = TestServer::Kind::kSeveral;
    if (line.starts_with("  > ") && (cases.empty() || answers)) {
      const size_t space = line.find(' ', 4);
      cases.push_back({.line = number, .method = line.substr(4, space - 4), .path = line.substr(space + 1)});
      answers = false;
    } else if (line.starts_with("  > ")) {
      cases.back().body += line.substr(4) + "\n";
    } else if (line.starts_with("  < ") && !answers) {
      answers = true;
      cases.back().status = std::stoi(line.substr(4));
      cases.back().type = line.size() > 8 ? line.substr(8) : "";
    } else if (line.starts_with("  <  ") && !cases.back().expected.empty()) {
      cases.back().expected.back() += line.substr(4);
    } else if (line.starts_with("  < ")) {
      cases.back().expected.push_back(line.substr(4));
    }
  }
  return cases;
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

void Check(const Case& c, const HttpResponse& answer) {
  ASSERT_EQ(answer.status, c.status) << answer.body;
  EXPECT_EQ(answer.content_type, c.type.empty() ? "application/json" : c.type);
  const std::vector<std::string> lines = LinesOf(answer.body);
  for (size_t i = 0; i < std::min(lines.size(), c.expected.size()); ++i) {
    EXPECT_EQ(LineDifference(c.expected[i], lines[i]), "")
        << "line " << i + 1 << " of the answer: " << lines[i];
  }
  EXPECT_EQ(lines.size(), c.expected.size()) << answer.body;
}

TEST(HttpCases, AreAnsweredAsTheySay) {
  const fs::path folder = fs::path(TERN_SOURCE_DIR) / "tests/http";
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".test") continue;
    ++files;
    auto kind = TestServer::Kind::kDecoder;
    const std::vector<Case> cases = ReadCases(entry.path(), &kind);
    EXPECT_FALSE(cases.empty()) << entry.path();
    TestServer server(kind);
    for (const Case& c : cases) {
      SCOPED_TRACE(entry.path().filename().string() + ":" + std::to_string(c.line));
      Check(c, server.Ask(c.method, c.path, c.body));
    }
  }
  EXPECT_GT(files, 0);
}

TEST(HttpCases, PromptsLeaveRoomForAnAnswer) {
  TestServer server(TestServer::Kind::kDecoder);
  const HttpResponse answer =
      server.Ask("POST", "/v1/completions", "{\"prompt\": \"" + std::string(2048, 'a') + "\"}");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(
      answer.body,
      R"({"error":{"message":"the prompt is too long: 2048 tokens; this model's maximum context length )"
      R"(is 2048 tokens","type":"invalid_request_error","param":"prompt","code":"context_length_exceeded"}})");
}

}  // namespace
}  // namespace tern
