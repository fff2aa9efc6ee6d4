#include "server/answer_format.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace tern {
namespace {

namespace json = boost::json;

std::string SourceOf(const json::value& v) {
  return v.is_string() ? std::string(v.get_string()) : json::serialize(v);
}

// Several ask: the second is wrong.
class Reader {
 public:
  explicit Reader(AnswerFormat* format) : format_(format) {}

  void Ask(const std::string& param, std::string_view form, std::string source) {
    if (!format_->param.empty() && !problem) {
      problem = Wrong(param, fmt::format("not beside {}, expected at most one of them", format_->param));
    }
    *format_ = {param, std::string(form), std::move(source)};
  }
  void AskIf(const json::object& object, std::string_view name, const std::string& param,
             std::string_view form) {
    if (const json::value* v = object.if_contains(name)) Ask(param, form, SourceOf(*v));
  }

  void ResponseFormat(const json::object& format) {
    const std::string_view type = format.at("type").get_string();
    if (type == "text") return;
    const json::value* schema = format.if_contains("schema");
    if (type == "json_object" && schema == nullptr) return Ask("response_format", "json", "");
    if (const json::value* inside = format.if_contains("json_schema")) {
      schema = inside->get_object().if_contains("schema");
    }
    const bool nested = format.contains("json_schema");
    if (schema == nullptr) {
      problem = Wrong("response_format.json_schema.schema", "required");
      return;
    }
    Ask(nested ? "response_format.json_schema.schema" : "response_format.schema", "json_schema",
        SourceOf(*schema));
  }

  void Structured(const json::object& object) {
    const std::string at = "structured_outputs.";
    for (const auto& [name, form] :
         {std::pair{"json", "json_schema"}, {"regex", "regex"}, {"choice", "choice"}, {"grammar", "gbnf"}}) {
      AskIf(object, name, at + name, form);
    }
    const json::value* any = object.if_contains("json_object");
    if (any != nullptr && any->get_bool()) Ask(at + "json_object", "json", "");
  }

  Problem problem;

 private:
  AnswerFormat* format_;
};

}  // namespace

Problem ReadAnswerFormat(const json::object& body, AnswerFormat* format) {
  Reader reader(format);
  if (const json::value* v = body.if_contains("response_format")) reader.ResponseFormat(v->get_object());
  if (const json::value* v = body.if_contains("structured_outputs")) reader.Structured(v->get_object());
  for (const auto& [name, form] : {std::pair{"guided_json", "json_schema"},
                                   {"guided_regex", "regex"},
                                   {"guided_choice", "choice"},
                                   {"guided_grammar", "gbnf"},
                                   {"grammar", "gbnf"},
                                   {"json_schema", "json_schema"}}) {
    reader.AskIf(body, name, name, form);
  }
  return reader.problem;
}

Problem CompileAnswerFormat(GrammarCache& cache, const AnswerFormat& format,
                            std::shared_ptr<const Grammar>* grammar) {
  if (format.param.empty()) return std::nullopt;
  const auto form = FindGrammarForm(format.form);
  TERN_CHECK(form.ok());
  auto compiled = cache.Get(*form.value(), format.source);
  if (!compiled.ok()) return Wrong(format.param, compiled.error().what);
  *grammar = std::move(compiled).value();
  return std::nullopt;
}

}  // namespace tern
