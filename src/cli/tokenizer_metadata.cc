#include "cli/tokenizer_metadata.h"

#include <fmt/format.h>

#include "io/files.h"
#include "io/hf_folder.h"
#include "text/hf/gguf_tokenizer.h"

namespace tern {

Result<Metadata> TokenizerMetadata(const Checkpoint& checkpoint, const std::string& pre) {
  const std::string folder(checkpoint.path());
  const Tensor* table = checkpoint.Find("token_embd.weight");
  if (table == nullptr || !IsDirectory(folder) || !HasTokenizerFiles(folder)) return Metadata();
  TERN_TRY(const std::string architecture, checkpoint.metadata().Str("general.architecture"));
  TERN_TRY(auto described,
           DescribeTokenizerForGguf(folder,
                                    {.vocabulary = table->rows(), .architecture = architecture, .pre = pre}));
  for (const std::string& warning : described.warnings) fmt::print(stderr, "tern: {}\n", warning);
  return std::move(described.metadata);
}

}  // namespace tern
