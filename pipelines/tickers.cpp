// tickers.cpp: the reference list of tickers, active and delisted.
//
// Routes    list: both halves of the list, 1,000 tickers a page, loaded as one unit so that readers never see
//           half details: one request per active ticker (address, description, shares …), only with --details
// Keys      (symbol, asset_type). The list repeats symbols: the active one wins, else the one delisted last
// Rejects   a ticker without a type cannot be keyed and would be taken for a common stock: it is quarantined
// Source    massive.com/docs/rest/stocks/tickers (read 2026-11)
#include <fmt/format.h>

#include "core/text.h"
#include "icingest/massive.h"
#include "icingest/pipeline.h"

namespace icingest {
namespace {

using Text = std::optional<std::string_view>;

struct Ticker {
  std::string_view symbol, type, name, market, locale = "us";
  bool active = true;
  Text primary_exchange, currency_name, cik, composite_figi, share_class_figi, source_feed;
  Text currency_symbol, base_currency_symbol, base_currency_name;
  std::optional<Instant> last_updated, delisted;
  // derived
  std::string_view asset_class;
  Text currency;
  std::string_view country;
  std::optional<Date> delisted_date;
};

constexpr auto kTickers =
    table<Ticker>(
        "tickers", key("symbol", &Ticker::symbol, "varchar(32)"),
        key("asset_type", &Ticker::type, "varchar(20)"),
        column("asset_class", &Ticker::asset_class, "varchar(20)"),
        column("name", &Ticker::name, "varchar(255)"),
        column("exchange", &Ticker::primary_exchange, "varchar(50)"),
        column("primary_exchange_code", &Ticker::primary_exchange, "varchar(10)"),
        column("polygon_type", &Ticker::type, "varchar(50)"),
        column("market", &Ticker::market, "varchar(50)"), column("locale", &Ticker::locale, "varchar(10)"),
        column("country", &Ticker::country, "varchar(50)"), column("active", &Ticker::active, "bool"),
        column("currency", &Ticker::currency, "varchar(10)"),
        column("currency_name", &Ticker::currency_name, "varchar(50)"),
        column("currency_symbol", &Ticker::currency_symbol, "varchar(20)"),
        column("base_currency_symbol", &Ticker::base_currency_symbol, "varchar(20)"),
        column("base_currency_name", &Ticker::base_currency_name, "varchar(100)"),
        column("cik", &Ticker::cik, "varchar(20)"),
        column("composite_figi", &Ticker::composite_figi, "varchar(20)"),
        column("share_class_figi", &Ticker::share_class_figi, "varchar(20)"),
        column("source_feed", &Ticker::source_feed, "varchar(100)"),
        column("last_updated_utc", &Ticker::last_updated, "timestamptz"),
        column("delisted_date", &Ticker::delisted_date, "date"))
        .prefer("active DESC, delisted_date DESC NULLS LAST, last_updated_utc DESC NULLS LAST, name");

// Columns that no pipeline of ours fills belong to readers and to later calculations; the application selects
// them.
constexpr std::string_view kSchema = R"sql(
CREATE TABLE tickers (
  id serial PRIMARY KEY,
  symbol varchar(32) NOT NULL,
  name varchar(255) NOT NULL,
  exchange varchar(50),
  sector varchar(100),
  industry varchar(100),
  country varchar(50) DEFAULT 'US',
  currency varchar(10) DEFAULT 'USD',
  market_cap numeric(20,2),
  description text,
  website varchar(255),
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  asset_type varchar(20) NOT NULL DEFAULT 'stock',
  asset_class varchar(20),
  cik varchar(20),
  ipo_date date,
  logo_url text,
  icon_url text,
  primary_exchange_code varchar(10),
  composite_figi varchar(20),
  share_class_figi varchar(20),
  sic_code varchar(10),
  sic_description varchar(255),
  employees integer,
  phone_number varchar(50),
  address_city varchar(100),
  address_state varchar(50),
  address_postal varchar(20),
  weighted_shares_outstanding bigint,
  base_currency_symbol varchar(20),
  base_currency_name varchar(100),
  currency_symbol varchar(20),
  source_feed varchar(100),
  active boolean DEFAULT true,
  delisted_date date,
  locale varchar(10) DEFAULT 'us',
  market varchar(50) DEFAULT 'stocks',
  currency_name varchar(50),
  polygon_type varchar(50),
  last_updated_utc timestamptz,
  volume bigint,
  avg_volume_30d bigint,
  avg_volume_90d bigint,
  current_price numeric(15,2),
  previous_close numeric(15,2),
  day_high numeric(15,2),
  day_low numeric(15,2),
  day_open numeric(15,2),
  vwap numeric(15,4),
  week_52_high numeric(15,2),
  week_52_low numeric(15,2),
  last_trade_timestamp timestamptz,
  market_status varchar(20),
  shares_outstanding bigint,
  float_shares bigint,
  turnover_rate numeric(10,4),
  volume_24h_usd numeric(20,2),
  volume_24h_btc numeric(20,8)
);
CREATE UNIQUE INDEX tickers_symbol_asset_type_key ON tickers (symbol, asset_type);
CREATE INDEX tickers_asset_type ON tickers (asset_type, symbol);
CREATE INDEX tickers_cik ON tickers (cik);
CREATE FUNCTION tickers_touch() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TRIGGER tickers_updated_at BEFORE UPDATE ON tickers FOR EACH ROW EXECUTE FUNCTION tickers_touch();
)sql";
// Readers and writers use both vocabularies of asset_type; the old check admits only one.
constexpr std::string_view kAdopt = "ALTER TABLE tickers DROP CONSTRAINT IF EXISTS check_asset_type;";

constexpr auto kListRow = json::object<Ticker>(
    json::required("ticker", &Ticker::symbol), json::required("name", &Ticker::name),
    json::required("market", &Ticker::market), json::optional("locale", &Ticker::locale),
    json::optional("primary_exchange", &Ticker::primary_exchange), json::required("type", &Ticker::type),
    json::optional("active", &Ticker::active), json::optional("currency_name", &Ticker::currency_name),
    json::optional("cik", &Ticker::cik), json::optional("composite_figi", &Ticker::composite_figi),
    json::optional("share_class_figi", &Ticker::share_class_figi),
    json::optional("last_updated_utc", &Ticker::last_updated),
    json::optional("delisted_utc", &Ticker::delisted),
    json::optional("currency_symbol", &Ticker::currency_symbol),
    json::optional("base_currency_symbol", &Ticker::base_currency_symbol),
    json::optional("base_currency_name", &Ticker::base_currency_name),
    json::optional("source_feed", &Ticker::source_feed));

struct TypeWord {
  std::string_view code;
  std::string_view word;
};
constexpr TypeWord kTypeWords[] = {
    {"CS", "stock"},        {"ETF", "etf"},     {"ETN", "etn"},     {"FUND", "fund"}, {"PFD", "preferred"},
    {"WARRANT", "warrant"}, {"RIGHT", "right"}, {"BOND", "bond"},   {"ADRC", "adr"},  {"ADRP", "adr"},
    {"ADRW", "adr"},        {"ADRR", "adr"},    {"INDEX", "index"}, {"IX", "index"},
};

std::string_view asset_class_of(const Ticker& ticker) {
  if (ticker.market == "crypto") return "crypto";
  if (ticker.market == "indices") return "index";
  for (const TypeWord& word : kTypeWords) {
    if (word.code == ticker.type) return word.word;
  }
  return "other";
}

// "usd" → "USD"; a phrase such as crypto's "United States Dollar" is no code and stays in currency_name
// alone.
Text currency_code(Text name, std::string& storage) {
  if (!name || name->size() != 3) return std::nullopt;
  storage.assign(*name);
  for (char& c : storage) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return storage;
}

Result<void> decode_list(Document& document, const Unit& /*unit*/, RowSink<kTickers>& rows) {
  std::string currency;
  std::string last_symbol;
  ICINGEST_TRY_LET(const massive::Envelope envelope,
                   massive::each_row<kListRow>(
                       document, rows, [](const Ticker&) { return true; },
                       [&](Ticker& ticker, auto& raw) {
                         if (ticker.symbol.empty() || ticker.type.empty()) {
                           rows.reject(Fault::empty_text, ticker.symbol.empty() ? "ticker" : "type", raw());
                           return;
                         }
                         ticker.asset_class = asset_class_of(ticker);
                         ticker.currency = currency_code(ticker.currency_name, currency);
                         ticker.country = ticker.locale == "us" ? "US" : "GLOBAL";
                         for (Text* text : {&ticker.cik, &ticker.composite_figi, &ticker.share_class_figi}) {
                           if (*text && (*text)->empty()) text->reset();  // '' would pass for a number
                         }
                         if (ticker.delisted) ticker.delisted_date = new_york::date_of(*ticker.delisted);
                         rows.emit(ticker, raw);
                       }));
  rows.next_page(envelope.next_url);
  return {};
}

struct Details {
  std::string_view symbol, type;
  std::optional<Decimal> market_cap, weighted_shares, shares;
  Text phone, description, sic_code, sic_description, homepage, city, state, postal_code, logo, icon;
  std::optional<std::int64_t> employees;
  std::optional<Date> list_date;
};
constexpr auto kTickerDetails =
    table<Details>("tickers", key("symbol", &Details::symbol, "varchar(32)"),
                   key("asset_type", &Details::type, "varchar(20)"),
                   column("market_cap", &Details::market_cap, "numeric(20,2)"),
                   column("weighted_shares_outstanding", &Details::weighted_shares, "int8"),
                   column("shares_outstanding", &Details::shares, "int8"),
                   column("phone_number", &Details::phone, "varchar(50)"),
                   column("description", &Details::description, "text"),
                   column("sic_code", &Details::sic_code, "varchar(10)"),
                   column("sic_description", &Details::sic_description, "varchar(255)"),
                   column("website", &Details::homepage, "varchar(255)"),
                   column("employees", &Details::employees, "int4"),
                   column("ipo_date", &Details::list_date, "date"),
                   column("address_city", &Details::city, "varchar(100)"),
                   column("address_state", &Details::state, "varchar(50)"),
                   column("address_postal", &Details::postal_code, "varchar(20)"),
                   column("logo_url", &Details::logo, "text"), column("icon_url", &Details::icon, "text"))
        .only_updates();

constexpr auto kAddress =
    json::object<Details>(json::optional("city", &Details::city), json::optional("state", &Details::state),
                          json::optional("postal_code", &Details::postal_code));
constexpr auto kBranding = json::object<Details>(json::optional("logo_url", &Details::logo),
                                                 json::optional("icon_url", &Details::icon));
constexpr auto kDetailsRow = json::object<Details>(
    json::required("ticker", &Details::symbol), json::required("type", &Details::type),
    json::optional("market_cap", &Details::market_cap), json::optional("phone_number", &Details::phone),
    json::optional("description", &Details::description), json::optional("sic_code", &Details::sic_code),
    json::optional("sic_description", &Details::sic_description),
    json::optional("homepage_url", &Details::homepage),
    json::optional("total_employees", &Details::employees), json::optional("list_date", &Details::list_date),
    json::optional("share_class_shares_outstanding", &Details::shares),
    json::optional("weighted_shares_outstanding", &Details::weighted_shares),
    json::nested<kAddress>("address"), json::nested<kBranding>("branding"));

Result<void> decode_details(Document& document, const Unit& unit, RowSink<kTickerDetails>& rows) {
  ICINGEST_TRY(massive::each_row<kDetailsRow>(
      document, rows, [](const Details&) { return true; },
      [&](Details& details, auto& raw) {
        if (details.symbol == unit.symbol) rows.emit(details, raw);
        else rows.reject(Fault::wrong_type, "ticker", raw());
      }));
  return {};
}

std::string market_of(const Options& options) {
  const auto market = options.find("market");
  return market == options.end() ? "stocks" : market->second;
}

}  // namespace

Pipeline pipeline_tickers() {
  return {
      .name = "tickers",
      .about = "The reference list of active and delisted tickers into tickers",
      .source = massive::source(),
      .schema = kSchema,
      .adopt = kAdopt,
      .routes = {{.name = "list",
                  .unit_prefix = "list",
                  .grain = Grain::whole,
                  .requests =
                      [](const Unit&, const Options& options) {
                        std::vector<std::string> requests;
                        for (const char* active : {"true", "false"}) {
                          requests.push_back(
                              fmt::format("/v3/reference/tickers?market={}&active={}&limit=1000&sort=ticker"
                                          "&order=asc",
                                          market_of(options), active));
                        }
                        return requests;
                      },
                  .load = into<kTickers>(decode_list),
                  .unit_name = market_of,
                  .bytes_per_row = 90,
                  .rows_per_answer = 1000,
                  .expected_rows = 35'000},
                 {.name = "details",
                  .unit_prefix = "details",
                  .grain = Grain::symbol,
                  .requests = [](const Unit& unit, const Options&) -> std::vector<std::string> {
                    return {"/v3/reference/tickers/" + text::percent_encode(unit.symbol)};
                  },
                  .load = into<kTickerDetails>(decode_details),
                  .bytes_per_row = 1200,
                  .only_with_option = true}},
      .universe =
          UniverseRule{.filled_by = "tickers", .sql = "SELECT DISTINCT symbol FROM tickers WHERE active"},
      .options = {{.name = "details",
                   .about = "also fetch each active ticker's details (one request per ticker)"},
                  {.name = "market",
                   .about = "which list to read",
                   .choices = {"stocks", "otc", "indices", "crypto", "fx"}}},
  };
}

}  // namespace icingest
