//! The session through what a user would notice: what it asks, what it says is missing, and what it gives up.

use std::time::Duration;

use messages::market::{FeedItem, Gap, GapCause, GapChannel};
use messages::{Symbol, UtcNanos};

use super::super::{AlpacaSession, Channel, Feed, Settings};
use crate::feeds::session::{Answer, Do, Heard, Notice, Out, Pause, RequestId, Session};
use crate::wire::Link;
use crate::wire::alpaca::Keys;

mod connection;
mod faults;
mod gaps;
mod limits;
mod losses;

const BEGIN: &str = "2026-11-24T15:00:00Z";

/// A session with somebody who plays the venue.
struct Play {
    session: AlpacaSession,
    now: UtcNanos,
    out: Out,
    link: Link,
}

fn symbols(names: &[&str]) -> Vec<Symbol> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn settings(feed: Feed, names: &[&str], channels: &[Channel]) -> Settings {
    let keys = Keys { id: "key".to_owned(), secret: "secret".to_owned() };
    Settings::new(feed, keys, symbols(names), channels.to_vec())
}

impl Play {
    /// Begun, with its first connection under way.
    fn new(settings: Settings) -> Self {
        let mut play = Self {
            session: AlpacaSession::new(settings),
            now: BEGIN.parse().unwrap(),
            out: Out::default(),
            link: Link(0),
        };
        play.session.begin(play.now, &mut play.out);
        play.find_link();
        play
    }

    /// Live, with all symbols acknowledged, and nothing missing of the time before.
    fn live(settings: Settings) -> Self {
        let mut play = Self::new(settings);
        play.open();
        play.acknowledge_all();
        play.settle();
        play
    }

    /// Nothing is missing any more: history, quotes and books that close the gaps of the beginning are there, and the
    /// clock stands where it stood.
    fn settle(&mut self) {
        let gaps_closed = &mut Vec::new();
        let now = self.now;
        for watched in self.session.symbols.values_mut() {
            watched.recovered(now, gaps_closed);
            watched.dismissed(now, gaps_closed);
        }
        self.session.backfill.clear();
    }

    fn find_link(&mut self) {
        for effect in &self.out.effects {
            if let Do::Open { link, .. } = effect {
                self.link = *link;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn hear(&mut self, heard: Heard<'_>) -> &Out {
        self.out.clear();
        self.session.hear(heard, self.now, &mut self.out);
        self.find_link();
        &self.out
    }

    fn frame(&mut self, text: &str) -> &Out {
        self.hear(Heard::Frame(self.link, text.as_bytes()))
    }

    fn error(&mut self, code: u32) -> &Out {
        self.frame(&format!(r#"[{{"T":"error","code":{code},"msg":"no"}}]"#))
    }

    /// Lets time pass up to when the session asked to be woken.
    fn wake(&mut self) -> &Out {
        self.now = self.session.next_due().expect("something waits for time").max(self.now);
        self.hear(Heard::Timer)
    }

    /// Connects and authenticates; returns what is asked to be subscribed.
    fn open(&mut self) -> Option<Vec<String>> {
        self.hear(Heard::Opened(self.link));
        self.frame(r#"[{"T":"success","msg":"connected"}]"#);
        self.frame(r#"[{"T":"success","msg":"authenticated"}]"#);
        self.asked()
    }

    /// The symbols of the subscription that was just sent.
    fn asked(&self) -> Option<Vec<String>> {
        self.sent().filter(|(action, _)| action == "subscribe").map(|(_, symbols)| symbols)
    }

    fn sent(&self) -> Option<(String, Vec<String>)> {
        let text = self.out.effects.iter().find_map(|effect| match effect {
            Do::Send(_, text) => Some(text),
            _ => None,
        })?;
        let request: serde_json::Value = serde_json::from_str(text).unwrap();
        let lists = request.as_object().unwrap().iter().filter(|(name, _)| *name != "action");
        let list = lists.map(|(_, list)| list.as_array().unwrap()).next().unwrap();
        let symbols = list.iter().map(|symbol| symbol.as_str().unwrap().to_owned()).collect();
        Some((request["action"].as_str().unwrap().to_owned(), symbols))
    }

    /// Acknowledges these symbols in all channels.
    fn acknowledge(&mut self, symbols: &[String]) -> &Out {
        let mut ack = serde_json::json!({"T": "subscription"});
        for channel in self.session.subscriptions.channels() {
            ack[channel.name()] = symbols.into();
        }
        self.frame(&format!("[{ack}]"))
    }

    fn acknowledge_all(&mut self) -> &Out {
        let all: Vec<String> = self.session.subscriptions.wanted().iter().map(Symbol::to_string).collect();
        self.acknowledge(&all)
    }

    fn gaps(&self) -> Vec<Gap> {
        let gaps = self.out.items.iter().filter_map(|item| match item {
            FeedItem::Gap(gap) => Some(gap.clone()),
            _ => None,
        });
        gaps.collect()
    }

    /// The gaps just reported, short: symbol, channel, cause, open or closed.
    fn gap_list(&self) -> Vec<String> {
        let gaps = self.gaps();
        let word = |gap: &Gap| {
            let state = if gap.to.is_some() { "closed" } else { "open" };
            format!("{} {} {} {state}", gap.instrument.symbol, gap.channel.as_str(), gap.cause.as_str())
        };
        gaps.iter().map(word).collect()
    }

    fn request(&self) -> Option<(RequestId, String)> {
        self.out.effects.iter().find_map(|effect| match effect {
            Do::Ask { id, url, .. } => Some((*id, url.clone())),
            _ => None,
        })
    }

    fn answer(&mut self, id: RequestId, status: u16, body: &str) -> &Out {
        let answer = Answer { status, retry_after: None, used_weight: None, body: body.as_bytes() };
        self.hear(Heard::Answered(id, Ok(answer)))
    }

    fn state(&self) -> String {
        self.session.status(self.now).state
    }

    fn trades(&self) -> usize {
        self.out.items.iter().filter(|item| matches!(item, FeedItem::Tick(_))).count()
    }
}

/// A trade of the stream.
fn trade(symbol: &str, id: u32, time: &str) -> String {
    format!(r#"[{{"T":"t","S":"{symbol}","i":{id},"x":"V","p":10,"s":1,"t":"{time}","c":["@"],"z":"C"}}]"#)
}
