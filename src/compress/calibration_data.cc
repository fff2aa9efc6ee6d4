#include "compress/calibration_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/hash128.h"
#include "engine/error_budget.h"

namespace tern {
namespace {

constexpr int kSampleTokens = 256;
// A few long documents are cut into many short ones, or no part would be like the others.
constexpr size_t kFewDocuments = 50, kPieceBytes = 4000, kEmbeddedPieceBytes = 300;

// A document as a model reads it.
struct TokenDocument {
  uint64_t hash = 0;
  Domain domain = Domain::kProse;
  std::vector<int32_t> tokens;
};

uint64_t HashTokens(std::span<const int32_t> tokens) { return HashBytes(std::as_bytes(tokens)).low; }

void Tokenize(const std::vector<Document>& documents, const Tokenizer& tokenizer,
              std::vector<TokenDocument>* into) {
  for (const Document& document : documents) {
    TokenDocument& d = into->emplace_back(TokenDocument{DocumentHash(document), document.domain, {}});
    // As if documents were one text: empty lines between them.
    tokenizer.Encode(document.text + "\n\n", /*parse_special=*/false, &d.tokens);
  }
}

std::vector<Document> EmbeddedDocuments() {
  std::vector<Document> pieces = CutDocuments(
      {{"the embedded text", Domain::kProse, std::string(CalibrationText())}}, kEmbeddedPieceBytes);
  for (Document& piece : pieces) piece.domain = DomainOf("", piece.text);
  OrderDocuments(&pieces);
  return pieces;
}

// The documents of `data`, many enough to be split.
Result<std::vector<Document>> ReadMany(const std::string& data) {
  TERN_TRY(std::vector<Document> documents, ReadDocuments(data));
  if (documents.size() >= kFewDocuments) return documents;
  size_t bytes = 0;
  for (const Document& document : documents) bytes += document.text.size();
  documents = CutDocuments(documents, std::clamp(bytes / kFewDocuments, size_t{200}, kPieceBytes));
  OrderDocuments(&documents);
  return documents;
}

DomainText& TextOf(Domain domain, std::vector<DomainText>* texts) {
  for (DomainText& text : *texts) {
    if (text.domain == DomainName(domain)) return text;
  }
  return texts->emplace_back(DomainText{std::string(DomainName(domain)), {}});
}

void Append(const TokenDocument& document, std::vector<DomainText>* texts) {
  std::vector<int32_t>& tokens = TextOf(document.domain, texts).tokens;
  tokens.insert(tokens.end(), document.tokens.begin(), document.tokens.end());
}

void SortDomains(std::vector<DomainText>* texts) {
  std::vector<DomainText> sorted;
  for (int i = 0; i < kDomains; ++i) {
    for (DomainText& text : *texts) {
      if (text.domain == DomainName(static_cast<Domain>(i)) && !text.tokens.empty())
        sorted.push_back(std::move(text));
    }
  }
  *texts = std::move(sorted);
}

class Gatherer {
 public:
  Gatherer(const std::shared_ptr<const LoadedModel>& model, const CalibrationOptions& options,
           const std::function<void(int64_t, int64_t)>& progress)
      : model_(model), options_(options), progress_(progress) {}

  Result<CalibrationData> Gather() {
    if (!options_.data.empty()) {
      TERN_TRY(const std::vector<Document> documents, ReadMany(options_.data));
      Tokenize(documents, *model_->tokenizer, &documents_);
      data_.source = options_.data;
      Split();
    }
    if (options_.data.empty() || IsTooLittle("the built-in text is used with it"))
      TERN_TRY_STATUS(AddBuiltIn());
    if (IsTooLittle("the embedded text is used, too")) AddEmbedded();
    FillEmptyParts();
    for (auto& part : data_.parts) SortDomains(&part);
    return std::move(data_);
  }

 private:
  void Split() {
    for (auto& part : data_.parts) part.clear();
    for (const TokenDocument& d : documents_) Append(d, &data_.parts[static_cast<size_t>(PartOf(d.hash))]);
  }

  // Notes what is missing, if anything is.
  bool IsTooLittle(std::string_view what_is_done) {
    std::string missing;
    for (int i = 0; i < kDataParts; ++i) {
      const auto part = static_cast<DataPart>(i);
      const int64_t least = kLeastTokens[static_cast<size_t>(i)];
      if (data_.tokens(part) >= least) continue;
      missing += fmt::format("{}{} tokens to {}, expected {}", missing.empty() ? "" : "; ",
                             data_.tokens(part), DataPartName(part), least);
    }
    if (!missing.empty())
      data_.notes.push_back(fmt::format("{}: {}: {}", data_.source, missing, what_is_done));
    return !missing.empty();
  }

  Status AddBuiltIn() {
    if (options_.generated_tokens > 0) {
      TERN_TRY(const auto samples, GenerateSamples(model_, options_.generated_tokens, SampleTokens(),
                                                   options_.seed, options_.threads, progress_));
      for (const auto& sample : samples)
        documents_.push_back({HashTokens(sample), Domain::kGenerated, sample});
    }
    const std::vector<Document> local = LocalDocuments(options_.domain_bytes);
    Tokenize(local, *model_->tokenizer, &documents_);
    const std::string_view added = local.empty() ? "text of the model's own, no files of this machine"
                                                 : "text of the model's own, files of this machine";
    data_.source += (data_.source.empty() ? "" : ", ") + std::string(added);
    Split();
    return {};
  }

  void AddEmbedded() {
    Tokenize(EmbeddedDocuments(), *model_->tokenizer, &documents_);
    data_.source += ", the embedded text";
    Split();
  }

  // Hashes of few documents may leave a part with none: then their order decides.
  void FillEmptyParts() {
    const bool some_empty =
        std::any_of(data_.parts.begin(), data_.parts.end(), [](const auto& part) { return part.empty(); });
    if (!some_empty) return;
    std::sort(documents_.begin(), documents_.end(),
              [](const TokenDocument& a, const TokenDocument& b) { return a.hash < b.hash; });
    for (auto& part : data_.parts) part.clear();
    constexpr size_t kTurns[] = {0, 1, 2, 0, 0};
    for (size_t i = 0; i < documents_.size(); ++i) Append(documents_[i], &data_.parts[kTurns[i % 5]]);
  }

  int SampleTokens() const {
    const int trained = model_->hparams().context;
    return trained > 1 ? std::min(kSampleTokens, trained - 1) : kSampleTokens;
  }

  const std::shared_ptr<const LoadedModel>& model_;
  const CalibrationOptions& options_;
  const std::function<void(int64_t, int64_t)>& progress_;
  std::vector<TokenDocument> documents_;
  CalibrationData data_;
};

}  // namespace

std::string_view DataPartName(DataPart part) {
  constexpr std::string_view kNames[kDataParts] = {"calibrate", "allocate", "evaluate"};
  return kNames[static_cast<size_t>(part)];
}

DataPart PartOf(uint64_t document_hash) {
  const uint64_t tenth = document_hash % 10;
  return tenth < 6 ? DataPart::kCalibrate : tenth < 8 ? DataPart::kAllocate : DataPart::kEvaluate;
}

int64_t CalibrationData::tokens(DataPart p) const {
  int64_t sum = 0;
  for (const DomainText& text : part(p)) sum += static_cast<int64_t>(text.tokens.size());
  return sum;
}

std::string CalibrationData::Summary() const {
  std::string summary;
  for (int i = 0; i < kDataParts; ++i) {
    const auto p = static_cast<DataPart>(i);
    std::string domains;
    for (const DomainText& text : part(p))
      domains += fmt::format("{}{} {}", domains.empty() ? "" : ", ", text.domain, text.tokens.size());
    summary += fmt::format("{}{} {} tokens ({})", i == 0 ? "" : "; ", DataPartName(p), tokens(p), domains);
  }
  return summary;
}

Result<CalibrationData> GatherCalibrationData(const std::shared_ptr<const LoadedModel>& model,
                                              const CalibrationOptions& options,
                                              const std::function<void(int64_t, int64_t)>& progress) {
  TERN_TRY_STATUS(CheckContinuesText(*model));
  if (model->tokenizer == nullptr)
    return BadInput(
        fmt::format("{}: has no tokenizer, calibration text needs one", model->checkpoint->path()));
  return Gatherer(model, options, progress).Gather();
}

Result<std::vector<DomainText>> MeasuringText(const Tokenizer& tokenizer, const std::string& path) {
  std::vector<Document> documents;
  if (path.empty()) {
    documents = LocalDocuments(CalibrationOptions().domain_bytes);
    std::erase_if(documents,
                  [](const Document& d) { return PartOf(DocumentHash(d)) != DataPart::kEvaluate; });
    if (documents.empty()) documents = EmbeddedDocuments();
  } else {
    TERN_TRY(documents, ReadDocuments(path));
  }
  std::vector<TokenDocument> tokenized;
  if (documents.size() > 1) {
    Tokenize(documents, tokenizer, &tokenized);
  } else {
    TokenDocument& only = tokenized.emplace_back(TokenDocument{0, documents[0].domain, {}});
    tokenizer.Encode(documents[0].text, false, &only.tokens);
  }
  std::vector<DomainText> texts;
  for (const TokenDocument& document : tokenized) Append(document, &texts);
  SortDomains(&texts);
  return texts;
}

}  // namespace tern
