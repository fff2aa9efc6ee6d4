#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "text/hf/settings.h"
#include "text/tokenizer.h"

namespace tern {

// The tokenizer that a tokenizer.json describes, completed by the settings of its folder. Errors begin with
// `file`.
Result<std::unique_ptr<Tokenizer>> LoadTokenizerJson(const boost::json::value& json, std::string_view file,
                                                     const HfSettings& settings);

}  // namespace tern
