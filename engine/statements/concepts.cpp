#include "statements/concepts.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace icingest {
namespace statements {
namespace {

constexpr std::string_view kGaap = "us-gaap";
constexpr std::string_view kIfrs = "ifrs-full";
constexpr std::string_view kDei = "dei";

// Order within a field is preference. docs/pipelines/financials.md says why each line is there.
constexpr Line kLines[] = {
    {Field::revenue, kGaap, "Revenues"},
    {Field::revenue, kGaap, "RevenuesNetOfInterestExpense"},
    {Field::revenue, kGaap, "RegulatedAndUnregulatedOperatingRevenue"},
    {Field::revenue, kGaap, "InterestIncomeExpenseNet", "NoninterestIncome"},
    {Field::revenue, kGaap, "RevenueFromContractWithCustomerExcludingAssessedTax"},
    {Field::revenue, kGaap, "RevenueFromContractWithCustomerIncludingAssessedTax"},
    {Field::revenue, kGaap, "SalesRevenueNet"},
    {Field::revenue, kGaap, "RevenuesExcludingInterestAndDividends"},
    {Field::revenue, kGaap, "RealEstateRevenueNet"},
    {Field::revenue, kGaap, "SalesRevenueGoodsNet"},
    {Field::revenue, kGaap, "SalesRevenueServicesNet"},
    {Field::revenue, kGaap, "RevenueFromContractWithCustomer"},
    {Field::revenue, kGaap, "HealthCareOrganizationRevenue"},
    {Field::revenue, kGaap, "OilAndGasRevenue"},
    {Field::revenue, kGaap, "InterestIncomeExpenseNet"},
    {Field::revenue, kGaap, "PremiumsEarnedNet"},
    {Field::revenue, kGaap, "OperatingLeasesIncomeStatementLeaseRevenue"},
    {Field::revenue, kGaap, "OperatingLeaseLeaseIncome"},
    {Field::revenue, kIfrs, "Revenue"},
    {Field::revenue, kIfrs, "RevenueFromContractsWithCustomers"},
    {Field::revenue, kIfrs, "RevenueFromInterest"},

    {Field::cost_of_revenue, kGaap, "CostOfRevenue"},
    {Field::cost_of_revenue, kGaap, "CostOfGoodsAndServicesSold"},
    {Field::cost_of_revenue, kGaap, "CostOfGoodsSold"},
    {Field::cost_of_revenue, kGaap, "CostOfServices"},
    {Field::cost_of_revenue, kIfrs, "CostOfSales"},

    {Field::gross_profit, kGaap, "GrossProfit"},
    {Field::gross_profit, kIfrs, "GrossProfit"},

    {Field::operating_expenses, kGaap, "OperatingExpenses"},
    {Field::operating_expenses, kGaap, "CostsAndExpenses"},
    {Field::operating_expenses, kGaap, "NoninterestExpense"},
    {Field::operating_expenses, kGaap, "BenefitsLossesAndExpenses"},
    {Field::operating_expenses, kIfrs, "OperatingExpense"},

    {Field::operating_income, kGaap, "OperatingIncomeLoss"},
    {Field::operating_income, kIfrs, "ProfitLossFromOperatingActivities"},

    {Field::interest_expense, kGaap, "InterestExpense"},
    {Field::interest_expense, kGaap, "InterestExpenseNonoperating"},
    {Field::interest_expense, kGaap, "InterestAndDebtExpense"},
    {Field::interest_expense, kGaap, "InterestExpenseDebt"},
    {Field::interest_expense, kGaap, "InterestExpenseOperating"},
    {Field::interest_expense, kIfrs, "InterestExpense"},
    {Field::interest_expense, kIfrs, "FinanceCosts"},

    {Field::pretax_income, kGaap,
     "IncomeLossFromContinuingOperationsBeforeIncomeTaxesExtraordinaryItemsNoncontrollingInterest"},
    {Field::pretax_income, kGaap,
     "IncomeLossFromContinuingOperationsBeforeIncomeTaxesMinorityInterestAndIncomeLossFromEquityMethodInvestm"
     "ents"},
    {Field::pretax_income, kGaap, "IncomeLossFromContinuingOperationsBeforeIncomeTaxesDomestic",
     "IncomeLossFromContinuingOperationsBeforeIncomeTaxesForeign"},
    {Field::pretax_income, kIfrs, "ProfitLossBeforeTax"},

    {Field::income_tax, kGaap, "IncomeTaxExpenseBenefit"},
    {Field::income_tax, kIfrs, "IncomeTaxExpenseContinuingOperations"},

    {Field::net_income, kGaap, "NetIncomeLoss"},
    {Field::net_income, kGaap, "ProfitLoss"},
    {Field::net_income, kGaap, "NetIncomeLossAvailableToCommonStockholdersBasic"},
    {Field::net_income, kIfrs, "ProfitLossAttributableToOwnersOfParent"},
    {Field::net_income, kIfrs, "ProfitLoss"},

    {Field::eps_basic, kGaap, "EarningsPerShareBasic"},
    {Field::eps_basic, kGaap, "EarningsPerShareBasicAndDiluted"},
    {Field::eps_basic, kIfrs, "BasicEarningsLossPerShare"},
    {Field::eps_diluted, kGaap, "EarningsPerShareDiluted"},
    {Field::eps_diluted, kGaap, "EarningsPerShareBasicAndDiluted"},
    {Field::eps_diluted, kIfrs, "DilutedEarningsLossPerShare"},

    {Field::weighted_shares_basic, kGaap, "WeightedAverageNumberOfSharesOutstandingBasic"},
    {Field::weighted_shares_basic, kGaap, "WeightedAverageNumberOfShareOutstandingBasicAndDiluted"},
    {Field::weighted_shares_basic, kIfrs, "WeightedAverageShares"},
    {Field::weighted_shares_diluted, kGaap, "WeightedAverageNumberOfDilutedSharesOutstanding"},
    {Field::weighted_shares_diluted, kGaap, "WeightedAverageNumberOfShareOutstandingBasicAndDiluted"},
    {Field::weighted_shares_diluted, kIfrs, "AdjustedWeightedAverageShares"},

    {Field::cover_shares, kDei, "EntityCommonStockSharesOutstanding"},
    {Field::balance_shares, kGaap, "CommonStockSharesOutstanding"},
    {Field::balance_shares, kIfrs, "NumberOfSharesOutstanding"},
    {Field::balance_shares, kIfrs, "NumberOfSharesIssuedAndFullyPaid"},

    {Field::total_assets, kGaap, "Assets"},
    {Field::total_assets, kIfrs, "Assets"},
    {Field::current_assets, kGaap, "AssetsCurrent"},
    {Field::current_assets, kIfrs, "CurrentAssets"},
    {Field::inventory, kGaap, "InventoryNet"},
    {Field::inventory, kGaap, "EnergyRelatedInventory"},
    {Field::inventory, kIfrs, "Inventories"},
    {Field::cash_and_equivalents, kGaap, "CashAndCashEquivalentsAtCarryingValue"},
    {Field::cash_and_equivalents, kGaap, "CashCashEquivalentsRestrictedCashAndRestrictedCashEquivalents"},
    {Field::cash_and_equivalents, kGaap, "CashAndDueFromBanks"},
    {Field::cash_and_equivalents, kGaap, "Cash"},
    {Field::cash_and_equivalents, kIfrs, "CashAndCashEquivalents"},

    {Field::total_liabilities, kGaap, "Liabilities"},
    {Field::total_liabilities, kIfrs, "Liabilities"},
    {Field::current_liabilities, kGaap, "LiabilitiesCurrent"},
    {Field::current_liabilities, kIfrs, "CurrentLiabilities"},
    {Field::short_term_debt, kGaap, "ShortTermBorrowings"},
    {Field::short_term_debt, kGaap, "DebtCurrent"},
    {Field::short_term_debt, kGaap, "CommercialPaper"},
    {Field::short_term_debt, kGaap, "LongTermDebtCurrent"},
    {Field::short_term_debt, kIfrs, "ShorttermBorrowings"},
    {Field::short_term_debt, kIfrs, "CurrentBorrowingsAndCurrentPortionOfNoncurrentBorrowings"},
    {Field::short_term_debt, kIfrs, "CurrentPortionOfLongtermBorrowings"},
    {Field::long_term_debt, kGaap, "LongTermDebt"},
    {Field::long_term_debt, kGaap, "LongTermDebtNoncurrent"},
    {Field::long_term_debt, kGaap, "LongTermDebtAndCapitalLeaseObligations"},
    {Field::long_term_debt, kGaap, "LongTermDebtAndCapitalLeaseObligationsIncludingCurrentMaturities"},
    {Field::long_term_debt, kGaap, "DebtAndCapitalLeaseObligations"},
    {Field::long_term_debt, kGaap, "SeniorLongTermNotes"},
    {Field::long_term_debt, kIfrs, "NoncurrentPortionOfNoncurrentBondsIssued", "LongtermBorrowings"},
    {Field::long_term_debt, kIfrs, "NoncurrentPortionOfNoncurrentBondsIssued"},
    {Field::long_term_debt, kIfrs, "LongtermBorrowings"},
    {Field::long_term_debt, kIfrs, "NoncurrentPortionOfNoncurrentBorrowings"},

    {Field::shareholders_equity, kGaap, "StockholdersEquity"},
    {Field::shareholders_equity, kGaap,
     "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest"},
    {Field::shareholders_equity, kGaap, "PartnersCapital"},
    {Field::shareholders_equity, kGaap, "MembersEquity"},
    {Field::shareholders_equity, kIfrs, "EquityAttributableToOwnersOfParent"},
    {Field::shareholders_equity, kIfrs, "Equity"},
    {Field::minority_interest, kGaap, "MinorityInterest"},
    {Field::minority_interest, kIfrs, "NoncontrollingInterests"},
    {Field::total_equity, kGaap, "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest"},
    {Field::total_equity, kIfrs, "Equity"},
    {Field::temporary_equity, kGaap,
     "TemporaryEquityCarryingAmountIncludingPortionAttributableToNoncontrollingInterests"},
    {Field::temporary_equity, kGaap, "TemporaryEquityCarryingAmountAttributableToParent",
     "RedeemableNoncontrollingInterestEquityCarryingAmount"},
    {Field::temporary_equity, kGaap, "TemporaryEquityCarryingAmountAttributableToParent"},
    {Field::temporary_equity, kGaap, "RedeemableNoncontrollingInterestEquityCarryingAmount"},
    {Field::temporary_equity, kGaap, "RedeemableNoncontrollingInterestEquityCommonCarryingAmount"},
    {Field::temporary_equity, kGaap, "TemporaryEquityValueExcludingAdditionalPaidInCapital"},

    {Field::operating_cash_flow, kGaap, "NetCashProvidedByUsedInOperatingActivities"},
    {Field::operating_cash_flow, kGaap, "NetCashProvidedByUsedInOperatingActivitiesContinuingOperations"},
    {Field::operating_cash_flow, kIfrs, "CashFlowsFromUsedInOperatingActivities"},
    {Field::operating_cash_flow, kIfrs, "CashFlowsFromUsedInOperations"},
    {Field::investing_cash_flow, kGaap, "NetCashProvidedByUsedInInvestingActivities"},
    {Field::investing_cash_flow, kGaap, "NetCashProvidedByUsedInInvestingActivitiesContinuingOperations"},
    {Field::investing_cash_flow, kIfrs, "CashFlowsFromUsedInInvestingActivities"},
    {Field::financing_cash_flow, kGaap, "NetCashProvidedByUsedInFinancingActivities"},
    {Field::financing_cash_flow, kGaap, "NetCashProvidedByUsedInFinancingActivitiesContinuingOperations"},
    {Field::financing_cash_flow, kIfrs, "CashFlowsFromUsedInFinancingActivities"},
    {Field::capex, kGaap, "PaymentsToAcquirePropertyPlantAndEquipment"},
    {Field::capex, kGaap, "PaymentsToAcquireProductiveAssets"},
    {Field::capex, kGaap, "PaymentsToAcquireOtherPropertyPlantAndEquipment"},
    {Field::capex, kIfrs, "PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities"},
    {Field::capex, kIfrs,
     "PurchaseOfPropertyPlantAndEquipmentIntangibleAssetsOtherThanGoodwillInvestmentPropertyAndOtherNoncurren"
     "tAssets"},
    {Field::depreciation_amortization, kGaap, "DepreciationDepletionAndAmortization"},
    {Field::depreciation_amortization, kGaap, "DepreciationAmortizationAndAccretionNet"},
    {Field::depreciation_amortization, kGaap, "DepreciationAndAmortization"},
    {Field::depreciation_amortization, kGaap, "Depreciation", "AmortizationOfIntangibleAssets"},
    {Field::depreciation_amortization, kGaap, "Depreciation"},
    {Field::depreciation_amortization, kIfrs, "AdjustmentsForDepreciationAndAmortisationExpense"},
    {Field::depreciation_amortization, kIfrs, "DepreciationAndAmortisationExpense"},
    {Field::depreciation_amortization, kIfrs,
     "DepreciationAmortisationAndImpairmentLossReversalOfImpairmentLossRecognisedInProfitOrLoss"},
    {Field::depreciation_amortization, kIfrs, "AdjustmentsForDepreciationExpense",
     "AdjustmentsForAmortisationExpense"},
    {Field::depreciation_amortization, kIfrs, "DepreciationExpense", "AmortisationExpense"},
    {Field::stock_compensation, kGaap, "ShareBasedCompensation"},
    {Field::stock_compensation, kGaap, "AllocatedShareBasedCompensationExpense"},
    {Field::stock_compensation, kIfrs, "AdjustmentsForSharebasedPayments"},
    {Field::stock_compensation, kIfrs, "ExpenseFromSharebasedPaymentTransactionsWithEmployees"},
    {Field::dividends_paid, kGaap, "PaymentsOfDividends"},
    {Field::dividends_paid, kGaap, "PaymentsOfDividendsCommonStock"},
    {Field::dividends_paid, kGaap, "PaymentsOfOrdinaryDividends"},
    {Field::dividends_paid, kIfrs, "DividendsPaidClassifiedAsFinancingActivities"},
    {Field::dividends_paid, kIfrs, "DividendsPaidToEquityHoldersOfParentClassifiedAsFinancingActivities"},
    {Field::dividends_paid, kIfrs, "DividendsPaid"},
    {Field::dividends_paid, kIfrs, "DividendsPaidOrdinaryShares"},
};

struct FieldInfo {
  std::string_view name;
  FieldKind kind;
};
constexpr std::array<FieldInfo, kFieldCount> kFields{{
    {"revenue", FieldKind::flow},
    {"cost_of_revenue", FieldKind::flow},
    {"gross_profit", FieldKind::flow},
    {"operating_expenses", FieldKind::flow},
    {"operating_income", FieldKind::flow},
    {"interest_expense", FieldKind::flow},
    {"pretax_income", FieldKind::flow},
    {"income_tax", FieldKind::flow},
    {"net_income", FieldKind::flow},
    {"eps_basic", FieldKind::per_share},
    {"eps_diluted", FieldKind::per_share},
    {"weighted_shares_basic", FieldKind::average},
    {"weighted_shares_diluted", FieldKind::average},
    {"cover_shares", FieldKind::cover},
    {"balance_shares", FieldKind::shares},
    {"shares_outstanding", FieldKind::shares},
    {"total_assets", FieldKind::instant},
    {"current_assets", FieldKind::instant},
    {"inventory", FieldKind::instant},
    {"cash_and_equivalents", FieldKind::instant},
    {"total_liabilities", FieldKind::instant},
    {"current_liabilities", FieldKind::instant},
    {"short_term_debt", FieldKind::instant},
    {"long_term_debt", FieldKind::instant},
    {"shareholders_equity", FieldKind::instant},
    {"minority_interest", FieldKind::instant},
    {"total_equity", FieldKind::instant},
    {"temporary_equity", FieldKind::instant},
    {"operating_cash_flow", FieldKind::flow},
    {"investing_cash_flow", FieldKind::flow},
    {"financing_cash_flow", FieldKind::flow},
    {"capex", FieldKind::flow},
    {"free_cash_flow", FieldKind::flow},
    {"depreciation_amortization", FieldKind::flow},
    {"stock_compensation", FieldKind::flow},
    {"dividends_paid", FieldKind::flow},
}};

ConceptId intern(std::vector<Concept>& concepts, std::string_view taxonomy, std::string_view name) {
  const auto same = [&](const Concept& one) { return one.taxonomy == taxonomy && one.name == name; };
  const auto found = std::find_if(concepts.begin(), concepts.end(), same);
  if (found != concepts.end()) return static_cast<ConceptId>(found - concepts.begin());
  concepts.push_back({taxonomy, name});
  return static_cast<ConceptId>(concepts.size() - 1);
}

// Revenue, income, EPS and operating cash flow: every report has them for its own period.
bool tells_periods(const std::vector<Use>& uses) {
  return std::any_of(uses.begin(), uses.end(), [](const Use& use) {
    switch (use.field) {
      case Field::revenue:
      case Field::net_income:
      case Field::pretax_income:
      case Field::eps_basic:
      case Field::eps_diluted:
      case Field::operating_cash_flow: return true;
      default: return false;
    }
  });
}

FieldKind kind_of_concept(const Registry& all, ConceptId what) {
  if (!all.uses[what].empty()) return kind_of(all.uses[what].front().field);
  for (const Sum& sum : all.sums) {  // a concept that only ever counts as part of a sum
    if (sum.first == what || sum.second == what) return kind_of(all.uses[sum.what].front().field);
  }
  return FieldKind::flow;
}

Registry make_registry() {
  Registry made;
  for (const Line& line : kLines) {
    intern(made.concepts, line.taxonomy, line.name);
    if (!line.plus.empty()) intern(made.concepts, line.taxonomy, line.plus);
  }
  made.document_concepts = made.concepts.size();
  static std::vector<std::string> sum_names;  // the registry is made once and its names live with it
  sum_names.reserve(std::size(kLines));
  for (const Line& line : kLines) {
    if (line.plus.empty()) continue;
    const std::string& name = sum_names.emplace_back(std::string(line.name) + "+" + std::string(line.plus));
    made.sums.push_back({static_cast<ConceptId>(made.concepts.size()),
                         intern(made.concepts, line.taxonomy, line.name),
                         intern(made.concepts, line.taxonomy, line.plus)});
    made.concepts.push_back({line.taxonomy, name});
  }
  made.uses.resize(made.concepts.size());
  std::size_t next_sum = 0;
  for (const Line& line : kLines) {
    const ConceptId what =
        line.plus.empty() ? intern(made.concepts, line.taxonomy, line.name) : made.sums[next_sum++].what;
    auto& candidates = made.candidates[static_cast<std::size_t>(line.field)];
    const auto rank = static_cast<std::uint8_t>(candidates.size());
    candidates.push_back({what, rank});
    made.uses[what].push_back({line.field, rank});
  }
  for (std::size_t what = 0; what < made.concepts.size(); ++what) {
    made.kinds.push_back(kind_of_concept(made, static_cast<ConceptId>(what)));
    made.anchors.push_back(tells_periods(made.uses[what]));
    made.covers.push_back(made.concepts[what].taxonomy == "dei");
  }
  return made;
}

}  // namespace

FieldKind kind_of(Field field) { return kFields[static_cast<std::size_t>(field)].kind; }

std::span<const Line> lines() { return kLines; }

const Registry& registry() {
  static const Registry made = make_registry();
  return made;
}

}  // namespace statements

std::string_view to_string(Field field) { return statements::kFields[static_cast<std::size_t>(field)].name; }

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::reported: return "reported";
    case Origin::difference: return "difference";
    case Origin::computed: return "computed";
  }
  return {};
}

std::span<const Concept> concepts() {
  const auto& all = statements::registry();
  return {all.concepts.data(), all.document_concepts};
}

std::optional<ConceptId> find_concept(std::string_view taxonomy, std::string_view name) {
  using Names = std::unordered_map<std::string_view, ConceptId>;
  static const auto by_taxonomy = [] {
    std::unordered_map<std::string_view, Names> made;
    const auto all = concepts();
    for (std::size_t id = 0; id < all.size(); ++id)
      made[all[id].taxonomy][all[id].name] = static_cast<ConceptId>(id);
    return made;
  }();
  const auto names = by_taxonomy.find(taxonomy);
  if (names == by_taxonomy.end()) return std::nullopt;
  const auto found = names->second.find(name);
  if (found == names->second.end()) return std::nullopt;
  return found->second;
}

}  // namespace icingest
