// pipeline.h: what a pipeline author says of a dataset; everything else is the engine's.
//
// A pipeline is one file in pipelines/: the row, its table, the routes by which it can be had, and how an
// answer becomes rows. Limits, retries, paging, resume, COPY, rejects, verification, progress and the command
// come with it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/basis.h"
#include "icingest/calendar.h"
#include "icingest/document.h"
#include "icingest/result.h"
#include "icingest/row_sink.h"
#include "icingest/row_text.h"
#include "icingest/source.h"
#include "icingest/table.h"
#include "icingest/unit_rows.h"

namespace icingest {

// What one unit of a route covers.
enum class Grain : std::uint8_t {
  session,  // every symbol of one exchange session
  symbol,   // one symbol over the whole window
  whole,    // the whole dataset
  entity,   // one company or other thing that the source gives a number of its own, whatever its symbols are
};

// One piece of work, one row of the ledger.
struct Unit {
  std::string key;  // "day/2026-11-20", "ticker/AAPL", "cik/0000320193", "list"
  Grain grain = Grain::whole;
  Date from{};  // sessions it covers, both inclusive
  Date to{};
  std::string symbol;            // for Grain::symbol
  const Basis* basis = nullptr;  // of a route whose source gives values as they were traded
  std::int64_t entity = 0;       // for Grain::entity, with every symbol it has
  std::vector<std::string> symbols{};
};

// Values of a pipeline's own options, by name without dashes; a given flag is "true".
using Options = std::map<std::string, std::string, std::less<>>;

struct OptionSpec {
  std::string_view name;
  std::string_view about;
  std::vector<std::string_view> choices;  // empty: a flag
};

// Where decoded rows go: the table, and the decoder behind its Row type.
struct Load {
  TableInfo table;
  std::function<Result<void>(Document&, const Unit&, Batch&, KeySet&, const Universe&,
                             std::string& next_page)>
      decode;
  // Instead, of units that fill several tables: those beside the first, and the decoder that fills them all.
  std::vector<TableInfo> side_tables{};
  std::function<Result<void>(Document&, const Unit&, UnitRows&)> decode_unit{};
};

// into_tables<kFirst, kSecond, …>(decode): `decode` is Result<void>(Document&, const Unit&, UnitRows&). The rows of
// the first table are what the source delivered, those of the others what follows from them.
template <const auto& kFirst, const auto&... kOthers, class Decode>
Load into_tables(Decode decode) {
  return {.table = describe(kFirst), .side_tables = {describe(kOthers)...}, .decode_unit = std::move(decode)};
}

// into<kTable>(decode): `decode` is Result<void>(Document&, const Unit&, RowSink<kTable>&).
template <const auto& kTable, class Decode>
Load into(Decode decode) {
  return {describe(kTable),
          [decode](Document& document, const Unit& unit, Batch& batch, KeySet& keys, const Universe& universe,
                   std::string& next_page) -> Result<void> {
            RowSink<kTable> rows(batch, keys, universe);
            ICINGEST_TRY(decode(document, unit, rows));
            next_page = rows.next_page();
            return {};
          }};
}

// One big object whose members are units: it is read once, and members are decoded while it comes.
struct Archive {
  std::string_view path;  // a zip, on a server that serves ranges
  // The entity a member is about; nothing for members that are no unit's.
  std::function<std::optional<std::int64_t>(std::string_view member)> entity;
  std::size_t most_member_bytes = std::size_t{64} << 20;  // inflated; larger ones are refused
  // For the planner, which asks nobody.
  double expected_bytes = 0;
  std::int64_t expected_members = 0;
};

// One way to get the dataset.
struct Route {
  std::string_view name;         // the --strategy that forces it
  std::string_view unit_prefix;  // of its units' keys: "day" makes "day/2026-11-20"
  Grain grain = Grain::whole;
  // First request of each chain of pages a unit needs: path and query on the source's base address.
  std::function<std::vector<std::string>(const Unit&, const Options&)> requests;
  Load load;
  // Of a whole dataset: what its one unit is called, where options make it another one. Empty: "all".
  std::function<std::string(const Options&)> unit_name{};
  // For the planner: what one row costs on the wire, compressed, and the rows an answer holds whoever asks
  // (0: only those asked for).
  double bytes_per_row = 0;
  std::int64_t rows_per_answer = 0;
  std::int64_t expected_rows = 0;  // of a whole dataset
  // Where it is asked, unless at the pipeline's source; and then only when the keys of that source are there.
  std::optional<Source> source{};
  bool as_traded = false;  // the decoder puts its values on the basis of the day (Unit::basis)
  // Of a second route by session, for history: how many of the newest sessions it leaves to the first one. It
  // has less to say than the other routes, so it never serves a session of which they have brought rows, and
  // what it cannot serve is asked of the first one. 0: this is no such route.
  int leaves_newest = 0;
  bool only_with_option = false;  // runs after the main route, when the option named like the route is given
  std::optional<Archive> archive{};  // the units are members of it, and no requests of their own
};

// Which symbols the pipeline keeps, and which pipeline fills the table they come from.
struct UniverseRule {
  std::string_view filled_by;
  std::string_view sql;  // gives one column, the symbols, each once
};

// Which entities the pipeline keeps, and which pipeline fills the table they come from.
struct EntityRule {
  std::string_view filled_by;
  std::string_view sql;        // symbols, each once, and the number of their entity: null where it has none
  std::string_view no_entity;  // reason in the ledger for symbols without one: "no_cik"
  std::string_view no_answer;  // and for entities that the source knows nothing of: "no_xbrl"
  int key_digits = 1;          // of the number in a unit's key, filled with zeros
  // Counts up when the rules change by which side tables follow from the first: then they are made anew.
  int rules_version = 1;
};

// How to learn which entities have changed on a day.
struct ChangesRule {
  std::function<std::string(Date)> request;
  std::function<Result<void>(std::string_view body, std::vector<std::int64_t>& entities)> decode;
  int expected_per_day = 0;  // for the planner
};

// What was known on a past day, from the tables alone: `--as-of DATE`.
struct AsOfRule {
  TableInfo table;  // its columns are those of the rows
  // Gives the rows of one entity.
  std::function<Result<void>(const Unit&, Date, KnownRows&, const std::function<void(const RowText&)>& each)>
      rows;
};

// How the events that change history are asked for, always at the pipeline's source.
struct RestatementRule {
  // Request for all events with from < effective <= to.
  std::function<std::string(Date from, Date to)> request;
  std::function<Result<void>(Document&, std::vector<Restatement>&, std::string& next_page)> decode;
};

// A table and what an existing one of that name needs first (Pipeline::schema and adopt).
struct SchemaPart {
  std::string_view create;
  std::string_view adopt{};
};

struct Pipeline {
  std::string_view name;
  std::string_view about;
  Source source;
  std::string_view schema;   // CREATE statements of its tables, unqualified names
  std::string_view adopt{};  // statements an existing table needs before it can be used; run each time
  std::vector<SchemaPart> more_tables{};  // further tables, each with what it needs
  std::string_view views{};               // CREATE OR REPLACE statements for what stands on the tables
  // SQL that says what is worth knowing about the data itself, for `status`: a word and a count per row.
  std::string_view notes{};
  std::vector<Route> routes;
  std::optional<UniverseRule> universe;
  std::optional<RestatementRule> restatements;
  // Of a pipeline whose units are entities, instead of a universe.
  std::optional<EntityRule> entities{};
  std::optional<ChangesRule> changes{};
  std::optional<AsOfRule> as_of{};
  int refresh_sessions = 0;        // newest sessions read again once the market has closed since
  double max_reject_share = 0.02;  // of a unit's rows; ten rejects are always tolerated
  std::vector<OptionSpec> options;
};

}  // namespace icingest
