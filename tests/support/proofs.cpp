#include "support/proofs.h"

#include <gtest/gtest.h>

#include "checkpoint/ledger_write.h"
#include "load/prove.h"
#include "pg/pg_conn.h"

namespace icingest::test {

void expect_proved(const pg::DbConfig& db, const TableInfo& table, std::int64_t rows) {
  auto conn = pg::PgConn::connect(db, std::chrono::seconds(10));
  ASSERT_TRUE(conn);
  const auto actual = load::prove(*conn, table);
  const auto ledger = checkpoint::read_proofs(*conn, table.name);
  ASSERT_TRUE(actual && ledger);
  ASSERT_EQ(actual->size(), ledger->size());
  std::int64_t sum = 0;
  for (const auto& [bucket, proof] : *actual) {
    EXPECT_EQ(proof.rows, ledger->at(bucket).rows);
    EXPECT_EQ(proof.digest, ledger->at(bucket).digest) << bucket;
    sum += proof.rows;
  }
  EXPECT_EQ(sum, rows);
}

}  // namespace icingest::test
