// proofs.h: the table itself against what the ledger says of it.
#pragma once

#include "icingest/table.h"
#include "pg/db_config.h"

namespace icingest::test {

// Fails the test unless every bucket of the table has the rows and the digest of the ledger, `rows` in all.
void expect_proved(const pg::DbConfig& db, const TableInfo& table, std::int64_t rows);

}  // namespace icingest::test
