// The DDL of financials, and what stands on it and on financial_facts.
#include "icingest/financial_rows.h"

namespace icingest {

constinit const std::string_view kFinancialsSchema = R"sql(
CREATE TABLE financials (
  id bigserial PRIMARY KEY,
  ticker varchar(32) NOT NULL,
  cik bigint,
  filing_date date NOT NULL,
  latest_filing_date date,
  period_start_date date,
  period_end_date date NOT NULL,
  fiscal_year integer NOT NULL,
  fiscal_quarter integer,
  period varchar(2) NOT NULL,
  statement_type varchar(20),
  form varchar(20),
  currency varchar(3),
  taxonomy varchar(32),
  accession varchar(25),
  revenue bigint,
  cost_of_revenue bigint,
  gross_profit bigint,
  operating_expenses bigint,
  operating_income bigint,
  interest_expense bigint,
  pretax_income bigint,
  income_tax bigint,
  net_income bigint,
  eps_basic numeric(20,6),
  eps_diluted numeric(20,6),
  revenue_first bigint,
  net_income_first bigint,
  eps_basic_first numeric(20,6),
  eps_diluted_first numeric(20,6),
  shares_outstanding bigint,
  cover_shares bigint,
  weighted_shares_basic bigint,
  weighted_shares_diluted bigint,
  total_assets bigint,
  current_assets bigint,
  inventory bigint,
  cash_and_equivalents bigint,
  total_liabilities bigint,
  current_liabilities bigint,
  short_term_debt bigint,
  long_term_debt bigint,
  shareholders_equity bigint,
  minority_interest bigint,
  operating_cash_flow bigint,
  investing_cash_flow bigint,
  financing_cash_flow bigint,
  capex bigint,
  free_cash_flow bigint,
  depreciation_amortization bigint,
  stock_compensation bigint,
  dividends_paid bigint,
  pe_ratio numeric(20,4),
  pb_ratio numeric(20,4),
  ps_ratio numeric(20,4),
  debt_to_equity numeric(20,4),
  current_ratio numeric(20,4),
  quick_ratio numeric(20,4),
  roe numeric(20,4),
  roa numeric(20,4),
  roic numeric(20,4),
  gross_margin numeric(20,4),
  operating_margin numeric(20,4),
  net_margin numeric(20,4),
  sec_filing_url varchar(500),
  raw_data jsonb,
  derived text,
  sources text,
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX financials_key ON financials (ticker, period_end_date, period);
CREATE UNIQUE INDEX financials_quarter_key ON financials (ticker, period_end_date, fiscal_quarter) NULLS NOT DISTINCT;
CREATE INDEX financials_by_ticker ON financials (ticker, fiscal_year DESC, fiscal_quarter, period_end_date DESC);
CREATE INDEX financials_by_cik ON financials (cik);
CREATE INDEX financials_by_end ON financials (period_end_date DESC);
)sql";

// The old rule let a null quarter differ from itself, so every run added each year anew. One row of a period can stay:
// the newest, which also gets what referred to the others. Those are kept as they were in icingest.set_aside.
constinit const std::string_view kFinancialsAdopt = R"sql(
ALTER TABLE financials ADD COLUMN IF NOT EXISTS period varchar(2);
UPDATE financials SET period = coalesce('Q' || fiscal_quarter, 'FY') WHERE period IS NULL;
CREATE TEMP TABLE icingest_older ON COMMIT DROP AS
  SELECT id, newest FROM (
    SELECT id, max(id) OVER (PARTITION BY ticker, period_end_date, period) AS newest FROM financials) AS f
  WHERE id < newest;
DO $do$
DECLARE reference record;
BEGIN
  FOR reference IN
    SELECT k.conrelid::regclass AS child, a.attname AS name FROM pg_constraint k
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    WHERE k.confrelid = 'financials'::regclass AND k.contype = 'f' AND cardinality(k.conkey) = 1
  LOOP
    EXECUTE format('UPDATE %s AS c SET %I = o.newest FROM icingest_older o WHERE c.%I = o.id',
                   reference.child, reference.name, reference.name);
  END LOOP;
END $do$;
INSERT INTO icingest.set_aside (table_name, why, row)
  SELECT 'financials', 'an older copy of a period', to_jsonb(f) FROM financials f JOIN icingest_older USING (id);
DELETE FROM financials f USING icingest_older o WHERE f.id = o.id;
SELECT format('financials held %s older copies of periods; they are in icingest.set_aside now', count(*))
  FROM icingest_older HAVING count(*) > 0;
)sql";

constinit const std::string_view kFinancialsViews = R"sql(
-- Year-to-date figures as they were reported: facts that begin with a fiscal year and end with one of its quarters.
CREATE OR REPLACE VIEW financial_facts_ytd AS
SELECT s.ticker, f.cik, s.fiscal_year, s.fiscal_quarter, s.period, f.taxonomy, f.concept, f.unit, f.period_start,
       f.period_end, f.days, f.value, f.accession, f.form, f.filed
FROM (SELECT ticker, cik, fiscal_year, fiscal_quarter, period, period_end_date,
             -- A transition period can have the label of a year: each row goes back to the nearest beginning.
             max(period_start_date) FILTER (WHERE coalesce(fiscal_quarter, 1) = 1)
               OVER (PARTITION BY ticker, fiscal_year ORDER BY period_start_date) AS year_start
      FROM financials) AS s
JOIN financial_facts AS f ON f.cik = s.cik AND f.period_start = s.year_start AND f.period_end = s.period_end_date;

-- Facts as they were known on a day: of each the value filed last by then. Exact.
CREATE OR REPLACE FUNCTION financial_facts_as_of(as_of date, company bigint DEFAULT NULL)
RETURNS SETOF financial_facts LANGUAGE sql STABLE AS $body$
  SELECT DISTINCT ON (cik, taxonomy, concept, unit, period_end, days) * FROM financial_facts
  WHERE filed <= as_of AND (company IS NULL OR cik = company)
  ORDER BY cik, taxonomy, concept, unit, period_end, days, filed DESC, accession DESC
$body$;

-- Statements as they were known on a day, from what `financials` keeps of each value: the first and the latest. A
-- value restated more than once is given as first filed until its latest filing is known; `icingest financials
-- --as-of` makes it exactly from the facts. Values of today's labels, and per share on today's split basis.
CREATE OR REPLACE FUNCTION financials_as_of(as_of date, symbol text DEFAULT NULL)
RETURNS SETOF financials LANGUAGE sql STABLE AS $body$
  SELECT ratio.*
  FROM financials AS f
  CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(field, CASE
             WHEN first_filed > as_of THEN 'null'::jsonb
             WHEN v ? 'first_value'
               THEN to_jsonb(round((v ->> 'first_value')::numeric, CASE WHEN field LIKE 'eps%' THEN 6 ELSE 0 END))
             ELSE to_jsonb(f) -> field END) FILTER (WHERE latest_filed > as_of) AS old_values,
           max(CASE WHEN latest_filed <= as_of THEN latest_filed WHEN first_filed <= as_of THEN first_filed END)
             AS newest_filing
    FROM jsonb_each(f.sources::jsonb -> 'fields') AS each_field(field, v)
    CROSS JOIN LATERAL (SELECT coalesce((v ->> 'first_filed')::date, f.filing_date) AS first_filed) AS first_day
    CROSS JOIN LATERAL (SELECT coalesce((v ->> 'latest_filed')::date, first_filed) AS latest_filed) AS latest_day
  ) AS past
  CROSS JOIN LATERAL jsonb_populate_record(f, CASE WHEN past.old_values IS NULL THEN '{}'::jsonb
    ELSE past.old_values || jsonb_build_object('latest_filing_date', past.newest_filing) END) AS old
  CROSS JOIN LATERAL jsonb_populate_record(old, CASE WHEN past.old_values IS NULL THEN '{}'::jsonb
    ELSE jsonb_build_object(
      'gross_margin', CASE WHEN old.revenue > 0 THEN round(old.gross_profit * 100.0 / old.revenue, 4) END,
      'operating_margin', CASE WHEN old.revenue > 0 THEN round(old.operating_income * 100.0 / old.revenue, 4) END,
      'net_margin', CASE WHEN old.revenue > 0 THEN round(old.net_income * 100.0 / old.revenue, 4) END,
      'roe', CASE WHEN old.shareholders_equity > 0 THEN round(old.net_income * 100.0 / old.shareholders_equity, 4) END,
      'roa', CASE WHEN old.total_assets > 0 THEN round(old.net_income * 100.0 / old.total_assets, 4) END,
      'roic', NULL,
      'debt_to_equity', CASE WHEN old.shareholders_equity > 0 THEN
        round((coalesce(old.short_term_debt, 0) + coalesce(old.long_term_debt, 0))::numeric
              / old.shareholders_equity, 4) END,
      'current_ratio', CASE WHEN old.current_liabilities > 0 THEN
        round(old.current_assets::numeric / old.current_liabilities, 4) END,
      'quick_ratio', CASE WHEN old.current_liabilities > 0 THEN
        round((old.current_assets - coalesce(old.inventory, 0))::numeric / old.current_liabilities, 4) END) END)
    AS ratio
  WHERE f.filing_date <= as_of AND (symbol IS NULL OR f.ticker = symbol)
$body$;
)sql";

}  // namespace icingest
