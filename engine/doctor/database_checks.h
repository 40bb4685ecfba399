// database_checks.h: is the database there, is it the right one, and would a run get through with it.
//
// Looks only: nothing is created, written or locked.
//
// Threads   one owner
#pragma once

#include <optional>
#include <vector>

#include "core/clock.h"
#include "doctor/finding.h"
#include "doctor/kube_api.h"
#include "icingest/pipeline.h"
#include "pg/control.h"

namespace icingest::doctor {

struct DatabaseExamination {
  std::vector<Finding> findings;
  std::optional<pg::Control> control;  // when it could be reached
  bool has_ledger = false;
};

// Whether it is there, its version, what the role may do, storage, disk space, clock, schema, and penalties in force.
// In a cluster the storage is looked at even when the database does not answer: it may be why.
[[nodiscard]] DatabaseExamination examine_database(const pg::DbConfig& db,
                                                   const std::vector<Pipeline>& pipelines,
                                                   const std::optional<ClusterAccess>& cluster,
                                                   const Clock& clock);

}  // namespace icingest::doctor
