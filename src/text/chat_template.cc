#include "text/chat_template.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <ctime>

#include "text/chat_messages.h"
#include "text/jinja/from_json.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"
#include "text/jinja/unicode.h"

namespace tern {
namespace {

constexpr size_t kMaxMessageBytes = 1000;
constexpr size_t kMaxJsonDepth = 180;  // below what values may nest, so that this error comes first

// An error in one line of reasonable length, whatever the template says in it.
Error OneLine(const Error& error) {
  std::string what = "chat template, ";
  for (const char c : std::string_view(error.what).substr(0, kMaxMessageBytes)) {
    if (c == '\n') {
      what += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      what += ' ';
    } else {
      what += c;
    }
  }
  if (error.what.size() > kMaxMessageBytes) what = jinja::RepairUtf8(what) + "...";
  return {error.code, std::move(what)};
}

Result<int> DatePart(std::string_view date, size_t begin, size_t digits, int low, int high) {
  int value = -1;
  const std::string_view part = date.substr(begin, digits);
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (error == std::errc() && end == part.data() + part.size() && value >= low && value <= high) return value;
  return BadInput(fmt::format("date '{}': expected YYYY-MM-DD", date));
}

// The day that options name, or now.
Result<std::tm> Clock(const std::string& date) {
  std::tm time{};
  if (date.empty()) {
    const std::time_t now = std::time(nullptr);
    localtime_r(&now, &time);
    return time;
  }
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') {
    return BadInput(fmt::format("date '{}': expected YYYY-MM-DD", date));
  }
  TERN_TRY(const int year, DatePart(date, 0, 4, 1, 9999));
  TERN_TRY(const int month, DatePart(date, 5, 2, 1, 12));
  TERN_TRY(const int day, DatePart(date, 8, 2, 1, 31));
  time.tm_year = year - 1900;
  time.tm_mon = month - 1;
  time.tm_mday = day;
  timegm(&time);  // fills in the days of week and year, and normalizes February 30
  if (time.tm_mday != day) return BadInput(fmt::format("date '{}': no such day", date));
  return time;
}

// Builds a document from parser events. Unlike the library's own handler it reads floats again from their
// text, because its fast conversion may be off by one unit in the last place.
class ExactHandler {
 public:
  static constexpr size_t max_object_size = size_t{1} << 24;
  static constexpr size_t max_array_size = size_t{1} << 24;
  static constexpr size_t max_key_size = size_t{1} << 20;
  static constexpr size_t max_string_size = size_t{64} << 20;
  using ErrorCode = boost::json::error_code;
  using View = boost::json::string_view;

  bool on_document_begin(ErrorCode&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) { return true; }
  bool on_array_begin(ErrorCode&) { return true; }
  bool on_object_end(size_t count, ErrorCode&) {
    stack_.push_object(count);
    return true;
  }
  bool on_array_end(size_t count, ErrorCode&) {
    stack_.push_array(count);
    return true;
  }
  bool on_key_part(View text, size_t, ErrorCode&) {
    stack_.push_chars(text);
    return true;
  }
  bool on_key(View text, size_t, ErrorCode&) {
    stack_.push_key(text);
    return true;
  }
  bool on_string_part(View text, size_t, ErrorCode&) {
    stack_.push_chars(text);
    return true;
  }
  bool on_string(View text, size_t, ErrorCode&) {
    stack_.push_string(text);
    return true;
  }
  bool on_number_part(View text, ErrorCode&) {
    number_ += std::string_view(text.data(), text.size());
    return true;
  }
  bool on_int64(int64_t value, View, ErrorCode&) {
    number_.clear();
    stack_.push_int64(value);
    return true;
  }
  bool on_uint64(uint64_t value, View, ErrorCode&) {
    number_.clear();
    stack_.push_uint64(value);
    return true;
  }
  bool on_double(double value, View text, ErrorCode&) {
    number_ += std::string_view(text.data(), text.size());
    double exact = 0;
    const auto [end, error] = std::from_chars(number_.data(), number_.data() + number_.size(), exact);
    stack_.push_double(error == std::errc() ? exact : value);
    number_.clear();
    return true;
  }
  bool on_bool(bool value, ErrorCode&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(ErrorCode&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(View, ErrorCode&) { return true; }
  bool on_comment(View, ErrorCode&) { return true; }

  boost::json::value Take() { return stack_.release(); }

 private:
  boost::json::value_stack stack_;
  std::string number_;
};

}  // namespace

struct ChatTemplate::Parsed {
  jinja::Heap heap;  // the literals of the tree
  jinja::Template tree;
};

Result<ChatTemplate> ChatTemplate::Parse(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return BadInput(
        fmt::format("chat template: {} bytes, expected at most {}", source.size(), kMaxSourceBytes));
  }
  auto parsed = std::make_shared<Parsed>();
  auto tokens = jinja::Tokenize(source);
  if (!tokens.ok()) return OneLine(tokens.error());
  auto tree = jinja::Parser(std::move(tokens).value(), &parsed->heap).Run();
  if (!tree.ok()) return OneLine(tree.error());
  parsed->tree = std::move(tree).value();
  return ChatTemplate(std::move(parsed));
}

Result<std::vector<TextSegment>> ChatTemplate::Render(const boost::json::object& variables,
                                                      const TemplateOptions& options) const {
  TERN_TRY(const std::tm now, Clock(options.date));
  jinja::Limits limits;
  limits.max_steps = options.max_steps;
  limits.max_bytes = options.max_bytes;
  limits.max_output_bytes = options.max_output_bytes;
  jinja::Workspace workspace(limits, now);
  TERN_TRY(const jinja::Value inputs,
           jinja::VariablesFromJson(workspace, variables, options.trust_known_roles));
  const auto rendered = jinja::Interpreter(&workspace, inputs.dict()).Run(parsed_->tree);
  if (!rendered.ok()) return OneLine(rendered.error());
  std::vector<TextSegment> segments;
  size_t begin = 0;
  for (const jinja::Run& run : rendered.value().runs()) {
    segments.push_back({rendered.value().bytes().substr(begin, run.end - begin), run.is_template});
    begin = run.end;
  }
  return segments;
}

boost::json::object ChatMessage(std::string_view role, std::string_view content) {
  return {{"role", role}, {"content", content}};
}

namespace {

// Whether the template takes the text out of a part, instead of failing or printing the part.
bool ReadsParts(const ChatTemplate& chat_template, boost::json::object variables,
                const TemplateOptions& options) {
  static constexpr std::string_view kText = "words of a part";
  variables["messages"] = boost::json::array{
      {{"role", "user"}, {"content", boost::json::array{{{"type", "text"}, {"text", kText}}}}}};
  const auto rendered = chat_template.Render(variables, options);
  if (!rendered.ok()) return false;
  return std::any_of(rendered.value().begin(), rendered.value().end(), [&](const TextSegment& segment) {
    const bool is_printed = segment.text.find("'type': 'text'") != segment.text.npos ||
                            segment.text.find("\"type\": \"text\"") != segment.text.npos;
    return segment.text.find(kText) != segment.text.npos && !is_printed;
  });
}

bool HasParts(const boost::json::array& messages) {
  return std::any_of(messages.begin(), messages.end(), [](const boost::json::value& message) {
    const auto* content = message.is_object() ? message.get_object().if_contains("content") : nullptr;
    return content && content->is_array();
  });
}

}  // namespace

Result<std::vector<TextSegment>> RenderConversation(const ChatTemplate& chat_template,
                                                    const Conversation& conversation,
                                                    const TemplateOptions& options) {
  boost::json::object variables;
  for (const auto& item : conversation.extra) {
    if (!jinja::IsTokenVariable(item.key())) variables[item.key()] = item.value();
  }
  variables["tools"] = conversation.tools;
  if (!variables.contains("documents")) variables["documents"] = nullptr;
  variables["add_generation_prompt"] = conversation.add_generation_prompt;
  variables["bos_token"] = conversation.bos_token;
  variables["eos_token"] = conversation.eos_token;
  MessageShape shape;
  shape.joins_parts = HasParts(conversation.messages) && !ReadsParts(chat_template, variables, options);
  variables["messages"] = ShapeMessages(conversation.messages, shape);
  const auto rendered = chat_template.Render(variables, options);
  if (rendered.ok() || rendered.error().code != Code::kBadInput) return rendered;
  shape.arguments_as_objects = false;
  boost::json::array other = ShapeMessages(conversation.messages, shape);
  if (other == variables["messages"]) return rendered;
  variables["messages"] = std::move(other);
  auto with_strings = chat_template.Render(variables, options);
  return with_strings.ok() ? with_strings : rendered;
}

Result<boost::json::object> ParseVariables(std::string_view json) {
  boost::json::parse_options parse_options;
  parse_options.max_depth = kMaxJsonDepth;
  boost::json::basic_parser<ExactHandler> parser(parse_options);
  boost::json::error_code error;
  const size_t used = parser.write_some(false, json.data(), json.size(), error);
  if (error) return BadInput(fmt::format("variables: byte {}: {}", used, error.message()));
  if (json.find_first_not_of(" \t\r\n", used) != json.npos) {
    return BadInput(fmt::format("variables: byte {}: more than one JSON value", used));
  }
  boost::json::value value = parser.handler().Take();
  if (value.is_array()) return boost::json::object{{"messages", std::move(value)}};
  if (!value.is_object()) {
    return BadInput(
        R"(variables: expected {"messages": [{"role": "user", "content": "..."}]}, or the list alone)");
  }
  return std::move(value.get_object());
}

}  // namespace tern
