#include "compress/recipe.h"

#include <fmt/format.h>

#include <set>

// The library's exceptions stay off.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

namespace tern {
namespace {

constexpr int64_t kVersion = 1;

// A basic string of TOML.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string VocabularyToml(const RecipeVocabulary& vocabulary) {
  if (vocabulary.tokens == 0) return "";
  return fmt::format("[vocabulary]\ntext = {}\ntokens = {}\nhash = {}\n\n", Quoted(vocabulary.text),
                     vocabulary.tokens, Quoted(vocabulary.hash));
}

class Reader {
 public:
  explicit Reader(std::string_view path) : path_(path) {}

  Error At(const toml::node& node, std::string_view what) const {
    return BadInput(fmt::format("{}:{}: {}", path_, node.source().begin.line, what));
  }

  // A table's text; absent: "".
  Result<std::string> Text(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::string();
    if (const auto* text = node->as_string()) return text->get();
    return At(*node, fmt::format("{}: expected a text", key));
  }

  Result<int64_t> Number(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return int64_t{0};
    if (const auto* number = node->as_integer(); number != nullptr && number->get() >= 0)
      return number->get();
    return At(*node, fmt::format("{}: expected a whole number, 0 or more", key));
  }

  Status KnownKeys(const toml::table& table, const std::set<std::string_view>& known) const {
    for (const auto& [key, node] : table) {
      if (known.contains(key.str())) continue;
      std::string all;
      for (const std::string_view name : known) all += (all.empty() ? "" : ", ") + std::string(name);
      return At(node, fmt::format("{}: unknown key, expected {}", key.str(), all));
    }
    return {};
  }

  Result<const toml::table*> Table(const toml::table& root, std::string_view key) const {
    static const toml::table kEmpty;
    const toml::node* node = root.get(key);
    if (node == nullptr) return &kEmpty;
    if (node->as_table() == nullptr) return At(*node, fmt::format("{}: expected a table", key));
    return node->as_table();
  }

  Result<RecipeVocabulary> Vocabulary(const toml::table& table) const {
    TERN_TRY_STATUS(KnownKeys(table, {"text", "tokens", "hash"}));
    RecipeVocabulary vocabulary;
    TERN_TRY(vocabulary.text, Text(table, "text"));
    TERN_TRY(vocabulary.tokens, Number(table, "tokens"));
    TERN_TRY(vocabulary.hash, Text(table, "hash"));
    return vocabulary;
  }

  Result<RecipeWeight> Weight(const toml::node& node) const {
    const toml::table* table = node.as_table();
    if (table == nullptr) return At(node, "weight: expected [[weight]] tables");
    TERN_TRY_STATUS(KnownKeys(*table, {"name", "scheme", "method"}));
    RecipeWeight weight;
    TERN_TRY(weight.name, Text(*table, "name"));
    TERN_TRY(weight.scheme, Text(*table, "scheme"));
    TERN_TRY(weight.method, Text(*table, "method"));
    if (weight.name.empty() || weight.scheme.empty() || weight.method.empty())
      return At(node, "weight: expected name, scheme and method");
    return weight;
  }

 private:
  std::string_view path_;
};

}  // namespace

const RecipeWeight* Recipe::Find(std::string_view name) const {
  for (const RecipeWeight& weight : weights) {
    if (weight.name == name) return &weight;
  }
  return nullptr;
}

std::string RecipeToml(const Recipe& recipe) {
  const std::string imatrix = recipe.imatrix.empty()
                                  ? ""
                                  : fmt::format("imatrix = {}\nimatrix_hash = {}\n", Quoted(recipe.imatrix),
                                                Quoted(recipe.imatrix_hash));
  std::string out = fmt::format(
      "version = {}\n\n[source]\nmodel = {}\nhash = {}\n\n[data]\nfrom = {}\ncalibration_tokens = {}\n{}\n"
      "{}[target]\nasked = {}\n",
      kVersion, Quoted(recipe.model), Quoted(recipe.source_hash), Quoted(recipe.data),
      recipe.calibration_tokens, imatrix, VocabularyToml(recipe.vocabulary), Quoted(recipe.target));
  for (const RecipeWeight& weight : recipe.weights) {
    out += fmt::format("\n[[weight]]\nname = {}\nscheme = {}\nmethod = {}\n", Quoted(weight.name),
                       Quoted(weight.scheme), Quoted(weight.method));
  }
  return out;
}

Result<Recipe> ParseRecipe(std::string_view text, std::string_view path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    return BadInput(
        fmt::format("{}:{}: {}", path, parsed.error().source().begin.line, parsed.error().description()));
  }
  const toml::table& root = parsed.table();
  const Reader read(path);
  TERN_TRY_STATUS(read.KnownKeys(root, {"version", "source", "data", "vocabulary", "target", "weight"}));
  TERN_TRY(const int64_t version, read.Number(root, "version"));
  if (version != kVersion)
    return BadInput(fmt::format("{}: version: {}, expected {}", path, version, kVersion));
  Recipe recipe;
  TERN_TRY(const toml::table* source, read.Table(root, "source"));
  TERN_TRY_STATUS(read.KnownKeys(*source, {"model", "hash"}));
  TERN_TRY(recipe.model, read.Text(*source, "model"));
  TERN_TRY(recipe.source_hash, read.Text(*source, "hash"));
  TERN_TRY(const toml::table* data, read.Table(root, "data"));
  TERN_TRY_STATUS(read.KnownKeys(*data, {"from", "calibration_tokens", "imatrix", "imatrix_hash"}));
  TERN_TRY(recipe.data, read.Text(*data, "from"));
  TERN_TRY(recipe.imatrix, read.Text(*data, "imatrix"));
  TERN_TRY(recipe.imatrix_hash, read.Text(*data, "imatrix_hash"));
  TERN_TRY(recipe.calibration_tokens, read.Number(*data, "calibration_tokens"));
  TERN_TRY(const toml::table* vocabulary, read.Table(root, "vocabulary"));
  TERN_TRY(recipe.vocabulary, read.Vocabulary(*vocabulary));
  TERN_TRY(const toml::table* target, read.Table(root, "target"));
  TERN_TRY_STATUS(read.KnownKeys(*target, {"asked"}));
  TERN_TRY(recipe.target, read.Text(*target, "asked"));
  const toml::node* weights = root.get("weight");
  if (weights == nullptr) return recipe;
  if (weights->as_array() == nullptr) return read.At(*weights, "weight: expected [[weight]] tables");
  for (const toml::node& node : *weights->as_array()) {
    TERN_TRY(RecipeWeight weight, read.Weight(node));
    if (recipe.Find(weight.name) != nullptr) return read.At(node, weight.name + ": occurs twice");
    recipe.weights.push_back(std::move(weight));
  }
  return recipe;
}

}  // namespace tern
