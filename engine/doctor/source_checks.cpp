#include "doctor/source_checks.h"

#include <fmt/format.h>

#include <set>

#include "rate/quota.h"
#include "run/floor.h"

namespace icingest::doctor {
namespace {

// What is published minutes after the close is published by the session before the newest in any case.
Date a_published_session(Instant now) {
  Date date = nyse::last_closed_session(now) - std::chrono::days(1);
  while (!nyse::is_session(date)) date -= std::chrono::days(1);
  return date;
}

Date first_session_from(Date date) {
  while (!nyse::is_session(date)) date += std::chrono::days(1);
  return date;
}

// What a source has of a session. Values as they were traded can be decoded only with the list of splits, so of those the
// answer is not looked into.
Result<run::Probe> probe(run::Engine& engine, const Route& route, Date session) {
  if (!route.as_traded) return run::probe_session(engine, route, {}, session);
  const Unit unit{.key = "probe", .grain = Grain::session, .from = session, .to = session};
  ICINGEST_TRY_LET(const run::Engine::Reply reply,
                   engine.ask(&route, route.requests(unit, {}).front(),
                              [](Document&, std::string&) { return Result<void>{}; }));
  return run::Probe{.rows = reply.judgement.verdict == Verdict::success ? 1 : 0,
                    .verdict = reply.judgement.verdict,
                    .reason = std::string(reply.judgement.reason)};
}

class SourceExamination {
 public:
  SourceExamination(const run::Environment& environment, const SourceQuestions& questions)
      : environment_(environment), questions_(questions) {}

  std::vector<Finding> go() {
    for (const Pipeline& pipeline : environment_.pipelines)
      look_at(pipeline, pipeline.source, by_session(pipeline, false));
    for (const Pipeline& pipeline : environment_.pipelines) {
      for (const Route& route : pipeline.routes) {
        if (route.source) look_at(pipeline, *route.source, &route);
      }
    }
    return std::move(findings_);
  }

 private:
  static const Route* by_session(const Pipeline& pipeline, bool with_own_source) {
    for (const Route& route : pipeline.routes) {
      if (route.grain == Grain::session && route.source.has_value() == with_own_source) return &route;
    }
    return nullptr;
  }

  void look_at(const Pipeline& pipeline, const Source& source, const Route* route) {
    const std::string name(source.name);
    // A pipeline that can be asked by session says more of a source than one that cannot.
    if (route == nullptr && has_better(source)) return;
    if (!seen_.insert(name).second) return;
    if (source.store && !environment_.is_configured(source)) {
      findings_.push_back(ok("keys", fmt::format("{}: no keys, and no need of them", name)));
      return;
    }
    if (!source.contact_env.empty() && !environment_.is_configured(source)) {
      findings_.push_back(ok("keys", fmt::format("{}: {} is not set, and only {} needs it", name,
                                                 fmt::join(source.contact_env, " or "), pipeline.name)));
      return;
    }
    Result<fetch::SourceConfig> config = environment_.source_config(source);
    if (!config) {
      findings_.push_back(failure("keys", config.error()));
      return;
    }
    findings_.push_back(ok("keys", source.credential_env.empty() ? fmt::format("{}: needs no key", name)
                                                                 : fmt::format("{}: a key is set", name)));
    if (questions_.offline || route == nullptr || route->grain != Grain::session) {
      findings_.push_back(
          unknown("plan", fmt::format("{} was not asked", name),
                  questions_.offline ? "leave --offline out" : "the first run of its pipeline will tell"));
      return;
    }
    ask(pipeline, std::move(*config), *route);
  }

  [[nodiscard]] bool has_better(const Source& source) const {
    for (const Pipeline& pipeline : environment_.pipelines) {
      if (pipeline.source.name == source.name && by_session(pipeline, false) != nullptr) return true;
    }
    return false;
  }

  void ask(const Pipeline& pipeline, fetch::SourceConfig config, const Route& route) {
    const std::string name(config.source.name);
    config.outage_patience = environment_.outage_patience;
    run::EngineSource source = run::engine_source(environment_, config);
    if (!questions_.has_ledger) {
      source.make_quota = [clock = environment_.clock](const RateLimit& limit) {
        return std::make_unique<rate::LocalQuota>(limit, *clock);
      };
    }
    Metrics metrics;
    // The pipeline's source comes first; a route with one of its own is found behind it.
    run::EngineSettings settings{.db = environment_.db,
                                 .sources = {std::move(source)},
                                 .user_agent = fmt::format("icingest/{}", environment_.version),
                                 .pipeline = std::string(pipeline.name),
                                 .run_id = "doctor",
                                 .outage_patience = environment_.outage_patience};
    run::Engine engine(std::move(settings), *environment_.clock, metrics, *environment_.stop);
    const Date newest = a_published_session(environment_.clock->now());
    const Result<run::Probe> now = probe(engine, route, newest);
    if (!now) {
      findings_.push_back(failure("plan", now.error()));
      return;
    }
    if (now->rows == 0) {
      findings_.push_back(failure(
          "plan", fmt::format("{} gives nothing for {} ({})", name, icingest::to_string(newest), now->reason),
          "the plan behind this key does not include this data: upgrade it or set another key"));
      return;
    }
    ask_history(engine, name, route);
  }

  void ask_history(run::Engine& engine, const std::string& name, const Route& route) {
    const Date today = new_york::date_of(environment_.clock->now());
    const Date oldest = first_session_from(years_before(today, questions_.years));
    const Result<run::Probe> then = probe(engine, route, oldest);
    if (!then) {
      findings_.push_back(failure("plan", then.error()));
    } else if (then->rows == 0) {
      findings_.push_back(warning(
          "plan",
          fmt::format("{} gives nothing for {} ({}): the plan does not reach {} years back", name,
                      icingest::to_string(oldest),
                      then->verdict == Verdict::unavailable ? then->reason : "an empty answer",
                      questions_.years),
          "a run of so many years ends with code 5 after loading what there is: upgrade the plan, or ask for fewer --years"));
    } else {
      findings_.push_back(
          ok("plan", fmt::format("{} gives sessions from {} on", name, icingest::to_string(oldest))));
    }
  }

  const run::Environment& environment_;
  const SourceQuestions& questions_;
  std::set<std::string> seen_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine_sources(const run::Environment& environment, const SourceQuestions& questions) {
  return SourceExamination(environment, questions).go();
}

}  // namespace icingest::doctor
