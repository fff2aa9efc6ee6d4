#include "text/hf/pre_tokenizers.h"

#include <boost/json/array.hpp>
#include <memory>

#include "text/bert_text.h"
#include "text/byte_alphabet.h"
#include "text/char_class.h"
#include "text/hf/pattern.h"
#include "text/hf/split_behavior.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"

namespace tern {
namespace {

using PreTokenizerLoader = Status (*)(const JsonNode& node, WordSplitter* splitter);

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
#define WORD R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d})"
constexpr std::string_view kWordOrRest = "[" WORD "]+|[^\\s" WORD "]+";

void AddCut(Pattern pattern, SplitBehavior behavior, WordSplitter* splitter) {
  splitter->Add([pattern = std::move(pattern), behavior](WordList* words) {
    std::vector<std::string_view> parts;
    parts.reserve(words->words().size() * 2);
    pattern.ForEach(words->words(), [&](std::string_view word, const std::vector<TextRange>& matches) {
      AppendSplit(word, matches, behavior, &parts);
    });
    words->set_words(std::move(parts));
  });
}

// Every character of a class is a match.
void AddClassCut(bool (*is_member)(char32_t), SplitBehavior behavior, WordSplitter* splitter) {
  splitter->Add([is_member, behavior](WordList* words) {
    std::vector<TextRange> matches;
    words->CutEach([&](std::string_view word, std::vector<std::string_view>* parts) {
      matches.clear();
      FindMembers(word, is_member, /*in_runs=*/false, &matches);
      AppendSplit(word, matches, behavior, parts);
    });
  });
}

Status LoadByteLevel(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(const bool adds_space, node["add_prefix_space"].Bool(true));
  TERN_TRY(const bool cuts, node["use_regex"].Bool(true));
  if (adds_space) {
    splitter->Add([](WordList* words) {
      words->RewriteEach([](std::string_view word, bool) {
        return word.starts_with(' ') ? std::string(word) : " " + std::string(word);
      });
    });
  }
  if (cuts) {
    TERN_TRY(Pattern pattern, Pattern::OfLinear(kGpt2));
    AddCut(std::move(pattern), {}, splitter);
  }
  splitter->AddSpelling();
  return {};
}

Status LoadMetaspace(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(const std::string mark, node["replacement"].Str(kSpaceMark));
  if (mark.empty() || Utf8Size(mark[0]) != mark.size())
    return node["replacement"].Bad("expected one character");
  TERN_TRY(const bool adds_space, node["add_prefix_space"].Bool(true));
  TERN_TRY(const std::string scheme, node["prepend_scheme"].Str(adds_space ? "always" : "never"));
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return node["prepend_scheme"].Bad(fmt::format("{}, expected always, first or never", Shown(scheme)));
  }
  TERN_TRY(const bool cuts, node["split"].Bool(true));
  splitter->Add([mark, scheme](WordList* words) {
    const bool only_first = scheme == "first";
    words->RewriteEach([&](std::string_view word, bool is_first) {
      const bool prepends = scheme == "always" || (only_first && is_first && words->begins_input());
      std::string marked = Replaced(word, " ", mark);
      return prepends && !marked.starts_with(mark) ? mark + marked : marked;
    });
  });
  if (cuts) AddCut(Pattern::OfString(mark), {SplitBehavior::kMergedWithNext}, splitter);
  return {};
}

Status LoadSplit(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(Pattern pattern, Pattern::Load(node["pattern"]));
  TERN_TRY(SplitBehavior behavior, SplitBehavior::Load(node["behavior"]));
  TERN_TRY(behavior.inverts, node["invert"].Bool(false));
  AddCut(std::move(pattern), behavior, splitter);
  return {};
}

Status LoadWhitespace(const JsonNode&, WordSplitter* splitter) {
  TERN_TRY(Pattern pattern, Pattern::OfLinear(kWordOrRest));
  AddCut(std::move(pattern), {SplitBehavior::kRemoved, /*inverts=*/true}, splitter);
  return {};
}

Status LoadWhitespaceSplit(const JsonNode&, WordSplitter* splitter) {
  AddClassCut(IsWhiteSpace, {SplitBehavior::kRemoved}, splitter);
  return {};
}

Status LoadPunctuation(const JsonNode& node, WordSplitter* splitter) {
  SplitBehavior behavior;
  if (!node["behavior"].is_null()) {
    TERN_TRY(behavior, SplitBehavior::Load(node["behavior"]));
  }
  AddClassCut(IsPunctuation, behavior, splitter);
  return {};
}

Status LoadDigits(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(const bool individual, node["individual_digits"].Bool(false));
  AddClassCut(IsNumeric, {individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous}, splitter);
  return {};
}

Status LoadBert(const JsonNode&, WordSplitter* splitter) {
  splitter->Add([](WordList* words) { words->CutEach(SplitBert); });
  return {};
}

Status LoadCharDelimiter(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(const std::string delimiter, node["delimiter"].Str());
  if (delimiter.empty()) return node["delimiter"].Bad("empty, expected one character");
  AddCut(Pattern::OfString(delimiter), {SplitBehavior::kRemoved}, splitter);
  return {};
}

Status LoadFixedLength(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(const int64_t length, node["length"].Int(1, 1 << 30));
  splitter->Add([length](WordList* words) {
    words->CutEach([&](std::string_view word, std::vector<std::string_view>* parts) {
      while (!word.empty()) {
        size_t size = 0;
        for (int64_t i = 0; i < length && size < word.size(); ++i) size += Utf8Size(word[size]);
        parts->push_back(word.substr(0, size));
        word.remove_prefix(size);
      }
    });
  });
  return {};
}

Status LoadSequence(const JsonNode& node, WordSplitter* splitter);

constexpr JsonKind<PreTokenizerLoader> kPreTokenizers[] = {
    {"ByteLevel", LoadByteLevel},
    {"Metaspace", LoadMetaspace},
    {"Split", LoadSplit},
    {"Whitespace", LoadWhitespace},
    {"WhitespaceSplit", LoadWhitespaceSplit},
    {"Punctuation", LoadPunctuation},
    {"Digits", LoadDigits},
    {"BertPreTokenizer", LoadBert},
    {"CharDelimiterSplit", LoadCharDelimiter},
    {"FixedLength", LoadFixedLength},
    {"Sequence", LoadSequence},
};

Status LoadStep(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(const auto* kind, KindOf(node, kPreTokenizers));
  return kind->load(node, splitter);
}

// Sequences nest no deeper than the JSON may.
Status LoadSequence(const JsonNode& node, WordSplitter* splitter) {
  TERN_TRY(const std::vector<JsonNode> items, node["pretokenizers"].Items());
  for (const JsonNode& item : items) TERN_TRY_STATUS(LoadStep(item, splitter));
  return {};
}

void Spell(WordList* words) {
  words->RewriteEach([](std::string_view word, bool) { return SpellBytes(word); });
}

}  // namespace

void WordSplitter::Add(Step step) {
  steps_.push_back(std::move(step));
  ends_in_spelling_ = false;
}

void WordSplitter::AddSpelling() {
  Add(Spell);
  ends_in_spelling_ = true;
}

Result<WordSplitter> WordSplitter::Load(const JsonNode& node, bool model_knows_bytes) {
  WordSplitter splitter;
  if (!node.is_null()) TERN_TRY_STATUS(LoadStep(node, &splitter));
  if (splitter.ends_in_spelling_ && model_knows_bytes) {
    splitter.steps_.pop_back();
    splitter.ends_in_bytes_ = true;
  }
  return splitter;
}

void WordSplitter::Run(WordList* words) const {
  for (const Step& step : steps_) step(words);
}

}  // namespace tern
