//! Where the orders of a bench go: the paper venue inside of the runtime, or a real connector to a local server that speaks its
//! venue's own protocol.

use std::sync::Arc;
use std::time::Duration;

use actors::clock::Clock;
use actors::venues::alpaca::connector::AlpacaConnector;
use actors::venues::binance::connector::BinanceConnector;
use actors::venues::binance::key::ApiKey;
use actors::venues::{Connector, Remote, Route, alpaca, binance};
use actors::wire::alpaca::Keys;
use actors::wire::reach::Reach;
use messages::{Account, Exchange, Instrument, Price, Quantity};
use serde_json::json;
use testkit::feeds::serve::now;
use testkit::venue::alpaca::AlpacaVenue;
use testkit::venue::binance::BinanceVenue;
use testkit::venue::exchange::Exchange as Books;
use testkit::venue::face::Face;
use testkit::venue::faults::{Fault, Faults, Rule};
use testkit::venue::faulty::Venue;
use testkit::venue::serve::VenueServer;
use testkit::venue::standard;

/// How long a request by REST waits for its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// More requests in a minute, and more weight of them, than a test has: every case of the walk starts a runtime.
const REQUESTS: u32 = 100_000;

/// A venue.
pub enum House {
    Paper,
    Binance(VenueServer<BinanceVenue>),
    Alpaca(VenueServer<AlpacaVenue>),
}

/// What is asked of a venue, as its faults name it.
#[derive(Clone, Copy)]
pub enum Ask {
    Place,
    Cancel,
    Replace,
}

/// What is traded there, and how much of it.
#[derive(Clone, Copy)]
pub struct Goods {
    pub instrument: Instrument,
    /// Of an ordinary order.
    pub quantity: Quantity,
    /// Of it.
    pub part: Quantity,
    /// An order of so much is below the least value.
    pub too_little: Quantity,
    /// Where the bid stands at first.
    pub bid: Price,
}

impl House {
    pub async fn binance() -> Self {
        let face = standard::binance(None).with_limits(REQUESTS, [1_000, 200_000]);
        Self::Binance(VenueServer::start(Venue::new(face, Faults::new(1)), 0).await)
    }

    pub async fn alpaca() -> Self {
        let face = standard::alpaca(true, now()).with_requests(REQUESTS);
        Self::Alpaca(VenueServer::start(Venue::new(face, Faults::new(1)), 0).await)
    }

    pub const fn is_paper(&self) -> bool {
        matches!(self, Self::Paper)
    }

    /// The column of the document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Binance(_) => "binance",
            Self::Alpaca(_) => "alpaca",
        }
    }

    pub fn account(&self) -> Account {
        let name = match self {
            Self::Paper => "paper",
            Self::Binance(_) => "binance-test",
            Self::Alpaca(_) => "alpaca-paper",
        };
        name.parse().expect("an account")
    }

    pub const fn currency(&self) -> &'static str {
        match self {
            Self::Binance(_) => "USDT",
            Self::Paper | Self::Alpaca(_) => "USD",
        }
    }

    pub fn goods(&self) -> Goods {
        let number = |text: &str| text.parse::<Quantity>().expect("a quantity");
        let (exchange, symbol, quantities, bid) = match self {
            Self::Binance(_) => (Exchange::Binance, "BTCUSDT", ["0.02", "0.005", "0.00002"], "60000"),
            Self::Paper | Self::Alpaca(_) => (Exchange::Alpaca, "AAPL", ["10", "3", "0.001"], "150"),
        };
        let [quantity, part, too_little] = quantities.map(number);
        let instrument = Instrument { exchange, symbol: symbol.parse().expect("a symbol") };
        Goods { instrument, quantity, part, too_little, bid: bid.parse().expect("a price") }
    }

    /// Where a runtime's orders go.
    pub fn route(&self) -> Route {
        let reach = || Reach::from_environment(REQUEST_TIMEOUT).expect("roots of the system");
        let (name, account) = (self.name().to_owned(), self.account());
        match self {
            Self::Paper => Route::Paper,
            Self::Binance(server) => {
                let parameters: binance::settings::Parameters = serde_json::from_value(json!({
                    "profile": "test", "account": account,
                    "url": format!("ws://{}/ws-api/v3", server.address),
                    // Every case that cuts the connection counts as a failure: the waits would grow beyond what a case waits.
                    "reconnect_longest": "1s",
                }))
                .expect("parameters");
                let key = Arc::new(ApiKey::new(standard::KEY, standard::SECRET).expect("a key"));
                let reach = reach();
                let make = move || {
                    let made = BinanceConnector::new(&parameters, key.clone(), reach.clone(), Clock::wall())?;
                    Ok(Box::new(made) as Box<dyn Connector>)
                };
                Route::Remote(Remote { name, capabilities: binance::CAPABILITIES, place: None, make: Arc::new(make) })
            }
            Self::Alpaca(server) => {
                let parameters: alpaca::settings::Parameters = serde_json::from_value(json!({
                    "account": account, "trading_url": format!("http://{}", server.address),
                    "stream_url": format!("ws://{}/stream", server.address), "requests_per_minute": REQUESTS,
                    "reconnect_first": "100ms",
                }))
                .expect("parameters");
                let keys = Keys { id: standard::KEY.to_owned(), secret: standard::SECRET.to_owned() };
                let reach = reach();
                let make = move || {
                    let (keys, reach) = (keys.clone(), reach.clone());
                    let made = AlpacaConnector::new(parameters.clone(), keys, reach, Clock::wall(), 1)?;
                    Ok(Box::new(made) as Box<dyn Connector>)
                };
                Route::Remote(Remote { name, capabilities: alpaca::CAPABILITIES, place: None, make: Arc::new(make) })
            }
        }
    }

    /// What the venue outside knows, and what goes wrong there; `None` for paper, which has neither.
    pub fn outside<T>(&self, look: impl FnOnce(&mut Books, &mut Faults) -> T) -> Option<T> {
        match self {
            Self::Paper => None,
            Self::Binance(server) => Some(server.venue(|v| look(v.face.exchange(), &mut v.faults))),
            Self::Alpaca(server) => Some(server.venue(|v| look(v.face.exchange(), &mut v.faults))),
        }
    }

    /// Sets the venue's clock ahead, in milliseconds.
    pub fn set_clock(&self, ahead_ms: i64) {
        match self {
            Self::Paper => {}
            Self::Binance(server) => server.venue(|v| v.clock = ahead_ms * 1_000_000),
            Self::Alpaca(server) => server.venue(|v| v.clock = ahead_ms * 1_000_000),
        }
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        match self {
            Self::Paper => {}
            Self::Binance(server) => server.venue(|v| v.cut(now())),
            Self::Alpaca(server) => server.venue(|v| v.cut(now())),
        }
    }

    /// Lets something go wrong once.
    pub fn once(&self, at: &str, fault: Fault) {
        self.outside(|_, faults| faults.add(Rule::once(at, fault)));
    }

    /// Nothing more reaches the venue, and nothing comes from it, but what an earlier rule says.
    pub fn go_dark(&self) {
        self.outside(|_, faults| faults.add(Rule { times: u32::MAX, ..Rule::once("", Fault::Lose) }));
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.outside(|_, faults| {
            faults.clear();
            faults.done.clear();
        });
        self.set_clock(0);
    }

    /// Moves the market of the venue outside; with so much to take, or with any amount.
    pub fn quote(&self, bid: Price, ask: Price, size: Option<Quantity>) {
        let symbol = self.goods().instrument.symbol;
        self.outside(|books, _| {
            let on = books.instruments.get_mut(symbol.as_str()).expect("an instrument of the server");
            on.available = size;
            books.quote(symbol.as_str(), bid, ask, now()).expect("a quote");
        });
    }

    /// How the venue's faults name what is asked.
    pub const fn point(&self, ask: Ask) -> &'static str {
        match (self, ask) {
            (Self::Paper, _) => "",
            (Self::Binance(_), Ask::Place) => "order.place",
            (Self::Binance(_), Ask::Cancel) => "order.cancel",
            (Self::Binance(_), Ask::Replace) => "order.cancelReplace",
            (Self::Alpaca(_), Ask::Place) => "POST /v2/orders",
            (Self::Alpaca(_), Ask::Cancel) => "DELETE /v2/orders",
            (Self::Alpaca(_), Ask::Replace) => "PATCH /v2/orders",
        }
    }

    /// How they name what it tells of a fill: of one that leaves a rest, or of one that does not.
    pub const fn told_fill(&self, leaves_rest: bool) -> &'static str {
        match (self, leaves_rest) {
            (Self::Paper, _) => "",
            (Self::Binance(_), _) => "event:executionReport:TRADE",
            (Self::Alpaca(_), true) => "event:partial_fill",
            (Self::Alpaca(_), false) => "event:fill",
        }
    }
}
