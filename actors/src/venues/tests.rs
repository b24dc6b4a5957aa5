//! Where orders go, by settings that agree and settings that do not.

use super::*;
use crate::venues::binance::settings::Parameters as Binance;

struct Nowhere;

impl Connector for Nowhere {
    fn run(self: Box<Self>, _: flume::Receiver<VenueRequest>, _: Say) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}

fn route(account: &str, settings: &str) -> Result<Route, String> {
    let mut venues = Venues::default();
    venues.add_placed("binance", binance::CAPABILITIES, Binance::place, |_: Binance| Ok(Nowhere));
    let waits = if settings.contains("_after") { "" } else { "query_after = '5s'\nnot_received_after = '0s'\n" };
    let settings: VenueSettings = toml::from_str(&format!("{waits}{settings}")).unwrap();
    venues.route(account.parse().unwrap(), &settings).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(account: &str, settings: &str, word: &str) {
    let why = route(account, settings).err().unwrap_or_default();
    assert!(why.contains(word), "`{why}` without {word}");
}

#[test]
fn the_account_is_that_of_the_settings_and_the_place_is_told() {
    let place = |account, settings| route(account, settings).unwrap().place();
    assert_eq!(place("paper", "orders_to = 'paper'"), Some(Place { profile: "paper", is_live: false }));
    let binance = "orders_to = 'binance'\n[parameters]\n";
    assert_eq!(place("binance-test", binance), Some(Place { profile: "test", is_live: false }));
    let live = format!("{binance}profile = 'live'\nconfirm = 'live'");
    assert_eq!(place("mine-live", &live), Some(Place { profile: "live", is_live: true }));
    refused("mine", &live, "-live");
    refused("mine-live", &format!("{binance}profile = 'live'"), "confirm");
    refused("mine", &format!("{binance}account = 'yours'"), "leave it out");
    refused("mine", &format!("{binance}secret = 'hush'"), "unknown field `secret`");
    refused("mine", "orders_to = 'moon'", "registered are paper, binance");
}

#[test]
fn a_request_is_not_lost_before_the_venue_cannot_receive_it() {
    let waits = |query: &str, lost: &str, venue: &str| {
        format!("query_after = '{query}'\nnot_received_after = '{lost}'\norders_to = '{venue}'")
    };
    refused("mine", &waits("5s", "29s", "binance"), "shorter than 30s");
    refused("mine", &waits("31s", "0s", "binance"), "query_after: 31s is longer than 30s");
    route("mine", &waits("5s", "30s", "binance")).unwrap();
    route("mine", &waits("5s", "10s", "paper")).unwrap();
    let settings: VenueSettings = toml::from_str(&waits("5s", "0s", "binance")).unwrap();
    assert_eq!(settings.lost_after(&binance::CAPABILITIES), Duration::from_secs(30));
}

#[test]
fn rules_are_kept_with_the_settings_of_a_run_as_they_were_told() {
    let info = r#"{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","orderTypes":["LIMIT"],"filters":[
        {"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"0","tickSize":"0.01"},
        {"filterType":"NOTIONAL","minNotional":"5.0","applyMinToMarket":true,"avgPriceMins":5},
        {"filterType":"TRAILING_DELTA","minTrailingAboveDelta":10,"maxTrailingAboveDelta":2000,"minTrailingBelowDelta":20,"maxTrailingBelowDelta":2000},
        {"filterType":"MAX_POSITION","maxPosition":"10.0"},{"filterType":"FULL_MOON"}]}]}"#;
    let binance = binance::filters::read(info.as_bytes()).unwrap().0.remove(0);
    let asset = r#"{"class":"us_equity","symbol":"AAPL","status":"active","tradable":true,"fractionable":true}"#;
    let alpaca = crate::wire::alpaca::asset::read_one(asset.as_bytes()).unwrap();
    let told: BTreeMap<String, rules::Rules> = [
        ("binance:BTCUSDT".to_owned(), rules::Rules::Binance(Box::new(binance))),
        ("alpaca:AAPL".to_owned(), rules::Rules::Alpaca(Box::new(alpaca))),
    ]
    .into();
    let kept = toml::to_string(&told).unwrap();
    assert_eq!(toml::from_str::<BTreeMap<String, rules::Rules>>(&kept).unwrap(), told, "{kept}");
}
