//! The mapping file: proposed, checked, refused.

use super::super::mapping::{Mapping, Problem, check, plans, propose};
use super::theirs::MAPPING;
use super::{catalog, raw_trades};
use crate::postgres::catalog::{Catalog, Form, TableName, Type};
use crate::query::Range;

/// The mapping of raw trades, with a column of words.
fn trades() -> String {
    format!("{MAPPING}aggressor_side = {{ from = \"buyer_maker\", values = {{ true = \"sell\", false = \"buy\" }} }}\n")
}

/// What is wrong with the mapping of raw trades, after `from` in it became `to`.
fn problems(from: &str, to: &str) -> Vec<String> {
    let text = trades();
    assert!(text.contains(from), "{from}");
    let mapping = Mapping::parse(&text.replace(from, to)).unwrap();
    let checked = check(&mapping, &catalog(&[("public.raw_trades", &raw_trades())]));
    assert_eq!(checked.plans.is_empty(), !checked.problems.is_empty(), "a plan or a problem");
    checked.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_mapping_that_fits_asks_for_the_columns_that_it_needs() {
    let checked = check(&Mapping::parse(&trades()).unwrap(), &catalog(&[("public.raw_trades", &raw_trades())]));
    assert_eq!(checked.problems, []);
    let plan = &checked.plans[0];
    let names =
        ["exchange", "symbol", "timestamp", "kind", "last_price", "volume", "aggressor_side", "sequence_number"];
    assert_eq!(plan.columns(), names);
    assert_eq!(
        plan.select(Range::ALL),
        r#"SELECT "symbol", "time", "price", "qty", "buyer_maker", "trade_id" FROM "public"."raw_trades""#
    );
    // By the number of the venue, then by whatever makes rows of ours differ.
    let order = r#" ORDER BY "time" ASC, "trade_id" ASC, "symbol"::text COLLATE "C" ASC, "price" ASC, "qty" ASC, "buyer_maker" ASC"#;
    assert_eq!(plan.select_in_order(Range::ALL), plan.select(Range::ALL) + order);
    let left: Vec<&str> = checked.left[0].1.iter().map(String::as_str).collect();
    assert_eq!(left, ["recv"]);
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    fn check(from: &str, to: &str, expected: &str) {
        let found = problems(from, to);
        assert!(found.len() == 1 && found[0].contains(expected), "{from} → {to}: {found:?}");
    }
    check("public.raw_trades", "public.trades", "there is no such table; there are public.raw_trades");
    check("\"market_ticks\"", "\"ticks\"", "`ticks` is none of our tables; expected one of market_ticks, ohlcv_bars");
    check("from = \"qty\"", "from = \"quantity\"", "there is no column `quantity`; there are time, symbol");
    check("\"binance\"", "\"kraken\"", "kraken");
    check("from = \"price\"", "from = \"buyer_maker\"", "boolean cannot become a decimal with 8 decimals");
    check("timestamp = { from = \"time\" }", "timestamp = { from = \"trade_id\" }", "add unit = \"s\"");
    check("timestamp = { from = \"time\" }", "timestamp = { value = \"2026-01-01\" }", "expected `from`");
    check("volume = { from = \"qty\" }", "", "market_ticks.volume: every row needs it");
    check("{ from = \"symbol\" }", "{ from = \"symbol\", unit = \"ms\" }", "`unit` does nothing for text as a text");
    check("{ from = \"symbol\" }", "{ }", "exactly one of `from` and `value`");
    check("exchange =", "tick_id = { from = \"trade_id\" }\nexchange =", "given by merganser");
    check("exchange =", "colour = { value = \"red\" }\nexchange =", "market_ticks has no such column");
}

#[test]
fn everything_is_said_at_once() {
    let found = problems("exchange = { value = \"binance\" }", "volumes = { from = \"qty\" }");
    assert_eq!(found.len(), 2, "{found:?}");
    let twice = Mapping::parse(&trades().repeat(2)).unwrap();
    let checked = check(&twice, &catalog(&[("public.raw_trades", &raw_trades())]));
    assert!(checked.problems[0].what.contains("double its rows"), "{:?}", checked.problems);
    let unread = Mapping::parse("[[table]]\nfrom = \"trades\"\ninto = \"x\"\ncolumns = {}").unwrap_err();
    assert!(unread.to_string().contains("expected schema.table"), "{unread}");
}

#[test]
fn a_mapping_of_nothing_can_be_used_and_is_to_be_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("timescale.toml");
    std::fs::write(&file, "").unwrap();
    let catalog = catalog(&[("public.raw_trades", &raw_trades())]);
    assert_eq!(plans(&file, &catalog, "merganser").unwrap(), []);
    let doubts = check(&Mapping::default(), &catalog).doubts;
    let words: Vec<String> = doubts.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["the mapping: it maps no table: nothing is brought over"]);
}

#[test]
fn a_table_in_the_schema_of_ours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("timescale.toml");
    std::fs::write(&file, trades()).unwrap();
    let catalog = catalog(&[("public.raw_trades", &raw_trades())]);
    assert_eq!(plans(&file, &catalog, "merganser").unwrap().len(), 1);
    let refused = plans(&file, &catalog, "public").unwrap_err().to_string();
    assert!(
        refused.contains("public.raw_trades: it stands in the schema public, which is timescale.schema"),
        "{refused}"
    );
}

#[test]
fn types_that_hold_less_than_they_show_need_a_word() {
    let columns = [
        ("time", Type::Timestamp),
        ("symbol", Type::Text),
        ("trade_id", Type::Int(8)),
        ("price", Type::Double),
        ("qty", Type::Numeric(None)),
        ("side", Type::Enum(vec!["BUY".to_owned(), "SELL".to_owned()])),
    ];
    let catalog = catalog(&[("public.fast", &columns)]);
    let text = trades().replace("public.raw_trades", "public.fast").replace("buyer_maker", "side");
    let words = |text: &str| {
        let found = check(&Mapping::parse(text).unwrap(), &catalog).problems;
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let found = words(&text);
    for expected in ["add zone = \"UTC\"", "add floating = \"shortest\"", "the label `BUY` is not among `values`"] {
        assert!(found.contains(expected), "{found}");
    }
    let right = text
        .replace("{ from = \"time\" }", "{ from = \"time\", zone = \"UTC\" }")
        .replace("{ from = \"price\" }", "{ from = \"price\", floating = \"shortest\" }")
        .replace("{ true = \"sell\", false = \"buy\" }", "{ BUY = \"buy\", SELL = \"sell\" }");
    assert_eq!(words(&right), "");
    let (right_mapping, mut elsewhere) = (Mapping::parse(&right).unwrap(), catalog.clone());
    assert_eq!(check(&right_mapping, &catalog).doubts, []);
    elsewhere.facts.time_zone = "Asia/Tokyo".to_owned();
    let doubts = check(&right_mapping, &elsewhere).doubts;
    assert!(doubts.len() == 1 && doubts[0].what.contains("AT TIME ZONE 'Asia/Tokyo'"), "{doubts:?}");
    assert!(words(&right.replace("SELL = \"sell\"", "SELL = \"short\"")).contains("expected `buy` or `sell`"));
}

#[test]
fn a_proposal_knows_tables_by_their_columns_and_leaves_open_what_nobody_can_know() {
    let quotes = [
        ("time", Type::Timestamptz),
        ("symbol", Type::Text),
        ("bid", Type::Double),
        ("ask", Type::Double),
        ("bid_size", Type::Numeric(Some(8))),
    ];
    let bars = [
        ("bucket", Type::Timestamp),
        ("ticker", Type::Text),
        ("o", Type::Numeric(None)),
        ("h", Type::Numeric(None)),
        ("l", Type::Numeric(None)),
        ("c", Type::Numeric(None)),
        ("side", Type::Enum(vec!["BUY".to_owned()])),
    ];
    let fills = [
        ("id", Type::Uuid),
        ("order_id", Type::Uuid),
        ("side", Type::Enum(vec!["BUY".to_owned(), "SELL".to_owned()])),
        ("qty", Type::Numeric(None)),
        ("price", Type::Numeric(None)),
        ("executed_at", Type::Timestamptz),
    ];
    let users = [("name", Type::Text)];
    let tables: &[(&str, &[(&str, Type)])] = &[
        ("public.bars", &bars),
        ("public.fills", &fills),
        ("public.quotes", &quotes),
        ("public.raw_trades", &raw_trades()),
        ("public.users", &users),
    ];
    let catalog = catalog(tables);
    let text = propose(&catalog);
    let mapping = Mapping::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let into: Vec<(String, &str)> = mapping.tables.iter().map(|t| (t.from.to_string(), t.into.as_str())).collect();
    let expected = [
        ("public.bars".to_owned(), "ohlcv_bars"),
        ("public.fills".to_owned(), "trades"),
        ("public.quotes".to_owned(), "market_ticks"),
        ("public.raw_trades".to_owned(), "market_ticks"),
    ];
    assert_eq!(into, expected, "{text}");
    for line in [
        "# public.users (table) looks like none of merganser's tables and stays behind.",
        "timestamp = { from = \"bucket\", zone = \"UTC\" }",
        "side = { from = \"side\", values = { BUY = \"buy\", SELL = \"sell\" } }",
        "bid_price = { from = \"bid\", floating = \"shortest\" }",
        "aggressor_side = { from = \"buyer_maker\", values = { false = \"buy\", true = \"sell\" } }",
        "sequence_number = { from = \"trade_id\" }",
        "ingestion_time = { from = \"recv\" }",
        "# needed, and not found: exchange = { from = \"their column\" } or { value = \"for every row\" }",
        "# stays behind: side (enum of BUY)",
    ] {
        assert!(text.contains(line), "`{line}` is not in\n{text}");
    }
    // All that is wrong with it is what it says is open.
    let open = check(&mapping, &catalog).problems;
    assert_eq!(open.len(), text.matches("# needed, and not found").count(), "{open:?}\n{text}");
    assert!(open.iter().all(|problem| problem.what.starts_with("every row needs it")), "{open:?}");
}

/// Tables of trades in three generations, and views that read them or what looks like no table of ours.
fn family() -> Catalog {
    let tables: &[(&str, Form, &[&str])] = &[
        ("public.again", Form::View, &["public.odd", "public.shown"]),
        ("public.aside", Form::View, &["public.btc", "public.btc_old"]),
        ("public.btc", Form::Plain, &["public.btc_old"]),
        ("public.btc_old", Form::Plain, &[]),
        ("public.by_symbol", Form::View, &["public.all", "public.btc", "public.btc_old"]),
        ("public.all", Form::Plain, &["public.btc", "public.btc_old"]),
        ("public.other", Form::Plain, &[]),
        ("public.shown", Form::View, &["public.odd"]),
        ("public.shown_else", Form::View, &["public.odd"]),
    ];
    let (trades, name) = (raw_trades(), |name: &str| TableName::try_from(name.to_owned()).unwrap());
    let columns: Vec<(&str, &[(&str, Type)])> = tables.iter().map(|(name, ..)| (*name, trades.as_slice())).collect();
    let mut catalog = catalog(&columns);
    for (table, form, holds) in tables {
        let found = catalog.tables.get_mut(&name(table)).unwrap();
        found.form = form.clone();
        found.holds = holds.iter().map(|held| name(held)).collect();
    }
    catalog
}

#[test]
fn a_proposal_as_it_stands_brings_no_row_over_twice() {
    let catalog = family();
    let text = propose(&catalog);
    let mapping = Mapping::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let from: Vec<String> = mapping.tables.iter().map(|t| t.from.to_string()).collect();
    assert_eq!(from, ["public.all", "public.other", "public.shown", "public.shown_else"], "{text}");
    for (table, why) in [
        ("again", "it reads public.shown"),
        ("aside", "rows of public.btc are in it and in public.all"),
        ("btc", "its rows are already in public.all"),
        ("btc_old", "its rows are already in public.all"),
        ("by_symbol", "it reads public.all"),
    ] {
        let said = format!("\n# public.{table} is commented out, for {why}; rows that are in both would come twice.\n");
        assert!(text.contains(&said), "`{said}` is not in\n{text}");
        let there = format!("\n# from = \"public.{table}\"\n# into = \"market_ticks\"\n#\n# [table.columns]\n");
        assert!(text.contains(&there), "`{there}` is not in\n{text}");
    }
    let checked = check(&mapping, &catalog);
    assert_eq!(checked.doubts, []);
    assert!(checked.problems.iter().all(|problem| problem.what.starts_with("every row needs it")), "{checked:?}");
}

#[test]
fn tables_that_have_rows_in_common_are_not_mapped_into_one_without_a_word() {
    let catalog = family();
    let found = |tables: [&str; 2], change: &dyn Fn(String) -> String| {
        let [one, other] = tables.map(|table| trades().replace("public.raw_trades", &format!("public.{table}")));
        let checked = check(&Mapping::parse(&(one + &change(other))).unwrap(), &catalog);
        let words = |found: &[Problem]| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        (words(&checked.problems), words(&checked.doubts))
    };
    let as_it_is = |text: String| text;
    for (tables, problem) in [
        (["btc_old", "all"], "public.btc_old: its rows are already in public.all; both are mapped into market_ticks"),
        (["btc", "btc_old"], "public.btc_old: its rows are already in public.btc; both are mapped into market_ticks"),
    ] {
        for tables in [tables, [tables[1], tables[0]]] {
            let (problems, doubts) = found(tables, &as_it_is);
            assert!(problems.len() == 1 && problems[0].starts_with(problem), "{tables:?}: {problems:?}");
            assert!(doubts.is_empty(), "{tables:?}: {doubts:?}");
        }
    }
    for (tables, doubt) in [
        (["btc_old", "aside"], "public.aside: it reads public.btc_old; both are mapped into market_ticks"),
        (["aside", "all"], "public.aside: rows of public.btc are in it and in public.all; both are mapped"),
        (["again", "shown"], "public.again: it reads public.shown; both are mapped into market_ticks"),
    ] {
        let (problems, doubts) = found(tables, &as_it_is);
        assert!(problems.is_empty(), "a view may leave out what the other one has: {problems:?}");
        assert!(doubts.len() == 1 && doubts[0].starts_with(doubt), "{tables:?}: {doubts:?}");
    }
    for tables in [["all", "other"], ["shown", "shown_else"]] {
        assert_eq!(found(tables, &as_it_is), (vec![], vec![]), "{tables:?}");
    }
    let elsewhere = |text: String| text.replace("\"market_ticks\"", "\"ohlcv_bars\"");
    let (problems, doubts) = found(["all", "btc"], &elsewhere);
    assert!(
        !problems.is_empty() && problems.iter().all(|problem| !problem.contains("both are mapped")),
        "{problems:?}"
    );
    assert!(doubts.is_empty(), "{doubts:?}");
}

#[test]
fn a_proposal_leaves_the_unit_of_a_time_open_that_is_a_whole_number() {
    let counted = [
        ("ts", Type::Int(8)),
        ("symbol", Type::Text),
        ("price", Type::Numeric(None)),
        ("qty", Type::Numeric(None)),
        ("received", Type::Int(8)),
        ("recv_time_ms", Type::Int(8)),
    ];
    let mut both = counted.clone();
    both[4] = ("time_ms", Type::Int(8));
    both[5] = ("trade_time", Type::Timestamptz);
    let of = |columns: &[(&str, Type)]| {
        let catalog = catalog(&[("public.trades", columns)]);
        let text = propose(&catalog);
        (catalog, text)
    };
    let (catalog, text) = of(&counted);
    for line in [
        "timestamp = { from = \"ts\" }",
        "# needed, and not found: timestamp with unit = \"s\", \"ms\", \"us\" or \"ns\", what ts counts since 1970",
        "ingestion_time = { from = \"recv_time_ms\", unit = \"ms\" }",
        "# stays behind: received (bigint)",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in\n{text}");
    }
    let text = text.replace("[table.columns]", "[table.columns]\nexchange = { value = \"binance\" }");
    let words = |text: &str| -> Vec<String> {
        check(&Mapping::parse(text).unwrap(), &catalog).problems.iter().map(ToString::to_string).collect()
    };
    let open = words(&text);
    assert!(
        open.len() == 1 && open[0].contains("market_ticks.timestamp: a whole number is a time only with"),
        "{open:?}"
    );
    assert_eq!(words(&text.replace("{ from = \"ts\" }", "{ from = \"ts\", unit = \"us\" }")), Vec::<String>::new());
    // One that needs no word, and then one that says it, is the time before one that does not.
    let (_, text) = of(&both);
    assert!(text.contains("timestamp = { from = \"trade_time\" }") && !text.contains("with unit"), "{text}");
}
