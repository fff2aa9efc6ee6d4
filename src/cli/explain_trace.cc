#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "cli/explain.h"

namespace tern {
namespace {

namespace json = boost::json;

class Trace {
 public:
  Trace(const PlanLayout& layout, const Graph& graph) : layout_(layout), graph_(graph) {}

  void Add(const ExplainedStep& s) {
    step_ = &s.typical;
    ++process_;
    Name("process_name", 0, s.test);
    const StepProfile& p = s.typical.profile;
    for (size_t t = 0; t < p.threads; ++t) {
      Name("thread_name", t, t == 0 ? "thread 0 (engine)" : "thread " + std::to_string(t));
    }
    Event("schedule", "outside", 0, step_->begin, p.start);
    Event("bind tasks", "outside", 0, p.start, p.bound);
    size_t item = 0;
    for (size_t stage = 0; stage < p.stages; ++stage) {
      const size_t first = item;
      while (item < layout_.items.size() && layout_.items[item].stage == stage) ++item;
      if (!p.ran(stage)) continue;
      for (size_t t = 0; t < p.threads; ++t) AddVisit(p, stage, first, item, t);
    }
    Event("sample", "outside", 0, p.end, p.end + step_->sample_ns);
    Event("text, finish", "outside", 0, p.end + step_->sample_ns, step_->end);
  }

  std::string Text() && {
    return json::serialize(json::object{{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events_)}});
  }

 private:
  // A thread may take several chunks through the nodes of a stage: they are drawn one after another, each as
  // wide as all of its chunks.
  void AddVisit(const StepProfile& p, size_t stage, size_t first, size_t last, size_t thread) {
    const StepProfile::Visit& visit = p.visit(stage, thread);
    int64_t at = visit.begin;
    for (size_t i = first; i < last; ++i) {
      const int64_t busy = p.busy(i, thread);
      if (busy == 0) continue;
      Event(KindOf(graph_, graph_.nodes()[layout_.items[i].node]), "kernel", thread, at, at + busy);
      at += busy;
    }
    Event("wait", "wait", thread, at, visit.left);
  }

  void Event(const std::string& name, const char* category, size_t thread, int64_t begin, int64_t end) {
    if (end <= begin) return;
    events_.push_back({{"name", name},
                       {"cat", category},
                       {"ph", "X"},
                       {"pid", process_},
                       {"tid", thread},
                       {"ts", static_cast<double>(begin - step_->begin) / 1000},
                       {"dur", static_cast<double>(end - begin) / 1000}});
  }

  void Name(const char* what, size_t thread, const std::string& name) {
    events_.push_back(
        {{"name", what}, {"ph", "M"}, {"pid", process_}, {"tid", thread}, {"args", {{"name", name}}}});
  }

  const PlanLayout& layout_;
  const Graph& graph_;
  const EngineStep* step_ = nullptr;
  int process_ = 0;
  json::array events_;
};

}  // namespace

std::string ExplainTrace(const Explanation& e, const PlanLayout& layout, const Graph& graph) {
  Trace trace(layout, graph);
  for (const ExplainedStep& s : e.steps) trace.Add(s);
  return std::move(trace).Text();
}

}  // namespace tern
