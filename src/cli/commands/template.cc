#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/file.h"
#include "cli/command.h"
#include "cli/lines.h"
#include "cli/model_flags.h"
#include "text/chat_template.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::string template_file, input, date;
  bool jsonl = false, segments = false;
};

Result<std::string> ReadText(const std::string& path) { return ReadFile(path, size_t{64} << 20); }

Result<std::vector<TextSegment>> Render(const std::string& source, const boost::json::object& variables,
                                        const std::string& date) {
  TERN_TRY(const ChatTemplate parsed, ChatTemplate::Parse(source));
  TemplateOptions options;
  if (!date.empty()) options.date = date;
  return parsed.Render(variables, options);
}

std::string Join(const std::vector<TextSegment>& segments) {
  std::string text;
  for (const TextSegment& segment : segments) text += segment.text;
  return text;
}

Result<std::string> RenderLine(std::string_view line) {
  TERN_TRY(const boost::json::object request, ParseVariables(line));
  const auto* path = request.if_contains("template");
  const auto* input = request.if_contains("input");
  const auto* date = request.if_contains("date");
  if (path == nullptr || !path->is_string() || input == nullptr || !input->is_object() ||
      (date != nullptr && !date->is_string())) {
    return BadInput("expected {\"template\": PATH, \"input\": {...}, \"date\": \"YYYY-MM-DD\"}");
  }
  TERN_TRY(const std::string source, ReadText(std::string(path->as_string())));
  const auto rendered =
      Render(source, input->as_object(), date == nullptr ? "" : std::string(date->as_string()));
  if (!rendered.ok()) return boost::json::serialize(boost::json::object{{"error", rendered.error().what}});
  return boost::json::serialize(boost::json::object{{"text", Join(rendered.value())}});
}

Result<std::string> TemplateSource(const Options& o) {
  if (!o.template_file.empty()) return ReadText(o.template_file);
  TERN_TRY(const std::string path, FindModelFile(o.model));
  return LoadChatTemplateFile(path);
}

Status Run(const Options& o) {
  if (o.jsonl) return MapLines(RenderLine);
  TERN_TRY(const std::string source, TemplateSource(o));
  TERN_TRY(const std::string text,
           o.input == "-" ? Result<std::string>(ReadStandardInput()) : ReadText(o.input));
  const auto variables = ParseVariables(text);
  if (!variables.ok()) {
    const std::string name = o.input == "-" ? "standard input" : o.input;
    return BadInput(fmt::format("{}: {}", name, variables.error().what));
  }
  TERN_TRY(const auto segments, Render(source, variables.value(), o.date));
  if (!o.segments) {
    fmt::print("{}", Join(segments));
    return {};
  }
  for (const TextSegment& segment : segments) {
    fmt::print("{:<8} {}\n", segment.is_template ? "template" : "user",
               boost::json::serialize(boost::json::string(segment.text)));
  }
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.model.clear();
  args.Option("--model", &o->model.model, "use this model's template; this or --template").ValueName("MODEL");
  args.Option("--template", &o->template_file, "a Jinja file; this or --model")
      .ValueName("FILE")
      .Excludes("--model");
  args.Option("--input", &o->input,
              "the template's variables, {\"messages\": [...]} and what else it knows, or a list of "
              "messages; - : "
              "standard input; needed without --jsonl")
      .ValueName("FILE");
  args.Option("--date", &o->date, "today, for strftime_now").ValueName("YYYY-MM-DD");
  args.Flag("--segments", &o->segments, "show which text came from the template and which from the user");
  args.Flag("--jsonl", &o->jsonl,
            "per line, {\"template\": PATH, \"input\": {...}, \"date\": ...}: {\"text\"} or {\"error\"}");
  args.Flag("--offline", &o->model.offline, "never use the network");
  args.Check([o]() -> Status {
    if (o->jsonl) return {};
    if (o->input.empty()) return BadInput("--input is needed");
    if (o->model.model.empty() && o->template_file.empty())
      return BadInput("--model or --template is needed");
    return {};
  });
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_template;
const CommandDesc k_command_template = {
    .name = "template",
    .summary = "render a chat template",
    .example = "tern template --model smollm2 --input conversation.json --date 2026-02-03",
    .setup = Setup,
};

}  // namespace tern
