use super::*;

fn set(assignments: &[&str]) -> Result<Settings, Vec<String>> {
    let layers = Layers { set: assignments.iter().map(|s| (*s).to_owned()).collect(), ..Layers::default() };
    load(&layers).map_err(|e| e.problems)
}

#[test]
fn the_defaults_are_whole_and_right() {
    let settings = set(&[]).unwrap();
    assert_eq!(settings.account.deposit.to_string(), "100000");
    let again: Settings = toml::from_str(&settings.to_toml()).unwrap();
    assert_eq!(again, settings);
}

#[test]
fn values_are_set_by_path() {
    let settings = set(&[
        "risk.max_open_orders=7",
        "bars.lateness=2s",
        "account.deposit=5",
        "strategies.run.ema_cross.parameters.fast=3",
    ])
    .unwrap();
    assert_eq!(settings.risk.max_open_orders, 7);
    assert_eq!(settings.bars.lateness.as_secs(), 2);
    assert_eq!(settings.account.deposit.to_string(), "5");
}

#[test]
fn everything_wrong_is_said_at_once_with_its_path() {
    let problems =
        set(&["risk.max_opn_orders=7", "bars.lateness=\"2 months\"", "account.deposit=0.5", "nonsense.key=1"])
            .unwrap_err();
    for path in ["risk.max_opn_orders", "bars.lateness", "account.deposit", "nonsense"] {
        assert!(problems.iter().any(|p| p.starts_with(path)), "{path} in {problems:#?}");
    }
}

#[test]
fn contradictions_are_refused() {
    let problems = set(&[
        "venues.query_after=0s",
        "http.address=\"0.0.0.0:80\"",
        "hot.max_bytes=4294967296",
        "hot.keep=0s",
        "feeds.simulated.NEW={price=\"1\",volatility_bps=1,trades_per_sec=1,quotes_per_sec=1}",
        "journal.market_max_bytes=1000000",
        "timescale.schema=\"public\"",
    ])
    .unwrap_err();
    // The address lacks a token and TLS.
    assert_eq!(problems.len(), 8, "{problems:#?}");
}

#[test]
fn a_secret_has_no_place_in_the_parameters_of_a_venue_and_is_not_repeated() {
    let problems = set(&["venues.parameters.profile=live", "venues.parameters.secret=hush"]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("venues.parameters.secret") && !problems[0].contains("hush"), "{problems:#?}");
}

#[test]
fn limits_of_strategies_symbols_and_the_account_are_read_and_checked() {
    let settings = set(&[
        "risk.strategies.ema_cross={max_order_notional=\"1000\",max_open_orders=5}",
        "risk.symbols={\"binance:BTCUSDT\"={max_position_quantity=\"0.5\"}}",
        "risk.account.max_leverage_percent=150",
        "risk.blackouts=[\"fri 20:00-24:00\"]",
    ])
    .unwrap();
    assert_eq!(settings.risk.account.max_leverage_percent, 150);
    assert_eq!((settings.risk.strategies.len(), settings.risk.symbols.len(), settings.risk.blackouts.len()), (1, 1, 1));
    let problems = set(&[
        "risk.strategies.ema_cross={max_order_notional=\"much\"}",
        "risk.symbols={\"binance:NONE\"={max_open_orders=1}}",
        "risk.account.on_loss=\"ACTIVE\"",
        "risk.account.max_drawdown_percent=101",
        "risk.account.reject_window=0",
    ])
    .unwrap_err();
    for path in ["risk.strategies.ema_cross.max_order_notional", "risk.symbols", "risk.account.on_loss"] {
        assert!(problems.iter().any(|p| p.starts_with(path)), "{path} in {problems:#?}");
    }
    assert_eq!(problems.len(), 5, "{problems:#?}");
}

#[test]
fn rules_of_alerts_are_checked() {
    let problems = set(&[
        "alerts.rules.drawdown={limit=10,clear=12,for=\"0s\"}",
        "alerts.rules.disk_space={limit=10,clear=5,for=\"0s\"}",
        "alerts.rules.dead_man={limit=20,clear=20,for=\"0s\"}",
        "alerts.window=0s",
    ])
    .unwrap_err();
    for path in ["rules.drawdown.clear", "rules.disk_space.clear", "rules.dead_man.limit", "window"] {
        assert!(problems.iter().any(|p| p.starts_with(&format!("alerts.{path}"))), "{path} in {problems:#?}");
    }
    assert_eq!(problems.len(), 4, "{problems:#?}");
}

#[test]
fn a_webhook_is_shown_by_its_host_alone() {
    let settings = set(&["alerts.webhook_url=\"https://hooks.example.com/T0/xyz\""]).unwrap();
    let shown = settings.to_toml();
    assert!(shown.contains("https://hooks.example.com/…") && !shown.contains("xyz"), "{shown}");
    let problems = set(&["alerts.webhook_url=\"ftp://hooks.example.com/xyz\""]).unwrap_err();
    assert!(problems[0].starts_with("alerts.webhook_url") && !problems[0].contains("xyz"), "{problems:#?}");
}
