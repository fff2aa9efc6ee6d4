#include "compress/overlay_checkpoint.h"

namespace tern {

Result<std::shared_ptr<LoadedModel>> BuildOverlay(std::unique_ptr<OverlayCheckpoint> overlay,
                                                  const BuildOptions& options) {
  auto model = std::make_shared<LoadedModel>();
  model->checkpoint = std::move(overlay);
  TERN_TRY(model->built, BuildModel(*model->checkpoint, options));
  return model;
}

}  // namespace tern
