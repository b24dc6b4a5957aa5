//! What can be wrong with settings: keys that nobody reads, values of a wrong kind, contradictions.

use std::collections::BTreeMap;

use actors::settings::{FeedSettings, parse_instrument};
use figment::Figment;
use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;
use storage::settings::Timescale;

use crate::{DEFAULTS, Settings};

/// Sections whose keys are names that users choose.
const NAMED: &[&str] = &[
    "strategies.run",
    "feeds.simulated",
    "instruments",
    "venues.parameters",
    "risk.strategies",
    "risk.symbols",
    "paper.fills.parameters",
    "paper.fees.parameters",
    "paper.to_venue.parameters",
    "paper.to_us.parameters",
    "paper.slippage.parameters",
];

/// What nobody may write into the parameters of a venue.
const SECRETS: &[&str] = &[
    "api_key",
    "api_secret",
    "key",
    "key_id",
    "passphrase",
    "password",
    "private_key",
    "secret",
    "secret_key",
    "token",
];

/// Keys that are in no default: misspelt, or of another version.
pub fn unknown_keys(figment: &Figment) -> Vec<String> {
    let defaults: Dict = toml::from_str(DEFAULTS).expect("the embedded defaults are TOML");
    let Ok(given) = figment.extract::<Dict>() else { return Vec::new() };
    let mut problems = Vec::new();
    compare("", &given, &defaults, &mut problems);
    problems
}

fn compare(path: &str, given: &Dict, defaults: &Dict, problems: &mut Vec<String>) {
    for (key, value) in given {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if NAMED.contains(&here.as_str()) {
            continue;
        }
        match (defaults.get(key), value) {
            (None, _) => {
                let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
                problems.push(format!("{here}: there is no such key; known here are {}", known.join(", ")));
            }
            (Some(Value::Dict(_, defaults)), Value::Dict(_, given)) => compare(&here, given, defaults, problems),
            _ => {}
        }
    }
}

/// The settings, section by section, so that a mistake in one does not hide those in others.
pub fn sections(figment: &Figment) -> Result<Settings, Vec<String>> {
    fn section<T: DeserializeOwned>(figment: &Figment, name: &str, problems: &mut Vec<String>) -> Option<T> {
        match figment.extract_inner(name) {
            Ok(section) => Some(section),
            Err(errors) => {
                problems.extend(errors.into_iter().map(|e| format!("{}: {}", path(name, &e.path), e.kind)));
                None
            }
        }
    }
    let mut p = Vec::new();
    let instance = section(figment, "instance", &mut p);
    let account = section(figment, "account", &mut p);
    let bars = section(figment, "bars", &mut p);
    let risk = section(figment, "risk", &mut p);
    let paper = section(figment, "paper", &mut p);
    let venues = section(figment, "venues", &mut p);
    let snapshots = section(figment, "snapshots", &mut p);
    let strategies = section(figment, "strategies", &mut p);
    let feeds = section(figment, "feeds", &mut p);
    let journal = section(figment, "journal", &mut p);
    let duckdb = section(figment, "duckdb", &mut p);
    let tiers = section(figment, "tiers", &mut p);
    let timescale = section(figment, "timescale", &mut p);
    let telemetry = section(figment, "telemetry", &mut p);
    let alerts = section(figment, "alerts", &mut p);
    let hot = section(figment, "hot", &mut p);
    let http = section(figment, "http", &mut p);
    let calendar = section(figment, "calendar", &mut p);
    let instruments = section(figment, "instruments", &mut p);
    let all = || {
        Some(Settings {
            instance: instance?,
            account: account?,
            bars: bars?,
            risk: risk?,
            paper: paper?,
            venues: venues?,
            snapshots: snapshots?,
            strategies: strategies?,
            feeds: feeds?,
            journal: journal?,
            duckdb: duckdb?,
            tiers: tiers?,
            timescale: timescale?,
            telemetry: telemetry?,
            alerts: alerts?,
            hot: hot?,
            http: http?,
            calendar: calendar?,
            instruments: instruments?,
            venue_rules: BTreeMap::new(),
        })
    };
    all().ok_or(p)
}

/// The path of a mistake: figment puts the section's name last.
fn path(section: &str, found: &[String]) -> String {
    let below = found.strip_suffix(&[section.to_owned()]).unwrap_or(found);
    std::iter::once(section).chain(below.iter().map(String::as_str)).collect::<Vec<_>>().join(".")
}

/// Values that are right alone and wrong together.
pub fn contradictions(s: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    let mut must = |holds: bool, text: String| {
        if !holds {
            problems.push(text);
        }
    };
    must(!s.bars.timeframes.is_empty(), "bars.timeframes: at least one length is needed".to_owned());
    must(!s.snapshots.every.is_zero(), "snapshots.every: must be longer than 0s".to_owned());
    must(!s.strategies.hang_after.is_zero(), "strategies.hang_after: must be longer than 0s".to_owned());
    let every = s.telemetry.every.as_secs();
    must(every >= 1, "telemetry.every: must be at least 1s, for a sample asks every actor".to_owned());
    must(!s.account.deposit.is_negative(), "account.deposit: must not be negative".to_owned());
    let journal = &s.journal;
    let room = journal.market_segment_bytes.saturating_mul(2) <= journal.market_max_bytes;
    must(room, "journal.market_max_bytes: must be at least twice journal.market_segment_bytes".to_owned());
    must(!s.venues.query_after.is_zero(), "venues.query_after: must be longer than 0s".to_owned());
    for key in s.venues.parameters.keys() {
        let is_secret = SECRETS.contains(&key.to_ascii_lowercase().as_str());
        must(
            !is_secret,
            format!(
                "venues.parameters.{key}: settings are shown and kept in the ledger; write keys into a file and name it in credentials_file"
            ),
        );
    }
    let every = s.venues.reconcile_every;
    must(
        every.is_zero() || every >= std::time::Duration::from_secs(30),
        "venues.reconcile_every: must be 0s, for never, or at least 30s, for each costs the venue's budget".to_owned(),
    );
    let every = s.venues.rules_every;
    must(
        every.is_zero() || every >= std::time::Duration::from_secs(60),
        "venues.rules_every: must be 0s, for never, or at least 1m, for each costs the venue's budget".to_owned(),
    );
    must(
        !s.hot.keep.is_zero(),
        "hot.keep: must be longer than 0s; hot.max_bytes = 0 switches the hot tier off".to_owned(),
    );
    let half = s.duckdb.memory_bytes / 2;
    must(
        s.hot.max_bytes == 0 || s.hot.max_bytes >= 64 << 20,
        "hot.max_bytes: must be 0 or at least 67108864".to_owned(),
    );
    must(s.hot.max_bytes <= half, format!("hot.max_bytes: must be at most half of duckdb.memory_bytes, {half}"));
    for (path, queue) in [
        ("feeds.queue", s.feeds.queue),
        ("strategies.queue", s.strategies.queue),
        ("journal.ledger_queue", s.journal.ledger_queue),
        ("journal.market_queue", s.journal.market_queue),
    ] {
        must(queue > 0, format!("{path}: at least 1 must fit"));
    }
    for (path, ppm) in [("paper.maker_fee_ppm", s.paper.maker_fee_ppm), ("paper.taker_fee_ppm", s.paper.taker_fee_ppm)]
    {
        must(
            (-100_000..=100_000).contains(&ppm),
            format!("{path}: {ppm} is more than 10 %; expected -100000 to 100000"),
        );
    }
    let rate = s.paper.rejects.rate_ppm;
    must(rate <= 1_000_000, format!("paper.rejects.rate_ppm: {rate} is more than all; expected at most 1000000"));
    let (limits, longest) = (s.paper.price_limits, std::time::Duration::from_secs(86_400));
    must(
        limits.band_percent <= 100,
        format!("paper.price_limits.band_percent: {} is not 0 to 100", limits.band_percent),
    );
    for (path, length) in [("window", limits.window), ("pause", limits.pause)] {
        must(
            !length.is_zero() && length <= longest,
            format!("paper.price_limits.{path}: must be longer than 0s and at most 1d"),
        );
    }
    for halt in &s.paper.halts {
        let checked = halt.check();
        must(checked.is_ok(), format!("paper.halts: {}", checked.err().unwrap_or_default()));
    }
    for (path, bytes) in [
        ("journal.ledger_segment_bytes", s.journal.ledger_segment_bytes),
        ("journal.market_segment_bytes", s.journal.market_segment_bytes),
    ] {
        must(bytes >= 1 << 20, format!("{path}: {bytes} is less than 1 MiB (1048576)"));
    }
    let memory = s.duckdb.memory_bytes;
    must(memory >= 64 << 20, format!("duckdb.memory_bytes: {memory} is less than 64 MiB (67108864)"));
    must(s.duckdb.threads > 0, "duckdb.threads: at least 1 is needed".to_owned());
    let schedule = actors::archive::parse(&s.tiers.schedule).map(drop);
    must(schedule.is_ok(), format!("tiers.schedule: {}", schedule.err().unwrap_or_default()));
    for (path, level) in [("tiers.warm_level", s.tiers.warm_level), ("tiers.cold_level", s.tiers.cold_level)] {
        must((1..=22).contains(&level), format!("{path}: {level} is no level of ZSTD; expected 1 to 22"));
    }
    let readers = s.duckdb.readers;
    must((1..=1_000).contains(&readers), format!("duckdb.readers: {readers} is not between 1 and 1000"));
    let query = s.duckdb.query_memory_bytes;
    must(
        (16 << 20..=memory).contains(&query),
        format!("duckdb.query_memory_bytes: {query} is not between 16777216 and duckdb.memory_bytes, {memory}"),
    );
    must(!s.duckdb.query_timeout.is_zero(), "duckdb.query_timeout: must be longer than 0s".to_owned());
    must(!s.duckdb.slow_query.is_zero(), "duckdb.slow_query: must be longer than 0s".to_owned());
    let instance = messages::ids::ClientOrderIds::new(&s.instance.name, 0).map(drop);
    must(instance.is_ok(), format!("instance.name: `{}` is not 1 to 8 characters of A-Z a-z 0-9 _", s.instance.name));
    crate::http::contradictions(&s.http, &mut must);
    timescale(&s.timescale, &mut must);
    for key in s.instruments.keys() {
        let wrong = parse_instrument(key).err();
        must(wrong.is_none(), format!("instruments: {}", wrong.unwrap_or_default()));
    }
    for (name, run) in &s.strategies.run {
        for text in &run.instruments {
            let known = s.instruments.contains_key(text);
            must(known, format!("strategies.run.{name}.instruments: `{text}` is not among the instruments"));
        }
    }
    s.risk.problems().into_iter().for_each(|problem| must(false, problem));
    for symbol in s.risk.symbols.keys() {
        let known = s.instruments.contains_key(symbol);
        must(known, format!("risk.symbols: `{symbol}` is not among the instruments"));
    }
    s.alerts.problems(s.telemetry.every).into_iter().for_each(|problem| must(false, problem));
    feeds(&s.feeds, &mut must);
    for symbol in s.feeds.simulated.keys() {
        let known = s.instruments.contains_key(&format!("simulated:{symbol}"));
        must(known, format!("feeds.simulated.{symbol}: `simulated:{symbol}` is not among the instruments"));
    }
    problems
}

fn timescale(s: &Timescale, must: &mut impl FnMut(bool, String)) {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let schema = !s.schema.is_empty() && s.schema.len() < 64 && s.schema.chars().all(is_name);
    must(schema, format!("timescale.schema: `{}` is not 1 to 63 characters of a-z 0-9 _", s.schema));
    let starts = !s.schema.starts_with("pg_") && !s.schema.starts_with(|c: char| c.is_ascii_digit());
    must(starts, format!("timescale.schema: `{}` begins with a digit or with pg_", s.schema));
    let own = !["public", "information_schema"].contains(&s.schema.as_str());
    must(
        own,
        format!("timescale.schema: `{}` is not ours alone; name one that nobody else uses, as merganser", s.schema),
    );
    let (connections, errors) = (s.connections, s.read_errors);
    must((1..=32).contains(&connections), format!("timescale.connections: {connections} is not between 1 and 32"));
    must(errors <= 100, format!("timescale.read_errors: {errors} is more than 100 of a hundred"));
    must(!s.read_budget.is_zero(), "timescale.read_budget: must be longer than 0s".to_owned());
    for (key, time) in [("connect_timeout", s.connect_timeout), ("answer_timeout", s.answer_timeout)] {
        must(!time.is_zero(), format!("timescale.{key}: must be longer than 0s"));
    }
}

fn feeds(s: &FeedSettings, must: &mut impl FnMut(bool, String)) {
    must(!s.run.is_empty(), "feeds.run: at least one feed is needed, as simulated".to_owned());
    for (at, name) in s.run.iter().enumerate() {
        must(!s.run[..at].contains(name), format!("feeds.run: `{}` stands there twice", name.as_str()));
    }
    for (key, time) in [
        ("stale_after", s.stale_after),
        ("silence", s.silence),
        ("reconnect_first", s.reconnect_first),
        ("connect_timeout", s.connect_timeout),
        ("request_timeout", s.request_timeout),
    ] {
        must(!time.is_zero(), format!("feeds.{key}: must be longer than 0s"));
    }
    let silence = s.silence.as_secs() >= 30;
    must(silence, "feeds.silence: must be at least 30s, for venues and we ping every 20s".to_owned());
    let waits = s.reconnect_first <= s.reconnect_longest;
    must(waits, "feeds.reconnect_first: must not be longer than feeds.reconnect_longest".to_owned());
    must(s.record_file_bytes >= 1 << 20, "feeds.record_file_bytes: must be at least 1 MiB (1048576)".to_owned());
    let urls = [("binance", &s.binance.stream_url, &s.binance.rest_url)].into_iter();
    let alpaca = [("alpaca", &s.alpaca), ("alpaca_crypto", &s.alpaca_crypto)];
    let urls = urls.chain(alpaca.iter().map(|(name, a)| (*name, &a.stream_url, &a.data_url)));
    for (name, stream, rest) in urls {
        for (key, url, schemes) in
            [("stream_url", stream, ["wss://", "ws://"]), ("rest", rest, ["https://", "http://"])]
        {
            let known = schemes.iter().any(|scheme| url.starts_with(scheme)) && !url.ends_with('/');
            let [safe, plain] = schemes;
            must(known, format!("feeds.{name}: `{url}` ({key}) must begin with {safe} or {plain} and not end in /"));
        }
    }
    for (name, symbols) in
        [("binance", &s.binance.symbols), ("alpaca", &s.alpaca.symbols), ("alpaca_crypto", &s.alpaca_crypto.symbols)]
    {
        let runs = s.run.iter().any(|run| run.as_str() == name);
        must(!runs || !symbols.is_empty(), format!("feeds.{name}.symbols: the feed runs and has no symbol"));
    }
}
