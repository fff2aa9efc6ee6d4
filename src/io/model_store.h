#pragma once
// The model store: from what a person calls a model to a file on disk, pulled if need be.
//
// Models of the catalogue, of pypi: and of https: live in <home>/models/<folder>/, each with a model.json
// that says what it is; models of the Hub live in the Hub's own cache, where its other tools find them. A
// pull is whole and checked or it is not there; an interrupted one is continued. Any thread; two processes
// may pull the same model, one of them waits.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/catalogue.h"
#include "io/hub.h"
#include "io/pull_events.h"
#include "io/pypi.h"

namespace tern {

struct StoreOptions {
  std::string home{};  // "~/.cache/tern", expanded
  HubOptions hub{};
  PypiOptions pypi{};
  NetworkPolicy network{};  // of https: models
  Catalogue catalogue = BuiltInCatalogue();
  bool offline = false;  // what is not on disk is an error
};

struct ModelFiles {
  std::string path{};     // the GGUF file, or the first of its shards
  std::string name{};     // what to call it: "smollm2", "hf:org/repo:Q4_K_M", the file's name
  std::string source{};   // where it came from; empty: a file of the user
  std::string licence{};  // empty: not known
  uint64_t bytes = 0;     // of all its files
};

// The files of model `ref` (io/model_ref.h); empty: the catalogue's default. What is on disk is taken as it
// is, without asking the network; else it is pulled, unless options.offline.
Result<ModelFiles> ResolveModel(std::string_view ref, const StoreOptions& options, const PullEvents& events);
// The same, but asks the source whether there is something newer where that can be asked (hf:).
Result<ModelFiles> PullModel(std::string_view ref, const StoreOptions& options, const PullEvents& events);
// All that was pulled, by name.
std::vector<ModelFiles> ListModels(const StoreOptions& options);
// Removes a pulled model, or what an interrupted pull left of it; a user's own file is an error.
Status RemoveModel(std::string_view ref, const StoreOptions& options);

}  // namespace tern
