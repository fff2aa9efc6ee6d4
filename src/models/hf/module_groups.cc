#include "models/hf/module_groups.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>

#include "io/field_reader.h"

namespace tern {
namespace {

constexpr std::string_view kGroups = "quantization_config.config_groups.", kTargets = ".targets";
constexpr std::string_view kIgnore = "quantization_config.ignore", kPattern = "re:";
constexpr size_t kMaxPatterns = 256, kMaxPatternBytes = 4096;
// Of one pattern on one name. What real configs have takes the first number; so many times may it be more.
constexpr uint32_t kUsualSteps = 400, kMaxSteps = 20'000, kMaxHardMatches = 2000, kHeapKib = 1024;

std::string_view ClassOf(std::string_view module) {
  return module.ends_with("embed_tokens") ? "Embedding" : "Linear";
}

}  // namespace

struct ModuleGroups::Pattern {
  struct FreePcre {
    void operator()(pcre2_code* compiled) const { pcre2_code_free(compiled); }
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  };
  static Result<std::unique_ptr<Pattern>> Compile(std::string_view text, std::string keys) {
    int error = 0;
    PCRE2_SIZE at = 0;
    if (text.size() > kMaxPatternBytes) {
      return BadInput(
          fmt::format("config.json: quantization_config: a pattern of {} bytes, expected at most {}",
                      text.size(), kMaxPatternBytes));
    }
    std::unique_ptr<pcre2_code, FreePcre> code(pcre2_compile(
        reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), PCRE2_ANCHORED, &error, &at, nullptr));
    if (code == nullptr) {
      PCRE2_UCHAR message[120] = {};
      pcre2_get_error_message(error, message, sizeof(message));
      return BadInput(fmt::format("config.json: quantization_config: {}: {}, expected a pattern", Quote(text),
                                  reinterpret_cast<const char*>(message)));
    }
    auto pattern = std::make_unique<Pattern>();
    pattern->text = text;
    pattern->keys = std::move(keys);
    pattern->code = std::move(code);
    return pattern;
  }

  // Hard matches count down.
  Result<bool> Matches(std::string_view name, uint32_t& hard_matches_left) const {
    int found = Match(name, kUsualSteps);
    if (found == PCRE2_ERROR_MATCHLIMIT && hard_matches_left > 0) {
      --hard_matches_left;
      found = Match(name, kMaxSteps);
    }
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH) return found >= 0;
    return BadInput(
        fmt::format("config.json: quantization_config: {}: takes too much work on {}, expected a "
                    "pattern for names of modules",
                    Quote(text), Quote(name)));
  }

  int Match(std::string_view name, uint32_t steps) const {
    const std::unique_ptr<pcre2_match_data, FreePcre> data(pcre2_match_data_create(1, nullptr));
    const std::unique_ptr<pcre2_match_context, FreePcre> limits(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(limits.get(), steps);
    pcre2_set_heap_limit(limits.get(), kHeapKib);
    return pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(name.data()), name.size(), 0, 0, data.get(),
                       limits.get());
  }

  std::string text, keys;
  std::unique_ptr<pcre2_code, FreePcre> code;
};

namespace {

// The first of `patterns` that matches; nullptr: none.
template <class P>
Result<const P*> FirstMatch(const std::vector<std::unique_ptr<P>>& patterns, std::string_view name,
                            uint32_t& hard_matches_left) {
  for (const auto& pattern : patterns) {
    TERN_TRY(const bool matches, pattern->Matches(name, hard_matches_left));
    if (matches) return static_cast<const P*>(pattern.get());
  }
  return static_cast<const P*>(nullptr);
}

}  // namespace

ModuleGroups::ModuleGroups() : hard_matches_left_(kMaxHardMatches) {}
ModuleGroups::ModuleGroups(ModuleGroups&&) noexcept = default;
ModuleGroups& ModuleGroups::operator=(ModuleGroups&&) noexcept = default;
ModuleGroups::~ModuleGroups() = default;

// A target that two groups have is the latter's.
Status ModuleGroups::Add(const std::string& target, const std::string& keys) {
  if (!target.starts_with(kPattern)) {
    names_.insert_or_assign(target, keys);
    return {};
  }
  const std::string_view text = std::string_view(target).substr(kPattern.size());
  std::erase_if(patterns_, [&](const auto& pattern) { return pattern->text == text; });
  TERN_TRY(auto pattern, Pattern::Compile(text, keys));
  patterns_.push_back(std::move(pattern));
  return {};
}

Result<ModuleGroups> ModuleGroups::Read(const Metadata& config) {
  ModuleGroups groups;
  size_t patterns = 0;
  const auto count = [&](const std::string& target) {
    patterns += target.starts_with(kPattern) ? 1 : 0;
    return patterns <= kMaxPatterns;
  };
  const Error too_many = BadInput(fmt::format(
      "config.json: quantization_config: more than {} patterns in targets and ignore", kMaxPatterns));
  for (auto at = config.all().lower_bound(kGroups); at != config.all().end(); ++at) {
    const std::string& key = at->first;
    if (!key.starts_with(kGroups)) break;
    const std::vector<std::string>* targets = config.Strings(key);
    if (!key.ends_with(kTargets) || targets == nullptr) continue;
    const std::string keys = key.substr(0, key.size() - kTargets.size() + 1);
    for (const std::string& target : *targets) {
      if (!count(target)) return too_many;
      TERN_TRY_STATUS(groups.Add(target, keys));
    }
  }
  std::sort(groups.patterns_.begin(), groups.patterns_.end(),
            [](const auto& a, const auto& b) { return a->text < b->text; });
  const std::vector<std::string>* ignored = config.Strings(kIgnore);
  for (const std::string& target : ignored == nullptr ? std::vector<std::string>() : *ignored) {
    if (!count(target)) return too_many;
    if (!target.starts_with(kPattern)) {
      groups.ignored_.insert(target);
      continue;
    }
    TERN_TRY(auto pattern, Pattern::Compile(std::string_view(target).substr(kPattern.size()), ""));
    groups.ignored_patterns_.push_back(std::move(pattern));
  }
  return groups;
}

Result<std::string> ModuleGroups::KeysOf(std::string_view module) {
  const std::string all(kGroups);
  if (ignored_.contains(module) || ignored_.contains(ClassOf(module))) return all;
  TERN_TRY(const Pattern* ignored, FirstMatch(ignored_patterns_, module, hard_matches_left_));
  if (ignored != nullptr) return all;
  if (const auto name = names_.find(module); name != names_.end()) return name->second;
  TERN_TRY(const Pattern* pattern, FirstMatch(patterns_, module, hard_matches_left_));
  if (pattern != nullptr) return pattern->keys;
  const auto of_class = names_.find(ClassOf(module));
  return of_class == names_.end() ? all : of_class->second;
}

}  // namespace tern
