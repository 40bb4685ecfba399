-- The ledger: what was asked for, what came, and what the tables must therefore hold.
-- Every statement can run again; a change appends a numbered step at the end.

CREATE SCHEMA IF NOT EXISTS icingest;

CREATE TABLE IF NOT EXISTS icingest.meta (
  key text PRIMARY KEY,
  value text NOT NULL
);

-- One row per invocation of a pipeline.
CREATE TABLE IF NOT EXISTS icingest.runs (
  run_id uuid PRIMARY KEY,
  pipeline text NOT NULL,
  strategy text,
  window_from date,
  window_to date,
  arguments text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  exit_code integer,
  report jsonb
);
CREATE INDEX IF NOT EXISTS runs_by_pipeline ON icingest.runs (pipeline, started_at DESC);

-- One row per unit of work, written in the transaction that loads its rows.
CREATE TABLE IF NOT EXISTS icingest.units (
  pipeline text NOT NULL,
  unit text NOT NULL,
  state text NOT NULL CHECK (state IN ('done', 'empty', 'unavailable', 'failed')),
  reason text NOT NULL DEFAULT '',
  symbol text NOT NULL DEFAULT '',          -- of a unit that is one symbol's
  from_date date NOT NULL,                  -- sessions it covers, both inclusive
  to_date date NOT NULL,
  basis date NOT NULL,                      -- New York day the source was asked: prices are adjusted as of then
  scope text NOT NULL DEFAULT '',           -- '' members, 'all' every symbol, 'set:…' a restricted run's own set
  epoch integer NOT NULL DEFAULT 0,         -- members up to this epoch were kept
  attempts integer NOT NULL,
  rows bigint NOT NULL,                     -- delivered and accepted
  rejected bigint NOT NULL,
  bytes bigint NOT NULL,                    -- on the wire
  digest text NOT NULL,                     -- of the accepted rows, as delivered
  route text NOT NULL DEFAULT '',           -- how it was had
  etag text NOT NULL DEFAULT '',
  last_modified text NOT NULL DEFAULT '',
  fetch_ms integer NOT NULL,
  decode_ms integer NOT NULL,
  run_id uuid NOT NULL,
  commit_id bigint NOT NULL,                -- names the transaction: answers whether a COMMIT in doubt happened
  generation integer NOT NULL,              -- counts writes; a writer that expected another count has been overtaken
  asked_at timestamptz NOT NULL,
  committed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pipeline, unit)
);
CREATE INDEX IF NOT EXISTS units_by_commit ON icingest.units (commit_id);

-- What each bucket of a table holds by now: every change of rows changes its bucket in the same transaction.
-- Digests are four sums mod 2^32 of the rows' XXH3-128.
CREATE TABLE IF NOT EXISTS icingest.proofs (
  dataset text NOT NULL,
  bucket bigint NOT NULL,
  rows bigint NOT NULL,
  d0 bigint NOT NULL,
  d1 bigint NOT NULL,
  d2 bigint NOT NULL,
  d3 bigint NOT NULL,
  PRIMARY KEY (dataset, bucket)
);

-- Rows that could not be taken, as they came. A unit that is read again replaces its rejects.
CREATE TABLE IF NOT EXISTS icingest.rejects (
  id bigserial PRIMARY KEY,
  pipeline text NOT NULL,
  unit text NOT NULL,
  reason text NOT NULL,
  column_name text NOT NULL,
  raw text NOT NULL,
  source text NOT NULL,
  run_id uuid NOT NULL,
  rejected_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS rejects_by_unit ON icingest.rejects (pipeline, unit);

-- Since which epoch a symbol belongs to a pipeline's universe. Units of an earlier epoch do not hold its rows.
CREATE TABLE IF NOT EXISTS icingest.members (
  pipeline text NOT NULL,
  symbol text NOT NULL,
  epoch integer NOT NULL,
  PRIMARY KEY (pipeline, symbol)
);

-- The request slots of each source and key (engine/rate/slots.h), in microseconds since 1970 by this server's clock.
CREATE TABLE IF NOT EXISTS icingest.quotas (
  source text PRIMARY KEY,
  permits integer NOT NULL,
  window_us bigint NOT NULL,
  free_at bigint[] NOT NULL DEFAULT '{}',      -- one entry per slot, in each array
  was_free_at bigint[] NOT NULL DEFAULT '{}',
  lease bigint[] NOT NULL DEFAULT '{}',
  last_lease bigint NOT NULL DEFAULT 0,
  blocked_until bigint NOT NULL DEFAULT 0
);

-- Who uses a quota, how many slots each could use, and until when it counts; and until when the source is left alone
-- because it fails everybody.
ALTER TABLE icingest.quotas
  ADD COLUMN IF NOT EXISTS version bigint NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS away_until bigint NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS sharer bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN IF NOT EXISTS wants bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN IF NOT EXISTS wants_until bigint[] NOT NULL DEFAULT '{}';

-- 2: ledgers made before units knew their route.
ALTER TABLE icingest.units ADD COLUMN IF NOT EXISTS route text NOT NULL DEFAULT '';

-- 3: changes of many buckets at once, such as a symbol's history makes. Appended, not added to the buckets' rows, for
-- which loaders would wait for one another; folded into them now and then, and when a run ends.
CREATE TABLE IF NOT EXISTS icingest.proof_changes (
  dataset text NOT NULL,
  bucket bigint[] NOT NULL,                    -- one entry per bucket, in each array
  rows bigint[] NOT NULL,
  d0 bigint[] NOT NULL,
  d1 bigint[] NOT NULL,
  d2 bigint[] NOT NULL,
  d3 bigint[] NOT NULL
);
CREATE OR REPLACE VIEW icingest.proof_sums AS
SELECT dataset, bucket, sum(rows)::bigint AS rows, (sum(d0)::bigint & 4294967295) AS d0,
  (sum(d1)::bigint & 4294967295) AS d1, (sum(d2)::bigint & 4294967295) AS d2, (sum(d3)::bigint & 4294967295) AS d3
FROM (SELECT dataset, bucket, rows, d0, d1, d2, d3 FROM icingest.proofs
  UNION ALL SELECT c.dataset, u.* FROM icingest.proof_changes c, unnest(c.bucket, c.rows, c.d0, c.d1, c.d2, c.d3) AS u) AS x
GROUP BY dataset, bucket;
CREATE OR REPLACE FUNCTION icingest.fold_proofs() RETURNS void LANGUAGE sql AS $fold$
  WITH changes AS (DELETE FROM icingest.proof_changes RETURNING *)
  INSERT INTO icingest.proofs AS p (dataset, bucket, rows, d0, d1, d2, d3)
  SELECT c.dataset, u.bucket, sum(u.rows), sum(u.d0)::bigint & 4294967295, sum(u.d1)::bigint & 4294967295,
    sum(u.d2)::bigint & 4294967295, sum(u.d3)::bigint & 4294967295
  FROM changes c, unnest(c.bucket, c.rows, c.d0, c.d1, c.d2, c.d3) AS u (bucket, rows, d0, d1, d2, d3)
  GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (dataset, bucket) DO UPDATE SET rows = p.rows + excluded.rows,
    d0 = (p.d0 + excluded.d0) & 4294967295, d1 = (p.d1 + excluded.d1) & 4294967295,
    d2 = (p.d2 + excluded.d2) & 4294967295, d3 = (p.d3 + excluded.d3) & 4294967295
$fold$;

-- 4: what looks wrong in the data itself, by company; made anew when the company is loaded.
CREATE TABLE IF NOT EXISTS icingest.findings (
  cik bigint NOT NULL,
  rule varchar(32) NOT NULL,
  period_end date NOT NULL,
  period varchar(2) NOT NULL,               -- FY, Q1 …; empty: a single fact
  field text NOT NULL,
  accession varchar(25) NOT NULL,
  expected numeric,
  actual numeric,
  detail text NOT NULL,
  found_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (cik, rule, period_end, period, field, accession)
);

-- Rows of tables that others filled and whose key now allows one of them, as they were.
CREATE TABLE IF NOT EXISTS icingest.set_aside (
  table_name text NOT NULL,
  why text NOT NULL,
  row jsonb NOT NULL,
  set_aside_at timestamptz NOT NULL DEFAULT now()
);

-- 5: runs that several processes share (docs/architecture.md, "Several processes"). Instants are this server's.
ALTER TABLE icingest.runs ADD COLUMN IF NOT EXISTS crew uuid;
CREATE INDEX IF NOT EXISTS runs_by_crew ON icingest.runs (crew) WHERE crew IS NOT NULL;

-- One run of all processes that were started with the same command.
CREATE TABLE IF NOT EXISTS icingest.crews (
  crew uuid PRIMARY KEY,
  pipeline text NOT NULL,
  command text NOT NULL,                    -- what it is about: options and symbols, as a fingerprint
  planned_at bigint NOT NULL,               -- microseconds since 1970 by its first worker's clock: all plan as of then
  step integer NOT NULL DEFAULT 0,          -- how many steps of the run have been planned or finished
  strategy text NOT NULL DEFAULT '',
  streams integer NOT NULL DEFAULT 1,
  planned bigint NOT NULL DEFAULT 0,        -- units
  skipped bigint NOT NULL DEFAULT 0,
  unavailable bigint NOT NULL DEFAULT 0,
  mark text NOT NULL DEFAULT '',            -- the day through which restatements will have been looked at
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz
);
CREATE INDEX IF NOT EXISTS crews_open ON icingest.crews (pipeline) WHERE ended_at IS NULL;

-- A process at work, for as long as it says so: who does not is dead, and nothing of its is committed any more.
CREATE TABLE IF NOT EXISTS icingest.workers (
  worker uuid PRIMARY KEY,
  crew uuid NOT NULL,
  pipeline text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  application text NOT NULL,                -- the name its connections have
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  dead boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS workers_by_crew ON icingest.workers (crew);

-- What is still to be done of a crew's run, and by whom: a unit, or all units of a year that one process must make.
CREATE TABLE IF NOT EXISTS icingest.claims (
  crew uuid NOT NULL,
  claim text NOT NULL,
  step integer NOT NULL,                    -- of the run, from which on it may be done
  seq integer NOT NULL,                     -- order of work
  units integer NOT NULL,
  worker uuid,                              -- nothing: nobody has it yet
  claimed_at timestamptz,
  takeovers integer NOT NULL DEFAULT 0,
  PRIMARY KEY (crew, claim)
);
CREATE INDEX IF NOT EXISTS claims_in_order ON icingest.claims (crew, seq);
CREATE TABLE IF NOT EXISTS icingest.claim_units (
  crew uuid NOT NULL,
  claim text NOT NULL,
  place integer NOT NULL,
  unit text NOT NULL,
  from_date date NOT NULL,
  to_date date NOT NULL,
  symbol text NOT NULL,
  symbols text NOT NULL,                    -- one a line
  entity bigint NOT NULL,
  basis date NOT NULL,                      -- of prices that come as they were traded; 1970-01-01: they do not
  route text NOT NULL,
  fallback text NOT NULL,
  scope text NOT NULL,
  epoch integer NOT NULL,
  generation integer NOT NULL,              -- of the unit in the ledger when it was planned
  staged boolean NOT NULL,
  way integer NOT NULL,
  etag text NOT NULL,
  before text NOT NULL,
  PRIMARY KEY (crew, claim, place)
);

-- Nothing of that worker is committed after this, and its connections hold nobody up.
CREATE OR REPLACE FUNCTION icingest.bury(gone uuid) RETURNS void LANGUAGE plpgsql AS $bury$
BEGIN
  PERFORM pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN icingest.workers w ON a.application_name = w.application
    WHERE w.worker = gone AND a.datname = current_database() AND a.usename = current_user AND a.pid <> pg_backend_pid();
  PERFORM FROM icingest.workers WHERE worker = gone FOR UPDATE;
  UPDATE icingest.workers SET dead = true WHERE worker = gone;
END
$bury$;

-- A sign of life, and a look at the others': dead is whose lease is over, or whose connection is gone and has not come
-- back for a tenth of a lease. False: the worker itself is dead.
CREATE OR REPLACE FUNCTION icingest.beat(me uuid, lease interval) RETURNS boolean LANGUAGE plpgsql AS $beat$
DECLARE
  alive boolean;
  gone uuid;
BEGIN
  UPDATE icingest.workers SET heartbeat_at = clock_timestamp(), expires_at = clock_timestamp() + lease
    WHERE worker = me AND NOT dead;
  alive := FOUND;
  FOR gone IN SELECT w.worker FROM icingest.workers w WHERE NOT w.dead AND w.worker <> me
    AND (w.expires_at < clock_timestamp() OR (w.heartbeat_at < clock_timestamp() - lease / 10
      AND pg_try_advisory_xact_lock(hashtextextended(w.worker::text, 0)))) FOR UPDATE SKIP LOCKED
  LOOP
    PERFORM icingest.bury(gone);
  END LOOP;
  RETURN alive;
END
$beat$;

CREATE OR REPLACE FUNCTION icingest.end_crew(whole uuid) RETURNS void LANGUAGE sql AS $end$
  UPDATE icingest.crews SET ended_at = clock_timestamp() WHERE crew = whole AND ended_at IS NULL;
  DELETE FROM icingest.claims WHERE crew = whole;
  DELETE FROM icingest.claim_units WHERE crew = whole;
  DELETE FROM icingest.workers WHERE dead AND expires_at < clock_timestamp() - interval '1 day';
$end$;

-- Makes a process a worker of the run that is under way with the same command, or of a new one. No row: a run with
-- another command is at work on the pipeline.
CREATE OR REPLACE FUNCTION icingest.join_crew(me uuid, of_pipeline text, of_command text, at_us bigint, on_host text,
  process integer, app text, lease interval) RETURNS TABLE (joined uuid, since_us bigint) LANGUAGE plpgsql AS $join$
DECLARE
  found_crew icingest.crews;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('icingest.join', 0));
  SELECT * INTO found_crew FROM icingest.crews c WHERE c.pipeline = of_pipeline AND c.ended_at IS NULL
    ORDER BY c.started_at DESC LIMIT 1;
  IF found_crew.crew IS NOT NULL THEN
    IF NOT EXISTS (SELECT FROM icingest.workers w WHERE w.crew = found_crew.crew AND NOT w.dead
      AND w.expires_at >= clock_timestamp() AND NOT pg_try_advisory_xact_lock(hashtextextended(w.worker::text, 0)))
    THEN
      -- Nobody is left of it: what it has not done is planned anew.
      PERFORM icingest.bury(w.worker) FROM icingest.workers w WHERE w.crew = found_crew.crew AND NOT w.dead;
      PERFORM icingest.end_crew(found_crew.crew);
      found_crew := NULL;
    ELSIF found_crew.command <> of_command THEN
      RETURN;
    END IF;
  END IF;
  IF found_crew.crew IS NULL THEN
    INSERT INTO icingest.crews (crew, pipeline, command, planned_at) VALUES (me, of_pipeline, of_command, at_us)
      RETURNING * INTO found_crew;
  END IF;
  INSERT INTO icingest.workers VALUES (me, found_crew.crew, of_pipeline, on_host, process, app, clock_timestamp(),
    clock_timestamp(), clock_timestamp() + lease);
  RETURN QUERY SELECT found_crew.crew, found_crew.planned_at;
END
$join$;
