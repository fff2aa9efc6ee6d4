#include "server/prompts.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

namespace tern {
namespace {

namespace json = boost::json;

Problem ReadIds(const Tokenizer& tokenizer, const json::array& list, const std::string& param,
                std::vector<int32_t>* ids) {
  for (size_t i = 0; i < list.size(); ++i) {
    const auto id = list[i].to_number<double>();
    if (id < 0 || id >= tokenizer.size()) {
      return Wrong(fmt::format("{}[{}]", param, i),
                   fmt::format("expected token ids from 0 to {}", tokenizer.size() - 1));
    }
    ids->push_back(static_cast<int32_t>(id));
  }
  return std::nullopt;
}

}  // namespace

Problem ReadPrompts(const Tokenizer& tokenizer, const json::value& prompts, const std::string& param,
                    size_t most, std::vector<std::vector<int32_t>>* ids) {
  const auto encode = [&](const json::value& text) {
    ids->push_back(EncodeSegments(tokenizer, {{{std::string(text.get_string()), true}}}));
  };
  if (prompts.is_string()) return encode(prompts), std::nullopt;
  const json::array& list = prompts.get_array();
  if (list.empty()) return Wrong(param, "empty, expected at least one");
  if (list[0].is_number()) return ReadIds(tokenizer, list, param, &ids->emplace_back());
  if (list.size() > most)
    return Wrong(param, fmt::format("{} of them, expected at most {}", list.size(), most));
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_string()) {
      encode(list[i]);
    } else if (auto problem = ReadIds(tokenizer, list[i].get_array(), fmt::format("{}[{}]", param, i),
                                      &ids->emplace_back())) {
      return problem;
    }
  }
  return std::nullopt;
}

std::string TextOf(const Tokenizer& tokenizer, std::span<const int32_t> ids, bool with_special) {
  Detokenizer detokenizer(tokenizer, with_special);
  std::string text;
  for (const int32_t id : ids) detokenizer.Push(id, &text);
  detokenizer.Flush(&text);
  return text;
}

}  // namespace tern
