#pragma once
// The catalogue: models that have a name of their own. Built in from catalogue.txt, which says how an entry
// is written; a user's file of the same form can add entries or replace them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

struct CatalogueEntry {
  std::string name{}, summary{}, licence{};
  std::string file{};
  uint64_t bytes = 0;
  std::string sha256{};
  std::vector<std::string> sources{};  // parts of one file, in order
};

using Catalogue = std::vector<CatalogueEntry>;

// An error names `origin` and the line. Every field must be there; names are unique.
Result<Catalogue> ParseCatalogue(std::string_view text, std::string_view origin);
const Catalogue& BuiltInCatalogue();
// `more` before `base`; an entry of the same name in `base` is left out.
Catalogue Merged(Catalogue more, const Catalogue& base);
const CatalogueEntry* FindEntry(const Catalogue& catalogue, std::string_view name);  // nullptr: none

}  // namespace tern
