#pragma once
// Tokenizers of the years before tokenizer.json, described as the tokenizer.json that Transformers makes of
// them.

#include <boost/json/value.hpp>
#include <string_view>

#include "base/result.h"
#include "text/hf/settings.h"

namespace tern {

// BERT's WordPiece: vocab.txt has a token per line.
Result<boost::json::value> DescribeVocabTxt(std::string_view vocab, const HfSettings& settings);

// Byte-level BPE: vocab.json has ids by token, merges.txt a merge per line.
Result<boost::json::value> DescribeVocabAndMerges(boost::json::value vocab, std::string_view merges,
                                                  const HfSettings& settings);

}  // namespace tern
