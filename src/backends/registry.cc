#include "backends/backend.h"

namespace tern {

#define BACKEND(id) extern const BackendDesc k_backend_##id;
#include "backends/backends.list"
#undef BACKEND

std::span<const BackendDesc* const> AllBackends() {
  static constexpr const BackendDesc* kAll[] = {
#define BACKEND(id) &k_backend_##id,
#include "backends/backends.list"
#undef BACKEND
  };
  return kAll;
}

Result<std::unique_ptr<Backend>> OpenBackend(std::string_view name, const BackendOptions& options) {
  std::string known;
  for (const BackendDesc* backend : AllBackends()) {
    if (backend->name != name) {
      known += (known.empty() ? "" : ", ") + std::string(backend->name);
      continue;
    }
    if (!backend->present()) return Unsupported(std::string(name) + ": not present on this machine");
    return backend->open(options);
  }
  return NotFound("device \"" + std::string(name) + "\": no such backend, expected one of " + known);
}

}  // namespace tern
