#pragma once
// Recipe: how a smaller model was made: from which, by which text, and what each weight became. TOML, to be
// read and edited by people; the same recipe, model and text make the same bytes.
//
//   version = 1
//   [source]
//   model = "smollm2"
//   hash = "xxh128:..."
//   [data]
//   from = "..."           # a file or folder; "" for what the model writes and what lies on this machine
//   calibration_tokens = 16384
//   [vocabulary]           # not there: all tokens stay
//   text = "letters/"      # whose tokens stay
//   tokens = 12345         # that is how many
//   hash = "xxh128:..."    # of their ids
//   [target]
//   asked = "size 90000000"
//   [[weight]]
//   name = "blk.0.attn_q.weight"
//   scheme = "q4_0"
//   method = "gptq"        # "keep": as it is in the source

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

struct RecipeWeight {
  std::string name, scheme, method;
};

struct RecipeVocabulary {
  std::string text, hash;
  int64_t tokens = 0;  // 0: all stay
};

struct Recipe {
  std::string model, source_hash;
  std::string data;  // "": the built-in choice
  std::string imatrix = {},
              imatrix_hash = {};  // what told the strength of inputs instead of text; "": nothing did
  int64_t calibration_tokens = 0;
  RecipeVocabulary vocabulary = {};
  std::string target;  // as it was asked for: "size 90000000, kld 0.02"
  std::vector<RecipeWeight> weights;

  const RecipeWeight* Find(std::string_view name) const;  // nullptr: stays as it is
};

inline constexpr std::string_view kKeep = "keep";

std::string RecipeToml(const Recipe& recipe);
// Errors name `path`, the line and what was expected.
Result<Recipe> ParseRecipe(std::string_view text, std::string_view path);

}  // namespace tern
