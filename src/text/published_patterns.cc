#include "text/published_patterns.h"

#include <utility>

namespace tern {
namespace {

// Letters, marks and the rest of their classes, less Han characters: all that is in no other category.
#define UPPER_NO_HAN R"([^\p{Han}\p{Ll}\p{N}\p{P}\p{S}\p{Z}\p{C}])"
#define LOWER_NO_HAN R"([^\p{Han}\p{Lu}\p{Lt}\p{N}\p{P}\p{S}\p{Z}\p{C}])"
#define CONTRACTION R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"

constexpr std::pair<std::string_view, std::string_view> kForms[] = {
    // Not tried at every space of a run.
    {kSpacesAtEnd, R"((?<!\s)(?:\s++\z|\s+(?=\n)))"},
    // What follows is looked at once per run of digits; the groups behind the first are then just there.
    {kDigitsFromRight, R"((?<!\d)\d{1,3}(?=(?:\d{3})*+\b)|\G(?<=\d)\d{3})"},
    {kBordersOfDigits,
     R"((?<!\d)(?=(?:\d{3})++(?!\d))|(?<!\d)\d{1,2}\K(?=(?:\d{3})++(?!\d))|\G(?<=\d)\d{2}\K(?=\d{3}))"},
    // Possessive, since nothing follows the repeated group.
    {kExaoneMoe, CONTRACTION R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*+(?: \p{L}\p{M}*+)*+)++|\p{N}|)"
                             R"( ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"},
    // A run of spaces has a newline further on only if it is found from the run's start, or from another
    // newline.
    {kJais2, CONTRACTION
     R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|(?<![^\S\r\n])\s*[\r\n]+|)"
     R"(\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|)"
     R"(\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})"},
    // A class instead of two that intersect.
    {kKimi, R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?)" UPPER_NO_HAN "*" LOWER_NO_HAN "+" CONTRACTION
            R"(?|[^\r\n\p{L}\p{N}]?)" UPPER_NO_HAN "+" LOWER_NO_HAN "*" CONTRACTION
            R"(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

}  // namespace

std::string_view LinearForm(std::string_view pattern) {
  for (const auto& [published, form] : kForms) {
    if (published == pattern) return form;
  }
  return pattern;
}

}  // namespace tern
