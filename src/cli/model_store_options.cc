#include "cli/model_store_options.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "io/files.h"

namespace tern {
namespace {

// Empty where it is not set.
std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string HomeFolder() {
  if (std::string home = Variable("HOME"); !home.empty()) return home;
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? user->pw_dir : "/tmp";
}

std::string CacheFolder() {
  const std::string cache = Variable("XDG_CACHE_HOME");
  return cache.empty() ? HomeFolder() + "/.cache" : cache;
}

std::string TernHome() {
  const std::string home = Variable("TERN_HOME");
  return home.empty() ? CacheFolder() + "/tern" : home;
}

std::string HuggingFaceHome() {
  const std::string home = Variable("HF_HOME");
  return home.empty() ? CacheFolder() + "/huggingface" : home;
}

std::string HubCacheFolder() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (std::string folder = Variable(name); !folder.empty()) return folder;
  }
  return HuggingFaceHome() + "/hub";
}

std::string Trimmed(std::string text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// A token becomes a header line: only what cannot end that line.
Result<std::string> HubToken() {
  std::string token = Trimmed(Variable("HF_TOKEN"));
  std::string where = "HF_TOKEN";
  if (token.empty()) {
    where = Variable("HF_TOKEN_PATH");
    if (where.empty()) where = HuggingFaceHome() + "/token";
    const auto file = ReadSmallFile(where, 4096);
    if (!file.ok() && file.error().code == Code::kNotFound) return std::string();
    if (!file.ok()) return file.error();
    token = Trimmed(file.value());
  }
  for (const char c : token) {
    if (c <= 0x20 || c >= 0x7f)
      return BadInput(where + ": not a token: it has spaces or control characters in it");
  }
  return token;
}

Result<std::string> HubEndpoint() {
  std::string endpoint = Variable("HF_ENDPOINT");
  if (endpoint.empty()) return HubOptions{}.endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const auto origin = OriginOf(endpoint);
  if (!origin.ok()) return BadInput("HF_ENDPOINT: " + origin.error().what);
  return endpoint;
}

// HF_HUB_DOWNLOAD_TIMEOUT: seconds without a byte before a transfer is tried again. The certificates are
// asked for under the names that curl and OpenSSL's programs know; libcurl itself looks at none.
Result<NetworkPolicy> Network() {
  NetworkPolicy policy;
  policy.ca_file = Variable("CURL_CA_BUNDLE");
  if (policy.ca_file.empty()) policy.ca_file = Variable("SSL_CERT_FILE");
  const std::string text = Variable("HF_HUB_DOWNLOAD_TIMEOUT");
  if (text.empty()) return policy;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), policy.stall_seconds);
  if (error == std::errc() && end == text.data() + text.size() && policy.stall_seconds >= 1 &&
      policy.stall_seconds <= 3600) {
    return policy;
  }
  return BadInput(fmt::format("HF_HUB_DOWNLOAD_TIMEOUT: '{}', expected 1 to 3600 seconds", text));
}

bool IsOn(const std::string& value) {
  return !value.empty() && value != "0" && value != "false" && value != "FALSE" && value != "no" &&
         value != "off";
}

// One line on stderr while it lasts, on a terminal; notes (a retry) as lines of their own.
Result<ModelFiles> WithProgress(const std::string& ref, bool offline, decltype(PullModel) get) {
  TERN_TRY(StoreOptions options, StoreOptionsFromEnvironment());
  options.offline = options.offline || offline;
  const InterruptScope scope;
  Progress progress("", Progress::Unit::kBytes);
  PullEvents events;
  events.stage = [&](const std::string& what) {
    progress.SetLabel(Printable(what));
    progress.Update(0, 0);
  };
  events.progress = [&](uint64_t done, uint64_t total) { progress.Update(done, total); };
  events.note = [&](const std::string& line) {
    progress.Finish();
    fmt::print(stderr, "{}\n", Styled(2, Style::kDim, Printable(line)));
  };
  events.cancelled = Interrupted;
  return get(ref, options, events);
}

}  // namespace

std::string PackedFolder() { return TernHome() + "/packed"; }
bool CachesWeights() { return !IsOn(Variable("TERN_NO_CACHE")); }

Result<StoreOptions> StoreOptionsFromEnvironment() {
  StoreOptions options;
  options.home = TernHome();
  options.hub.cache = HubCacheFolder();
  TERN_TRY(options.hub.token, HubToken());
  TERN_TRY(options.hub.endpoint, HubEndpoint());
  TERN_TRY(options.network, Network());
  options.hub.network = options.network;
  options.offline = IsOn(Variable("HF_HUB_OFFLINE")) || IsOn(Variable("TERN_OFFLINE"));
  if (const std::string python = Variable("TERN_PYTHON"); !python.empty())
    options.pypi.pip = {{python, "-m", "pip"}};
  if (const std::string path = Variable("TERN_CATALOGUE"); !path.empty()) {
    TERN_TRY(const std::string text, ReadSmallFile(path, 1 << 20));
    TERN_TRY(Catalogue own, ParseCatalogue(text, path));
    options.catalogue = Merged(std::move(own), options.catalogue);
  }
  return options;
}

Result<ModelFiles> ObtainModel(const std::string& ref, bool offline) {
  return WithProgress(ref, offline, ResolveModel);
}
Result<ModelFiles> RenewModel(const std::string& ref, bool offline) {
  return WithProgress(ref, offline, PullModel);
}

}  // namespace tern
