#include "io/model_ref.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/files.h"

namespace tern {
namespace {

constexpr std::string_view kAlnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool Has(std::string_view text, std::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return kAlnum.find(c) != std::string_view::npos || also.find(c) != std::string_view::npos;
  });
}

Error Malformed(std::string_view text, std::string_view expected) {
  return BadInput(fmt::format("{}: not a model reference, expected {}", text, expected));
}

bool IsRepoPart(std::string_view part) {
  return Has(part, "-._") && part.size() <= 96 && kAlnum.find(part.front()) != std::string_view::npos &&
         part.find("..") == std::string_view::npos && part.find("--") == std::string_view::npos;
}

Result<ModelRef> ParseHub(std::string_view text) {
  constexpr std::string_view kForm = "hf:org/repo[@revision][:quant]";
  ModelRef ref{.kind = ModelRef::Kind::kHub, .text = std::string(text), .revision = "main"};
  std::string_view rest = text.substr(3);
  const size_t colon = rest.find(':');
  if (colon != std::string_view::npos) {
    ref.quant = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!IsSafeRelativePath(ref.quant)) return Malformed(text, kForm);
  }
  const size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    ref.revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!Has(ref.revision, "-._/") || !IsSafeRelativePath(ref.revision)) return Malformed(text, kForm);
  }
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos || !IsRepoPart(rest.substr(0, slash)) ||
      !IsRepoPart(rest.substr(slash + 1))) {
    return Malformed(text, kForm);
  }
  ref.repo = rest;
  return ref;
}

// Package and version become words of a command line: nothing in them may look like an option.
Result<ModelRef> ParsePypi(std::string_view text) {
  constexpr std::string_view kForm = "pypi:package[==version][/path/in/wheel]";
  ModelRef ref{.kind = ModelRef::Kind::kPypi, .text = std::string(text)};
  std::string_view rest = text.substr(5);
  const size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    ref.member = rest.substr(slash + 1);
    if (ref.member.ends_with('/')) ref.member.pop_back();  // of a folder
    rest = rest.substr(0, slash);
    if (!IsSafeRelativePath(ref.member)) return Malformed(text, kForm);
  }
  const size_t equals = rest.find("==");
  if (equals != std::string_view::npos) {
    ref.version = rest.substr(equals + 2);
    rest = rest.substr(0, equals);
    if (!Has(ref.version, ".!+_-")) return Malformed(text, kForm);
  }
  ref.package = rest;
  if (!Has(ref.package, "-._") || kAlnum.find(ref.package.front()) == std::string_view::npos) {
    return Malformed(text, kForm);
  }
  return ref;
}

Result<ModelRef> ParseWeb(std::string_view text) {
  ModelRef ref{.kind = ModelRef::Kind::kUrl, .text = std::string(text)};
  ref.url = text.substr(0, text.find('#'));
  if (ref.url.size() == text.size()) return ref;
  const std::string_view fragment = text.substr(ref.url.size() + 1);
  if (fragment.starts_with("sha256=")) ref.sha256 = fragment.substr(7);
  for (char& c : ref.sha256) c = static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c);
  if (!IsHex(ref.sha256, 64)) return Malformed(text, "#sha256= and 64 hexadecimal digits");
  return ref;
}

}  // namespace

Result<ModelRef> ParseModelRef(std::string_view text) {
  if (text.empty()) return BadInput("the model: an empty name");
  if (text.size() > 4096 || text.find('\0') != std::string_view::npos)
    return BadInput("the model: not a name");
  if (text.starts_with("hf:")) return ParseHub(text);
  if (text.starts_with("pypi:")) return ParsePypi(text);
  if (text.starts_with("https://") || text.starts_with("http://")) return ParseWeb(text);
  const bool name = Has(text, "-._") && text.front() != '.' && !text.ends_with(".gguf");
  return ModelRef{.kind = name ? ModelRef::Kind::kName : ModelRef::Kind::kPath, .text = std::string(text)};
}

}  // namespace tern
