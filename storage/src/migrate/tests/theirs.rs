//! What another program keeps: trades of two symbols, and how they become ours.

use crate::migrate::mapping::{Mapping, check};
use crate::migrate::plan::Plan;
use crate::postgres::{Session, catalog};

/// Makes a table of trades: from 2026-01-02 on a row every minute, up to the one of the number `last`.
pub fn raw_trades(last: u32) -> String {
    format!(
        "CREATE TABLE public.raw_trades (time timestamptz, symbol text NOT NULL, trade_id bigint, price numeric, qty numeric NOT NULL);
         INSERT INTO public.raw_trades
             SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '1 minute', CASE i % 2 WHEN 0 THEN 'BTC/USD' ELSE 'ETHUSDT' END,
                 i, 61837.63 + i, 0.5
             FROM generate_series(0, {last}) i;
         CREATE INDEX ON public.raw_trades (time)"
    )
}

/// Its mapping.
pub const MAPPING: &str = r#"
    [[table]]
    from = "public.raw_trades"
    into = "market_ticks"
    [table.columns]
    exchange = { value = "binance" }
    kind = { value = "trade" }
    symbol = { from = "symbol" }
    timestamp = { from = "time" }
    last_price = { from = "price" }
    volume = { from = "qty" }
    sequence_number = { from = "trade_id" }
"#;

/// Four tables of trades as the user `reader` finds them: of one policies hide rows, of another those under a view of his, and a
/// materialized view was never filled. Each with its mapping.
pub fn hidden(owner: &Session) -> String {
    let script = "ALTER TABLE raw_trades ENABLE ROW LEVEL SECURITY;
        CREATE TABLE kept AS SELECT * FROM raw_trades;
        CREATE VIEW seen AS SELECT * FROM raw_trades;
        CREATE MATERIALIZED VIEW unfilled AS SELECT * FROM raw_trades WITH NO DATA;
        GRANT SELECT ON kept, raw_trades, seen, unfilled TO reader;
        ALTER VIEW seen OWNER TO reader";
    owner.execute("make their tables", &raw_trades(3)).unwrap();
    owner.execute("make more", script).unwrap();
    ["kept", "raw_trades", "seen", "unfilled"].map(|table| MAPPING.replace("raw_trades", table)).concat()
}

/// A plan for each table of a mapping, held against what is there now.
pub fn plans(session: &Session, mapping: &str) -> Vec<Plan> {
    let checked = check(&Mapping::parse(mapping).unwrap(), &catalog::read(session).unwrap());
    assert_eq!(checked.problems, []);
    checked.plans
}
