#pragma once
// The model store as the environment describes it: TERN_HOME, TERN_CATALOGUE, TERN_PYTHON, HF_HOME,
// HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, XDG_CACHE_HOME (docs/models.md says what each does).

#include <string>

#include "base/result.h"
#include "io/model_store.h"

namespace tern {

// An error names the variable.
Result<StoreOptions> StoreOptionsFromEnvironment();

// Where packed weights are kept that cannot lie beside their model.
std::string PackedFolder();
// False: TERN_NO_CACHE says that none are kept.
bool CachesWeights();

// For every command that takes a MODEL: its files on disk, pulled first, with a progress bar on stderr, if
// need be. Empty: the default model. Ctrl-C during the pull is kCancelled.
Result<ModelFiles> ObtainModel(const std::string& ref, bool offline = false);
// The same for `tern pull`, which also asks whether there is something newer.
Result<ModelFiles> RenewModel(const std::string& ref, bool offline);

}  // namespace tern
