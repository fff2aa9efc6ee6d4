#include "engine/step_report.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tern {
namespace {

constexpr std::string_view kLayerPrefix = "blk.";
constexpr int kBeforeLayers = -1, kBehindLayers = -2;

double Us(double ns) { return ns / 1000; }

// The layer of a weight's name; kBeforeLayers where it is of none.
int LayerOf(std::string_view name) {
  int layer = kBeforeLayers;
  if (name.starts_with(kLayerPrefix)) {
    name.remove_prefix(kLayerPrefix.size());
    std::from_chars(name.data(), name.data() + name.size(), layer);
  }
  return layer;
}

std::string_view ShortName(std::string_view name) {
  constexpr std::string_view kSuffix = ".weight";
  if (name.starts_with(kLayerPrefix)) {
    name.remove_prefix(std::min(name.size(), name.find('.', kLayerPrefix.size()) + 1));
  }
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  return name;
}

// Per node: its layer, or where it stands. Nodes without weights belong to those before them.
std::vector<int> LayersOf(const Graph& graph) {
  std::vector<int> layers;
  int at = kBeforeLayers;
  for (const Node& node : graph.nodes()) {
    for (const ValueId id : node.inputs) {
      const Value& value = graph.value(id);
      if (!value.is_weight()) continue;
      const int layer = LayerOf(value.name);
      if (layer >= 0) at = layer;
      if (layer < 0 && at >= 0 && value.name.find("rope") == std::string::npos) at = kBehindLayers;
      break;
    }
    layers.push_back(at);
  }
  return layers;
}

struct NodeTime {
  double ns = 0, wait_ns = 0;
};

// Adds up one step after another.
class Adder {
 public:
  Adder(const PlanLayout& layout, size_t nodes) : layout_(layout), times_(nodes) {
    threads_.resize(static_cast<size_t>(layout.threads));
    first_item_.assign(layout.stages + 1, layout.items.size());
    for (size_t i = layout.items.size(); i-- > 0;) first_item_[layout.items[i].stage] = i;
  }

  void Add(const StepProfile& p) {
    size_t last = 0;
    for (size_t s = 0; s < layout_.stages; ++s) last = p.ran(s) ? s : last;
    int64_t at = p.bound;
    for (size_t s = 0; s < layout_.stages; ++s) {
      if (!p.ran(s)) continue;
      const int64_t passed = s == last ? p.end : Passed(p, s);
      AddStage(p, s, at, passed);
      at = passed;
      ++stages_;
    }
    ++steps_;
  }

  std::vector<NodeTime> Times() const {
    std::vector<NodeTime> mean = times_;
    for (NodeTime& t : mean) t = {t.ns / steps_, t.wait_ns / steps_};
    return mean;
  }
  IdleTime Idle() const {
    return {Us(serial_ns_ / steps_), Us(uneven_ns_ / steps_), Us(barrier_ns_ / steps_)};
  }
  std::vector<ThreadTime> Threads() const {
    std::vector<ThreadTime> mean = threads_;
    for (ThreadTime& t : mean) t = {Us(t.busy_us / steps_), Us(t.wait_us / steps_)};
    return mean;
  }
  int stages() const { return static_cast<int>(stages_ / steps_); }

 private:
  double Busy(const StepProfile& p, size_t stage, size_t thread) const {
    double busy = 0;
    for (size_t i = first_item_[stage]; i < layout_.items.size() && layout_.items[i].stage == stage; ++i) {
      busy += static_cast<double>(p.busy(i, thread));
    }
    return busy;
  }

  // When the first thread got past the barrier behind a stage: all have been there by then, and none has
  // begun the next.
  static int64_t Passed(const StepProfile& p, size_t stage) {
    int64_t first = std::numeric_limits<int64_t>::max();
    for (size_t t = 0; t < p.threads; ++t) first = std::min(first, p.visit(stage, t).left);
    return first;
  }

  void AddStage(const StepProfile& p, size_t stage, int64_t begin, int64_t end) {
    const auto wall = static_cast<double>(end - begin), threads = static_cast<double>(p.threads);
    double busy = 0, late = 0;
    int workers = 0;
    int64_t done = begin;
    for (size_t t = 0; t < p.threads; ++t) {
      const double mine = Busy(p, stage, t);
      const StepProfile::Visit& visit = p.visit(stage, t);
      threads_[t].busy_us += mine;
      threads_[t].wait_us += wall - mine;
      busy += mine;
      workers += mine > 0 ? 1 : 0;
      late += static_cast<double>(visit.begin - begin);
      done = std::max(done, visit.done);
    }
    const double wait = wall - busy / threads;
    const double barrier = static_cast<double>(end - done) + late / threads;
    barrier_ns_ += barrier;
    (workers == 1 && p.threads > 1 ? serial_ns_ : uneven_ns_) += wait - barrier;
    for (size_t i = first_item_[stage]; i < layout_.items.size() && layout_.items[i].stage == stage; ++i) {
      double mine = 0;
      for (size_t t = 0; t < p.threads; ++t) mine += static_cast<double>(p.busy(i, t));
      const double share = busy > 0 ? mine / busy : i == first_item_[stage] ? 1 : 0;
      times_[layout_.items[i].node].ns += wall * share;
      times_[layout_.items[i].node].wait_ns += wait * share;
    }
  }

  const PlanLayout& layout_;
  std::vector<size_t> first_item_;  // by stage
  std::vector<NodeTime> times_;
  std::vector<ThreadTime> threads_;  // nanoseconds until they are divided
  double serial_ns_ = 0, barrier_ns_ = 0, uneven_ns_ = 0, stages_ = 0, steps_ = 0;
};

void AddTo(ReportNode& parent, const ReportNode& child) {
  parent.nodes += child.nodes;
  parent.us += child.us;
  parent.wait_us += child.wait_us;
  parent.work += child.work;
}

ReportNode& ChildNamed(ReportNode& parent, const std::string& name, const std::string& op) {
  for (ReportNode& child : parent.children) {
    if (child.name == name) return child;
  }
  parent.children.push_back({.name = name, .op = op});
  return parent.children.back();
}

ReportNode Outside(std::span<const EngineStep* const> steps) {
  double schedule = 0, bind = 0, sample = 0, text = 0, rest = 0;
  for (const EngineStep* s : steps) {
    schedule += static_cast<double>(s->profile.start - s->begin);
    bind += static_cast<double>(s->profile.bound - s->profile.start);
    sample += static_cast<double>(s->sample_ns);
    text += static_cast<double>(s->text_ns);
    rest += static_cast<double>(s->end - s->profile.end - s->sample_ns - s->text_ns);
  }
  const auto n = static_cast<double>(steps.size());
  ReportNode outside{.name = "outside kernels"};
  const auto add = [&](const char* name, double ns) {
    outside.children.push_back({.name = name, .us = Us(ns / n)});
    outside.us += Us(ns / n);
  };
  add("schedule", schedule);
  add("bind tasks", bind);
  add("sample", sample);
  add("text", text);
  add("finish", rest);
  return outside;
}

void SortByTime(std::vector<ReportNode>& nodes) {
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const ReportNode& a, const ReportNode& b) { return a.us > b.us; });
}

}  // namespace

std::string KindOf(const Graph& graph, const Node& node) {
  std::string kind(node.op->name), separator = " ";
  for (const ValueId id : node.inputs) {
    const Value& value = graph.value(id);
    // Vectors beside a matrix are its bias.
    if (!value.is_weight() || (separator == "+" && value.type.shape.size() == 1)) continue;
    kind += separator + std::string(ShortName(value.name));
    separator = "+";
  }
  return kind;
}

std::vector<const EngineStep*> MiddleHalf(std::span<const EngineStep> steps) {
  std::vector<const EngineStep*> sorted;
  for (const EngineStep& step : steps) sorted.push_back(&step);
  std::sort(sorted.begin(), sorted.end(),
            [](const EngineStep* a, const EngineStep* b) { return a->ns() < b->ns(); });
  const size_t quarter = sorted.size() / 4;
  return {sorted.begin() + static_cast<ptrdiff_t>(quarter), sorted.end() - static_cast<ptrdiff_t>(quarter)};
}

StepReport MakeStepReport(std::span<const EngineStep* const> steps, const PlanLayout& layout,
                          const WorkContext& context) {
  const Graph& graph = context.graph;
  Adder adder(layout, graph.nodes().size());
  for (const EngineStep* step : steps) adder.Add(step->profile);
  const std::vector<NodeTime> times = adder.Times();
  std::vector<NodeWork> work(times.size());
  for (const PlanLayout::Item& item : layout.items) {
    const bool first = &item == layout.items.data() || (&item - 1)->node != item.node;
    if (!first) continue;  // a later phase
    // Decode steps are one token apart: averaged, like their times.
    for (const EngineStep* step : steps) {
      NodeWork w = CountWork({graph, step->profile, context.kv_layers, context.kv_type}, item);
      const auto n = static_cast<double>(steps.size());
      work[item.node] +=
          {w.weight_bytes / n, w.kv_bytes / n, w.activation_bytes / n, w.int8_ops / n, w.f32_ops / n};
    }
  }

  StepReport report;
  report.step.name = "step";
  report.stages = adder.stages();
  report.idle = adder.Idle();
  report.threads = adder.Threads();
  ReportNode input{.name = "input"}, layers{.name = "layers"}, output{.name = "output"}, ops;
  const std::vector<int> layer_of = LayersOf(graph);
  for (size_t i = 0; i < times.size(); ++i) {
    const std::string op(graph.nodes()[i].op->name), kind = KindOf(graph, graph.nodes()[i]);
    const int layer = layer_of[i];
    ReportNode leaf{.name = layer >= 0 ? "layer " + std::to_string(layer) : kind,
                    .op = op,
                    .nodes = 1,
                    .us = Us(times[i].ns),
                    .wait_us = Us(times[i].wait_ns),
                    .work = work[i]};
    ReportNode& group = layer >= 0 ? layers : layer == kBeforeLayers ? input : output;
    ReportNode& of_kind = ChildNamed(group, kind, op);
    AddTo(group, leaf);
    AddTo(of_kind, leaf);
    AddTo(ChildNamed(ops, op, op), leaf);
    if (layer >= 0) of_kind.children.push_back(leaf);
    leaf.name = layer >= 0 ? leaf.name + " " + kind : kind;
    report.nodes.push_back(std::move(leaf));
  }
  if (!layer_of.empty()) {
    const int last = *std::max_element(layer_of.begin(), layer_of.end());
    if (last >= 0) layers.name = std::to_string(last + 1) + " layers";
  }
  report.ops = std::move(ops.children);
  SortByTime(report.ops);
  SortByTime(report.nodes);
  report.step.children = {Outside(steps), std::move(input), std::move(layers), std::move(output)};
  report.outside_us = report.step.children[0].us;
  for (const ReportNode& child : report.step.children) AddTo(report.step, child);
  std::erase_if(report.step.children, [](const ReportNode& n) { return n.us == 0 && n.nodes == 0; });
  return report;
}

}  // namespace tern
