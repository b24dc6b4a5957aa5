//! The actor around the venue; and the venue's fill models against a recording.

mod recording;

use std::path::Path;
use std::time::Duration;

use messages::instrument::Calendar;
use messages::ledger::MarketRecord;
use messages::market::{Event, EventBody, Level, Source, Tick, TickBody};
use messages::orders::{OrderRequest, Side};
use messages::venues::ReportKind;
use messages::{Exchange, Instrument, OrderId};
use storage::journal::{Journal, Options};

use super::models::Models;
use super::*;
use crate::bulk::{self, Outlet};

/// Stands where orders stands, and shows what it hears.
struct Listener;

impl Actor for Listener {
    type Msg = ToOrders;
    type State = flume::Sender<VenueReport>;
    type Arguments = flume::Sender<VenueReport>;

    async fn pre_start(
        &self,
        _: ActorRef<ToOrders>,
        heard: flume::Sender<VenueReport>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(heard)
    }

    async fn handle(
        &self,
        _: ActorRef<ToOrders>,
        message: ToOrders,
        heard: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let ToOrders::Reports(reports) = message {
            reports.into_iter().for_each(|report| heard.send(report).unwrap());
        }
        Ok(())
    }
}

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

fn quote(id: u64, bid: &str, ask: &str) -> Batch {
    let level = |price: &str| Some(Level { price: price.parse().unwrap(), size: "5".parse().unwrap() });
    let body = TickBody::Quote { bid: level(bid), ask: level(ask) };
    let received = UtcNanos(1_000_000 * id as i64);
    let tick = Tick { instrument: instrument(), time: received, sequence: None, revision: 0, body };
    Batch { source: Source::Simulated, received, events: vec![Event { id: MarketId(id), body: EventBody::Tick(tick) }] }
}

/// A venue without latency at which the order `rests` waits to be sold at 100.
fn venue() -> Paper {
    let settings = state::Settings {
        account: "paper".parse().unwrap(),
        deposit: None,
        rules: Default::default(),
        calendar: Calendar::default(),
        paper: toml::from_str("latency = '0s'\nmaker_fee_ppm = 0\ntaker_fee_ppm = 0").unwrap(),
        seed: 1,
    };
    let models = Models::shipped().choose(&settings.paper).unwrap();
    let mut paper = Paper::new(settings, models).unwrap();
    let request = OrderRequest::limit(instrument(), Side::Sell, "1".parse().unwrap(), "100".parse().unwrap());
    let (client_order_id, at) = ("rests".parse().unwrap(), UtcNanos(0));
    let mut said = Vec::new();
    paper.on_market(&quote(1, "98", "99"), &mut said);
    let (order_id, request) = (OrderId::of_key("paper".parse().unwrap(), "rests"), Box::new(request));
    paper.on_request(VenueRequest::Submit { client_order_id, order_id, request, at }, at, &mut said);
    paper.on_market(&quote(2, "98", "99"), &mut said);
    assert_eq!(said.len(), 2, "submitted and accepted: {said:?}");
    paper
}

/// The actor around [`venue`], the market's end of its queue and the way to orders.
async fn start(journal_dir: &Path) -> (ActorRef<Mailbox>, Outlet, Port<ToOrders>) {
    let options = Options { segment_bytes: 1 << 20, queue: 100, linger: Duration::ZERO };
    let (journal, _) = Journal::<MarketRecord>::open(journal_dir, options, |_| {}).unwrap();
    let (outlet, market) = bulk::channel(8, || {});
    let orders = Port::default();
    let arguments = Arguments {
        state: venue(),
        deliveries: Deliveries::new(Decider::Paper, 0, 0, journal),
        market,
        orders: orders.clone(),
        clock: Clock::wall(),
    };
    let (actor, _) = Actor::spawn(None, PaperActor, arguments).await.unwrap();
    (actor, outlet, orders)
}

#[test]
fn what_comes_before_orders_listens_is_handled_when_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let said = threads.block_on(async {
        let (actor, market, orders) = start(dir.path()).await;
        // As in a start: orders asks while it is started, and is not reached by anybody before it has.
        let (client_order_id, at) = ("asked".parse().unwrap(), UtcNanos(0));
        let question = VenueRequest::Query { client_order_id, instrument: instrument(), at };
        actor.send_message(Mailbox::Said(ToVenue::Requests(vec![question]))).unwrap();
        market.queue(quote(3, "101", "102").into()).await;
        actor.send_message(Mailbox::Wake).unwrap();
        // On this one thread the venue has its turn as often as it wants one.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let (tx, heard) = flume::unbounded();
        let (listener, _) = Actor::spawn(None, Listener, tx).await.unwrap();
        orders.fill(listener);
        actor.send_message(Mailbox::Said(ToVenue::Begin)).unwrap();
        let mut said = Vec::new();
        while said.len() < 2 {
            let report = tokio::time::timeout(Duration::from_secs(10), heard.recv_async()).await;
            said.push(report.expect("the venue says what it has to say").unwrap());
        }
        said
    });
    let unknown = |r: &VenueReport| r.client_order_id.as_str() == "asked" && r.kind == ReportKind::Unknown;
    let filled = |r: &VenueReport| r.client_order_id.as_str() == "rests" && matches!(r.kind, ReportKind::Filled(_));
    assert!(said.iter().any(unknown) && said.iter().any(filled), "{said:?}");
}
